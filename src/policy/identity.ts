import type { Policy } from './policy';

/** What the database says of a principal now: cached in the worker, dropped when anything of it changes. */
export interface Identity {
  /** The ARN that it has now; undefined of principals that have no row to change. */
  readonly arn: string | undefined;
  /** Tags of the user or role, by key as given; keys compare without case. */
  readonly tags: Readonly<Record<string, string>>;
  /** Inline and attached policies, those of a user's groups included. */
  readonly policies: readonly Policy[];
  /** Permissions boundary. */
  readonly boundary: Policy | undefined;
}

/** Of principals that have no policies of their own: roots, services, web identities. */
export const noIdentity: Identity = {
  arn: undefined,
  tags: {},
  policies: [],
  boundary: undefined,
};
