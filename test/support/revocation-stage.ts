import { Agent } from 'node:http';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { KMSClient } from '@aws-sdk/client-kms';
import { type STSClient, STSClient as Sts } from '@aws-sdk/client-sts';
import { type TestCredentials, type TestDaemon, startDaemon } from './daemon';
import { iamClient } from './iam-client';
import { encrypt } from './keys';
import { createKey } from './kms';
import type { Answered } from './load';
import { type OidcIssuer, startIssuer } from './oidc-issuer';
import { makeUserAllowed } from './sts-client';

/** Two daemons on one token and one database, as two machines are. */
export interface Stage {
  /** Changes are sent to this one; it has one worker. */
  readonly first: TestDaemon;
  /** With two workers. */
  readonly second: TestDaemon;
  /** The account's root, at the first daemon. */
  readonly iam: IAMClient;
  readonly kms: KMSClient;
  /** A user who may assume roles. */
  readonly assuming: TestCredentials;
  /** Its policy leaves everything to IAM. */
  readonly keyId: string;
  /** For key policies of any kind. */
  readonly policedKeyId: string;
  readonly issuer: OidcIssuer;
  readonly accountId: string;
  arn(rest: string): string;
  remove(): Promise<void>;
}

/** `waitMs`: how long a change waits for a worker that cannot acknowledge it. */
export async function openStage({ waitMs }: { readonly waitMs: number }): Promise<Stage> {
  const environment = { CLAVIGER_REVOCATION_WAIT_MS: String(waitMs) };
  const first = await startDaemon({ environment });
  const second = await startDaemon({ beside: first, workers: 2, environment });
  const kms = first.client();
  const { accountId } = first;
  const issuer = await startIssuer();
  return {
    ...{ first, second, kms, issuer, accountId },
    iam: iamClient(first),
    assuming: await makeUserAllowed(first, 'assuming', 'sts:*'),
    keyId: (await createKey(kms)).id,
    policedKeyId: (await createKey(kms)).id,
    arn: (rest) => `arn:aws:iam::${accountId}:${rest}`,
    remove: async () => {
      await Promise.all([second.remove(), issuer.close()]);
      await first.remove();
    },
  };
}

/** One kept connection to a worker, on which one request is sent again and again. */
export interface Line {
  send(): Promise<Answered>;
  close(): void;
}

/** Somebody who is let in, and how that is taken back. */
export interface Access {
  open(daemon: TestDaemon): Line;
  /** Resolves when the call has answered. */
  revoke(): Promise<unknown>;
  /** Puts back what others need. */
  undo?(): Promise<unknown>;
}

export interface Revocation {
  readonly name: string;
  /** What the principal is told from then on, as the SDK names it. */
  readonly refusal: string;
  readonly rounds?: number;
  /** Lets somebody in who is new, under a name that nobody had. */
  arrange(stage: Stage, name: string): Promise<Access>;
}

const oneConnection = () => ({ httpAgent: new Agent({ keepAlive: true, maxSockets: 1 }) });

/** Lines on which the holder of the credentials encrypts. */
export function encrypting(credentials: TestCredentials, keyId: string): Access['open'] {
  return (daemon) => {
    const kms = daemon.client({ credentials, requestHandler: oneConnection() });
    return { send: () => kms.send(encrypt(keyId)), close: () => kms.destroy() };
  };
}

/** Lines on which the holder of the credentials asks STS for something. */
export function asking(
  credentials: TestCredentials,
  ask: (sts: STSClient) => Promise<Answered>,
): Access['open'] {
  return ({ endpoint, region }) => {
    const requestHandler = oneConnection();
    const sts = new Sts({ endpoint, region, credentials, maxAttempts: 1, requestHandler });
    return { send: () => ask(sts), close: () => sts.destroy() };
  };
}
