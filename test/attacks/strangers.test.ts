import { PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { CreateAliasCommand, DescribeKeyCommand, EncryptCommand } from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, makeAccessKey, makeIamUser } from '../support/iam-client';
import { clientOf, createKey, otherAccount, sdkRefusal } from '../support/kms';

const stranger = '444455556666';
let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.remove());

test('a stranger that denies itself everything is not told by it which aliases an account has', async () => {
  const { id } = await createKey(daemon.client());
  await daemon.client().send(new CreateAliasCommand({ AliasName: 'alias/there', TargetKeyId: id }));
  const iam = iamClient(daemon, await otherAccount(daemon, stranger));
  await makeIamUser(iam, 'mallory');
  const Statement = { Effect: 'Deny', Action: 'kms:*', Resource: '*' };
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iam.send(
    new PutUserPolicyCommand({ UserName: 'mallory', PolicyName: 'none', PolicyDocument }),
  );
  const mallory = clientOf(daemon, await makeAccessKey(iam, 'mallory'));
  const arn = (name: string) => `arn:aws:kms:${daemon.region}:${daemon.accountId}:alias/${name}`;
  for (const command of [
    (KeyId: string) => new DescribeKeyCommand({ KeyId }),
    (KeyId: string) => new EncryptCommand({ KeyId, Plaintext: Buffer.from('x') }),
  ]) {
    const there = await sdkRefusal(mallory.send(command(arn('there')) as DescribeKeyCommand));
    const absent = await sdkRefusal(mallory.send(command(arn('absent')) as DescribeKeyCommand));
    expect(there).toEqual(absent);
    expect(there.message).toContain('on this resource because the resource does not exist');
  }
});
