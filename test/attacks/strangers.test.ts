import { PutUserPolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateAliasCommand,
  EncryptCommand,
  type EncryptCommandInput,
  type KMSClient,
  ReEncryptCommand,
  type ReEncryptCommandInput,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { type TestCredentials, type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, makeAccessKey, makeIamUser } from '../support/iam-client';
import { type SdkRefusal, clientOf, createKey, otherAccount, sdkRefusal } from '../support/kms';

const stranger = '444455556666';
let daemon: TestDaemon;
let credentials: TestCredentials;
let there: string;

beforeAll(async () => {
  daemon = await startDaemon();
  credentials = await otherAccount(daemon, stranger);
  const { id: TargetKeyId, arn } = await createKey(daemon.client());
  there = arn;
  await daemon.client().send(new CreateAliasCommand({ AliasName: 'alias/there', TargetKeyId }));
});
afterAll(() => daemon.remove());

/** What an account is told that has any policy of its own, of another account's alias that is there and of one that is not. */
async function toldOf(
  mallory: KMSClient,
  more: Partial<EncryptCommandInput> = {},
): Promise<readonly SdkRefusal[]> {
  const told: SdkRefusal[] = [];
  for (const name of ['there', 'absent']) {
    const KeyId = `arn:aws:kms:${daemon.region}:${daemon.accountId}:alias/${name}`;
    const encrypting = new EncryptCommand({ KeyId, Plaintext: Buffer.from('x'), ...more });
    told.push(await sdkRefusal(mallory.send(encrypting)));
  }
  return told;
}

async function strangerWith(name: string, statement: object): Promise<KMSClient> {
  const iam = iamClient(daemon, credentials);
  await makeIamUser(iam, name);
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: statement });
  await iam.send(new PutUserPolicyCommand({ UserName: name, PolicyName: 'own', PolicyDocument }));
  return clientOf(daemon, await makeAccessKey(iam, name));
}

const hidden = (name: string) => ({
  code: 'AccessDeniedException',
  message: `User: arn:aws:iam::${stranger}:user/${name} is not authorized to perform: kms:Encrypt on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
  status: 400,
});

test('a stranger that denies itself everything is not told by it which aliases an account has', async () => {
  const statement = { Effect: 'Deny', Action: 'kms:*', Resource: '*' };
  const mallory = await strangerWith('mallory', statement);
  expect(await toldOf(mallory)).toEqual([hidden('mallory'), hidden('mallory')]);
});

test('nor one whose policy asks for what its request says twice', async () => {
  const Condition = { StringEquals: { 'kms:EncryptionContext:a': '1' } };
  const statement = { Effect: 'Allow', Action: 'kms:*', Resource: '*', Condition };
  const trudy = await strangerWith('trudy', statement);
  const told = await toldOf(trudy, { EncryptionContext: { a: '1', A: '1' } });
  expect(told).toEqual([hidden('trudy'), hidden('trudy')]);
});

describe('nor, by a request about two keys, one that may do nothing with the other', () => {
  const absent = '11111111-2222-3333-4444-555555555555';
  const foreign = (resource: string) =>
    `arn:aws:kms:${daemon.region}:${daemon.accountId}:${resource}`;
  const CiphertextBlob = Buffer.from('no ciphertext of any key');
  let eve: KMSClient;
  let own: { readonly id: string; readonly arn: string };
  beforeAll(async () => {
    own = await createKey(clientOf(daemon, credentials));
    const asking = new CreateAliasCommand({ AliasName: 'alias/own', TargetKeyId: own.id });
    await clientOf(daemon, credentials).send(asking);
    eve = await strangerWith('eve', { Effect: 'Allow', Action: 'kms:List*', Resource: '*' });
  });
  const reEncryptRefused = (input: Partial<ReEncryptCommandInput>) => {
    const all = { CiphertextBlob, SourceKeyId: own.id, DestinationKeyId: own.id, ...input };
    return sdkRefusal(eve.send(new ReEncryptCommand(all)));
  };
  const denied = (action: string, resource: string) => ({
    code: 'AccessDeniedException',
    message: `User: arn:aws:iam::${stranger}:user/eve is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`,
    status: 400,
  });

  test.each(['there', 'absent'])('the destination of ReEncrypt: alias/%s', async (name) => {
    const DestinationKeyId = foreign(`alias/${name}`);
    expect(await reEncryptRefused({ DestinationKeyId })).toEqual(
      denied('kms:ReEncryptFrom', own.arn),
    );
  });

  test.each(['there', 'absent'])('the source of ReEncrypt: alias/%s', async (name) => {
    const SourceKeyId = foreign(`alias/${name}`);
    for (const DestinationKeyId of [own.id, absent]) {
      const told = await reEncryptRefused({ SourceKeyId, DestinationKeyId });
      expect(told).toEqual({
        ...hidden('eve'),
        message: hidden('eve').message.replace('kms:Encrypt', 'kms:ReEncryptFrom'),
      });
    }
  });

  test('what an alias is to name', async () => {
    const AliasName = 'alias/own';
    const refusal = (action: string) =>
      denied(action, `arn:aws:kms:${daemon.region}:${stranger}:${AliasName}`);
    for (const TargetKeyId of [there, foreign(`key/${absent}`)]) {
      const input = { AliasName, TargetKeyId };
      expect(await sdkRefusal(eve.send(new CreateAliasCommand(input)))).toEqual(
        refusal('kms:CreateAlias'),
      );
      expect(await sdkRefusal(eve.send(new UpdateAliasCommand(input)))).toEqual(
        refusal('kms:UpdateAlias'),
      );
    }
  });
});
