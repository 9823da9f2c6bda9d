import type { Secret } from '../auth/secret';
import type { AuthorizationRules } from './rules';

/** A tenant of the XKS proxy: what AWS KMS calls an external key store. Immutable. */
export interface XksStore {
  /** What its URIs start with: empty, or `/…` (XKS proxy API, URIs). */
  readonly prefix: string;
  /** Whose its keys are. */
  readonly accountId: string;
  /** Of the credential scope of its requests. */
  readonly region: string;
  readonly status: 'ENABLED' | 'DISABLED';
  /** Requests a second at the most, of one daemon; undefined: as many as there are. */
  readonly rate: number | undefined;
  /** Secondary authorization; undefined: AWS's own policies decide alone. */
  readonly rules: AuthorizationRules | undefined;
  /** Those that are enabled, by access key id, their secrets open. */
  readonly credentials: ReadonlyMap<string, Secret>;
}

export type XksKeyUsage = 'ENCRYPT' | 'DECRYPT';

/** What an external key id stands for. Immutable. */
export interface ExternalKey {
  readonly prefix: string;
  readonly externalKeyId: string;
  /** The KMS key whose material encrypts; the states, rotation and counting of that one hold. */
  readonly keyId: string;
  readonly usages: readonly XksKeyUsage[];
  readonly status: 'ENABLED' | 'DISABLED';
  readonly rules: AuthorizationRules | undefined;
}
