import { DeleteUserPolicyCommand, type IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { EncryptCommand, type KMSClient, PutKeyPolicyCommand } from '@aws-sdk/client-kms';
import { defaultKeyPolicy } from '../../src/policy/compile';
import { type TestDaemon, type TestDaemonOptions, startDaemon } from './daemon';
import { iamClient, makeAccessKey, makeIamUser } from './iam-client';
import { type NewKey, clientOf, createKey, sdkRefusal } from './kms';
import { place } from './sample-keys';

/** Where a condition stands. */
export type PolicyKind = 'key policy' | 'identity policy';

export type Condition = Readonly<Record<string, Readonly<Record<string, string | string[]>>>>;

export interface Statement {
  readonly Effect?: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource?: string;
  readonly Condition?: Condition;
}

/** Who asks. */
export interface Asker {
  /** What a key policy calls it. */
  readonly principal: object;
  /** What a denial calls it. */
  readonly name: string;
  readonly kms: KMSClient;
  /** How it is denied what no policy allows; as a member of the key's account where nothing is said. */
  denial?(action: string, resource: string): string;
}

/** A daemon, a key, and a user who may what the policies of the moment say. */
export interface ConditionStage {
  readonly daemon: TestDaemon;
  /** The root of the account, who may everything all the time. */
  readonly root: KMSClient;
  readonly alice: Asker;
  readonly key: NewKey;
  /** A ciphertext of the key, with `encryptionContext`. */
  readonly sealed: Uint8Array;
  /** The key's policy says this of the asker, and else that the account's policies decide. */
  putKeyPolicy(asker: Asker, statements: readonly Statement[]): Promise<void>;
  /** The key's policy says this of the asker, and alice's policy stays. */
  putKeyPolicyToo(asker: Asker, statements: readonly Statement[]): Promise<void>;
  /** The key's policy leaves it to the account's; alice's one policy says this. */
  putUserPolicy(statements: readonly Statement[]): Promise<void>;
  /** Somebody else put the key's policy. */
  forget(): void;
  /** With another key of the account, whose policies are not the account's alone from then on. */
  on(key: NewKey): ConditionStage;
  /** `allowed`, or code and text of the denial. */
  verdict(sending: Promise<unknown>): Promise<string>;
}

export const encryptionContext = { Project: 'Zeus', Stage: 'Test' };

export async function openConditionStage(options?: TestDaemonOptions): Promise<ConditionStage> {
  const daemon = await startDaemon(options);
  const root = daemon.client();
  const iam = iamClient(daemon);
  await makeIamUser(iam, 'alice');
  const key = await createKey(root, { Tags: [{ TagKey: 'Team', TagValue: 'blue' }] });
  const { CiphertextBlob: sealed = new Uint8Array() } = await root.send(
    new EncryptCommand({
      KeyId: key.id,
      Plaintext: Buffer.from('a'),
      EncryptionContext: encryptionContext,
    }),
  );
  const alice = {
    principal: { AWS: `arn:aws:iam::${daemon.accountId}:user/alice` },
    name: `arn:aws:iam::${daemon.accountId}:user/alice`,
    kms: clientOf(daemon, await makeAccessKey(iam, 'alice')),
  };
  return stageOn({ daemon, root, iam, alice, sealed, current: { identity: false } }, key);
}

interface Scenery extends Pick<ConditionStage, 'daemon' | 'root' | 'alice' | 'sealed'> {
  readonly iam: IAMClient;
  /** Does alice have a policy? */
  readonly current: { identity: boolean };
}

function stageOn(scenery: Scenery, key: NewKey): ConditionStage {
  const { daemon, root, iam, alice, sealed, current } = scenery;
  const open = defaultKeyPolicy(place, daemon.accountId);
  let put = '';
  const putPolicy = async (Policy: string): Promise<void> => {
    if (Policy === put) return;
    await root.send(new PutKeyPolicyCommand({ KeyId: key.id, Policy }));
    put = Policy;
  };
  const putOfKey = async (
    { principal }: Asker,
    statements: readonly Statement[],
  ): Promise<void> => {
    const { Statement } = JSON.parse(open) as { Statement: object[] };
    const own = statements.map((one) => ({ Principal: principal, ...complete(one) }));
    await putPolicy(document([...Statement, ...own]));
  };
  return {
    ...{ daemon, root, alice, key, sealed },
    putKeyPolicyToo: putOfKey,
    putKeyPolicy: async (asker, statements) => {
      if (current.identity) {
        await iam.send(new DeleteUserPolicyCommand({ UserName: 'alice', PolicyName: 'p' }));
        current.identity = false;
      }
      await putOfKey(asker, statements);
    },
    putUserPolicy: async (statements) => {
      await putPolicy(open);
      const PolicyDocument = document(statements.map(complete));
      current.identity = true;
      await iam.send(
        new PutUserPolicyCommand({ UserName: 'alice', PolicyName: 'p', PolicyDocument }),
      );
    },
    forget: () => void (put = ''),
    on: (other) => stageOn(scenery, other),
    verdict: async (sending) => {
      try {
        await sending;
        return 'allowed';
      } catch {
        const { code, message } = await sdkRefusal(sending);
        return `${code}: ${message}`;
      }
    },
  };
}

export function document(Statement: readonly object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement });
}

function complete(statement: Statement): object {
  return { Effect: 'Allow', Resource: '*', ...statement };
}

/** The denial where the key's policy delegates and no identity policy allows. */
export function noIdentityPolicy(name: string, action: string, resource: string): string {
  return `AccessDeniedException: User: ${name} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`;
}

/** The denial of those who have no identity policies. */
export function noResourcePolicy(name: string, action: string, resource: string): string {
  return noIdentityPolicy(name, action, resource).replace('no identity-based', 'no resource-based');
}

/** Sends a command with more headers, signed where headers of that name are. */
export function sendWith(
  kms: KMSClient,
  command: EncryptCommand,
  headers: Readonly<Record<string, string>>,
): Promise<unknown> {
  command.middlewareStack.add(
    (next) => (args) => {
      Object.assign((args.request as { headers: object }).headers, headers);
      return next(args);
    },
    // After what sets the user agent, before what signs.
    { step: 'build', priority: 'low', name: 'moreHeaders' },
  );
  return kms.send(command);
}

/** One condition key in one request. */
export interface ConditionRow {
  readonly key: string;
  readonly action: string;
  /** Other actions that the request needs. */
  readonly besides?: readonly string[];
  /** An operator with a value that the request meets, and one that it does not; absent: the request has no such key. */
  readonly met?: readonly [operator: string, met: string, unmet: string];
  /** What denials name; the key unless it is said. */
  readonly resource?: string;
  /** Both unless it is said. */
  readonly kinds?: readonly PolicyKind[];
  readonly by?: Asker;
  /** Where the request is about another key than the stage's. */
  readonly stage?: () => ConditionStage;
  send(asker: KMSClient): Promise<unknown>;
}

/**
 * What policies with conditions on the key answered, and what they should have: allowed when the key is met and Null says
 * that it is there, denied when it is not met and Null says that it is not there. Of an absent key, Null the other way.
 */
export async function conditionVerdicts(
  ofTheTest: ConditionStage,
  kind: PolicyKind,
  { key, met, send, action, ...row }: ConditionRow,
): Promise<{ readonly answered: object; readonly expected: object }> {
  const stage = row.stage?.() ?? ofTheTest;
  const by = row.by ?? stage.alice;
  const isThere = met !== undefined;
  const [operator = 'StringEquals', value = '', other = 'any'] = met ?? [];
  const right = {
    ...(isThere && { [operator]: { [key]: value } }),
    Null: { [key]: String(!isThere) },
  };
  const wrong = [{ [operator]: { [key]: other } }, { Null: { [key]: String(isThere) } }];
  const besides = row.besides === undefined ? [] : [{ Action: row.besides }];
  const ask = async (conditions: readonly Condition[]): Promise<string> => {
    const own = conditions.map((Condition) => ({ Action: action, Condition }));
    if (kind === 'key policy') await stage.putKeyPolicy(by, [...own, ...besides]);
    else await stage.putUserPolicy([...own, ...besides]);
    return stage.verdict(send(by.kms));
  };
  const resource = row.resource ?? stage.key.arn;
  const denied = by.denial?.(action, resource) ?? noIdentityPolicy(by.name, action, resource);
  return {
    answered: {
      [JSON.stringify(right)]: await ask([right]),
      [JSON.stringify(wrong)]: await ask(wrong),
    },
    expected: {
      [JSON.stringify(right)]: 'allowed',
      [JSON.stringify(wrong)]: denied,
    },
  };
}
