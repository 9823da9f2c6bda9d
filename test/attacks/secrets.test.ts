import { CreateGrantCommand, EncryptCommand, GenerateDataKeyCommand } from '@aws-sdk/client-kms';
import { AssumeRoleWithWebIdentityCommand, GetSessionTokenCommand } from '@aws-sdk/client-sts';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { handMade } from '../support/oidc-issuer';
import { clientOf, createKey, sdkRefusal } from '../support/kms';
import { administer } from '../support/postgres';
import { newUser } from '../support/principals';
import { stsClient, stsRefusal, taken } from '../support/sts-client';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.remove());

/** As they are, and as parts of a JSON text or of a form would be. */
const spellings = (secret: string) => [secret, encodeURIComponent(secret), JSON.stringify(secret)];

test('what was secret in requests and answers, refused ones too, is in no record and no log line', async () => {
  const { credentials, kms } = await newUser(daemon, 'user');
  const sts = stsClient(daemon, credentials);
  const session = taken((await sts.send(new GetSessionTokenCommand({}))).Credentials);
  const wrong = { ...session, sessionToken: `${session.sessionToken.slice(0, -8)}AAAAAAAA` };
  await sdkRefusal(clientOf(daemon, wrong).send(new GenerateDataKeyCommand({ KeyId: 'x' })));
  const root = daemon.client();
  const { id: KeyId } = await createKey(root);
  const plaintext = 'a-plaintext-that-is-long-enough-to-be-found';
  const encrypting = { KeyId, Plaintext: Buffer.from(plaintext) };
  await root.send(new EncryptCommand(encrypting));
  await sdkRefusal(kms.send(new EncryptCommand(encrypting)));
  const dataKey = await root.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }));
  const { GrantToken = '' } = await root.send(
    new CreateGrantCommand({
      KeyId,
      Operations: ['Encrypt'],
      GranteePrincipal: `arn:aws:iam::${daemon.accountId}:user/user`,
    }),
  );
  await kms.send(new EncryptCommand({ ...encrypting, GrantTokens: [GrantToken] }));
  const token = handMade({ alg: 'RS256' }, { iss: 'https://issuer.example', sub: 'somebody' });
  const RoleArn = `arn:aws:iam::${daemon.accountId}:role/absent`;
  const exchanging = { RoleArn, RoleSessionName: 'session', WebIdentityToken: token };
  await stsRefusal(sts.send(new AssumeRoleWithWebIdentityCommand(exchanging)));
  const records = await administer<{ record: string }>(
    daemon.databaseUrl,
    'select record from audit_record',
  );
  const said = [...records.map(({ record }) => record), JSON.stringify(daemon.log)].join('\n');
  expect(said).toContain('AssumeRoleWithWebIdentity');
  const secrets = {
    root: daemon.credentials.secretAccessKey,
    user: credentials.secretAccessKey,
    session: session.secretAccessKey,
    sessionToken: session.sessionToken.slice(100, 200),
    plaintext,
    encoded: Buffer.from(plaintext).toString('base64'),
    dataKey: Buffer.from(dataKey.Plaintext ?? []).toString('base64'),
    grantToken: GrantToken,
    token: token.split('.')[1] ?? '',
  };
  for (const [name, secret] of Object.entries(secrets)) {
    expect(secret.length).toBeGreaterThan(20);
    const found = spellings(secret).some((spelling) => said.includes(spelling));
    expect({ name, found }).toEqual({ name, found: false });
  }
});
