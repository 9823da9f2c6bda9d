import {
  CreateGrantCommand,
  type CreateGrantCommandInput,
  EncryptCommand,
  type GrantListEntry,
  type KMSClient,
  ListGrantsCommand,
  RetireGrantCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from './daemon';
import { type NewKey, clientOf, createKey, otherAccount } from './kms';
import { type TestUser, newRole, newUser } from './principals';

export const foreignAccount = '444455556666';
export const foreignRoot = `arn:aws:iam::${foreignAccount}:root`;

/** The id of no grant. */
export const missingGrant = 'ab'.repeat(32);

export type Terms = Partial<CreateGrantCommandInput>;

export interface MadeGrant {
  readonly GrantId: string;
  readonly GrantToken: string;
  readonly requestId: string;
}

/** A daemon with people who could be granted something, and a key for each test. */
export interface GrantStage {
  readonly daemon: TestDaemon;
  /** The root of the daemon's account, whose keys they are. */
  readonly kms: KMSClient;
  /** The root of another account. */
  readonly foreign: KMSClient;
  /** Users without any policy. */
  readonly alice: TestUser;
  readonly bob: TestUser;
  /** The ARN of a role. */
  readonly role: string;
  key: NewKey;
  /** Lets alice encrypt with the key, where the terms say nothing else. */
  create(terms?: Terms, by?: KMSClient): Promise<MadeGrant>;
  grants(): Promise<readonly GrantListEntry[]>;
  mayEncrypt(by: KMSClient): Promise<boolean>;
  retire(by: KMSClient, GrantId: string): Promise<object>;
  remove(): Promise<void>;
}

export async function openGrantStage(): Promise<GrantStage> {
  const daemon = await startDaemon();
  const kms = daemon.client();
  const stage: GrantStage = {
    daemon,
    kms,
    foreign: clientOf(daemon, await otherAccount(daemon, foreignAccount)),
    alice: await newUser(daemon, 'alice'),
    bob: await newUser(daemon, 'bob'),
    role: await newRole(daemon, 'deployer'),
    key: await createKey(kms),
    create: async (terms = {}, by = kms) => {
      const grantee = terms.GranteeServicePrincipal === undefined ? stage.alice.arn : undefined;
      const { GrantId, GrantToken, $metadata } = await by.send(
        new CreateGrantCommand({
          ...{ KeyId: stage.key.arn, GranteePrincipal: grantee, Operations: ['Encrypt'] },
          ...terms,
        }),
      );
      return { GrantId: GrantId!, GrantToken: GrantToken!, requestId: $metadata.requestId! };
    },
    grants: async () => {
      const input = { KeyId: stage.key.id, Limit: 100 };
      return (await kms.send(new ListGrantsCommand(input))).Grants ?? [];
    },
    mayEncrypt: async (by) => {
      const input = { KeyId: stage.key.arn, Plaintext: Buffer.from('a') };
      return by.send(new EncryptCommand(input)).then(
        () => true,
        () => false,
      );
    },
    retire: (by, GrantId) => by.send(new RetireGrantCommand({ KeyId: stage.key.arn, GrantId })),
    remove: () => daemon.remove(),
  };
  return stage;
}
