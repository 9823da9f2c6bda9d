import { type KMSClient } from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, createKey, putIntoState } from '../support/kms';
import { administer } from '../support/postgres';
import { newUser } from '../support/principals';
import { accessDenied, badRequest, refused } from '../support/wire';

/** Each request is wrong in two ways or more; the earlier step of kms-semantics §0 decides what is said. */
describe('The order of checks', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let user: TestDaemon['credentials'];
  let disabledMac: NewKey;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    user = (await newUser(daemon, 'alice')).credentials;
    disabledMac = await createKey(kms);
    await administer(
      daemon.databaseUrl,
      "update kms_key set key_usage = 'GENERATE_VERIFY_MAC', key_spec = 'HMAC_256' where key_id = $1",
      [disabledMac.id],
    );
    await putIntoState(daemon, disabledMac.id, 'Disabled');
  });
  afterAll(() => daemon.remove());

  const wrongSecret = () => ({
    credentials: { ...daemon.credentials, secretAccessKey: 'not the secret' },
  });

  test('An unknown operation comes before the signature', async () => {
    expect(await refused(daemon, 'Unknown', '{', wrongSecret())).toEqual(
      badRequest('UnknownOperationException'),
    );
  });

  test('The signature comes before the JSON', async () => {
    expect(await refused(daemon, 'Encrypt', '{', wrongSecret())).toMatchObject({
      __type: 'InvalidSignatureException',
    });
  });

  test('A wrong type comes before missing members, and these before checks of the operation', async () => {
    expect(await refused(daemon, 'Encrypt', { Plaintext: 7 })).toEqual(
      badRequest('SerializationException', 'NUMBER_VALUE cannot be converted to Blob'),
    );
    expect(await refused(daemon, 'GenerateDataKey', {})).toEqual(
      badRequest(
        'ValidationException',
        "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null",
      ),
    );
  });

  test('Validation comes before an operation that is not served', async () => {
    expect(await refused(daemon, 'UpdatePrimaryRegion', { PrimaryRegion: 'eu-west-1' })).toEqual(
      badRequest(
        'ValidationException',
        "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null",
      ),
    );
  });

  test('Checks of the operation come before the key is looked for', async () => {
    expect(await refused(daemon, 'GenerateDataKey', { KeyId: 'alias/nobody' })).toEqual(
      badRequest('ValidationException', 'Please specify either number of bytes or key spec.'),
    );
  });

  test('An alias where none may be comes before authorization', async () => {
    const asUser = { credentials: user };
    expect(await refused(daemon, 'DisableKey', { KeyId: 'alias/a' }, asUser)).toEqual(
      badRequest('InvalidArnException', 'Key Aliases are not supported for this operation.'),
    );
  });

  test('Authorization comes before usage and state', async () => {
    const input = { KeyId: disabledMac.id, Plaintext: 'YQ==' };
    expect(await refused(daemon, 'Encrypt', input, { credentials: user })).toEqual(
      accessDenied(
        `User: arn:aws:iam::${daemon.accountId}:user/alice is not authorized to perform: kms:Encrypt on resource: ${disabledMac.arn} because no identity-based policy allows the kms:Encrypt action`,
      ),
    );
  });

  test('Usage comes before state', async () => {
    expect(await refused(daemon, 'Encrypt', { KeyId: disabledMac.id, Plaintext: 'YQ==' })).toEqual(
      badRequest(
        'InvalidKeyUsageException',
        `${disabledMac.arn} key usage is GENERATE_VERIFY_MAC which is not valid for Encrypt.`,
      ),
    );
  });

  test('State comes before the algorithm, and both before DryRun', async () => {
    const key = await createKey(kms);
    const input = { KeyId: key.id, Plaintext: 'YQ==', DryRun: true };
    const other = { ...input, EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' };
    expect(await refused(daemon, 'Encrypt', other)).toEqual(
      badRequest(
        'InvalidKeyUsageException',
        'Algorithm RSAES_OAEP_SHA_1 is incompatible with key spec SYMMETRIC_DEFAULT.',
      ),
    );
    await putIntoState(daemon, key.id, 'Disabled');
    for (const wrong of [input, other]) {
      expect(await refused(daemon, 'Encrypt', wrong)).toEqual(
        badRequest('DisabledException', `${key.arn} is disabled.`),
      );
    }
  });
});
