import {
  AddClientIDToOpenIDConnectProviderCommand,
  CreateOpenIDConnectProviderCommand,
  CreatePolicyCommand,
} from '@aws-sdk/client-iam';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal } from '../support/iam-client';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.remove());

test('text that the database cannot hold is refused as input, and is no fault of the daemon', async () => {
  const iam = iamClient(daemon);
  const { OpenIDConnectProviderArn } = await iam.send(
    new CreateOpenIDConnectProviderCommand({ Url: 'https://issuer.example', ClientIDList: ['a'] }),
  );
  const refused = (what: string) => ({
    code: 'InvalidInput',
    message: `${what} cannot contain the character U+0000.`,
    status: 400,
  });
  const adding = new AddClientIDToOpenIDConnectProviderCommand({
    OpenIDConnectProviderArn,
    ClientID: 'a\0b',
  });
  expect(await iamRefusal(iam.send(adding))).toEqual(refused('A client id'));
  const creating = new CreateOpenIDConnectProviderCommand({
    Url: 'https://other.example',
    ClientIDList: ['\0'],
  });
  expect(await iamRefusal(iam.send(creating))).toEqual(refused('A client id'));
  const PolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Action: 'kms:*', Resource: '*' },
  });
  const describing = new CreatePolicyCommand({
    PolicyName: 'p',
    PolicyDocument,
    Description: 'a\0',
  });
  expect(await iamRefusal(iam.send(describing))).toEqual(refused('A description'));
});
