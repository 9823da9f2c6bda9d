import { generateKeyPairSync } from 'node:crypto';
import {
  CreateAliasCommand,
  type CreateAliasCommandOutput,
  CreateKeyCommand,
  DecryptCommand,
  DeriveSharedSecretCommand,
  DisableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GenerateRandomCommand,
  type KMSClient,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type AuditRow, type NewKey, auditOf, auditTexts, createKey } from '../support/kms';
import { administer } from '../support/postgres';
import { until } from '../support/until';
import {
  type Usage,
  type UsageKeys,
  usageKeys,
  usageMessage,
  usageOperations,
  usageRequests,
} from '../support/usage-keys';
import { call } from '../support/wire';

const EncryptionContext = { Tenant: 'a', 'File name': 'b' };

/** What records say of a request besides its key. */
const recordedParameters: Readonly<Record<Usage, object>> = {
  signing: { signingAlgorithm: 'ECDSA_SHA_256' },
  mac: { macAlgorithm: 'HMAC_SHA_256' },
  agreement: { keyAgreementAlgorithm: 'ECDH' },
  encapsulation: { encapsulationAlgorithm: 'ML_KEM' },
};

describe('The audit and the log of requests', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let key: NewKey;
  let keys: UsageKeys;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    key = await createKey(kms);
    keys = await usageKeys(daemon);
  });
  afterAll(() => daemon.remove());

  const recordOf = ({ $metadata }: Pick<CreateAliasCommandOutput, '$metadata'>) =>
    auditOf(daemon, $metadata.requestId!);
  async function refusedRecord(sending: Promise<unknown>): Promise<AuditRow> {
    const { $metadata } = await sending.then(
      () => {
        throw new Error('the request was not refused');
      },
      (error: unknown) => error as CreateAliasCommandOutput,
    );
    return auditOf(daemon, $metadata.requestId!);
  }
  const keyResource = ({ arn }: NewKey) => ({
    accountId: daemon.accountId,
    type: 'AWS::KMS::Key',
    ARN: arn,
  });

  test('A success has the caller, the parameters without secrets and the key', async () => {
    const sealed = await kms.send(
      new EncryptCommand({ KeyId: key.id, Plaintext: Buffer.from('a'), EncryptionContext }),
    );
    expect(await recordOf(sealed)).toEqual({
      eventVersion: '1.11',
      userIdentity: {
        type: 'Root',
        principalId: daemon.accountId,
        arn: `arn:aws:iam::${daemon.accountId}:root`,
        accountId: daemon.accountId,
        accessKeyId: daemon.credentials.accessKeyId,
      },
      eventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
      eventSource: 'kms.amazonaws.com',
      eventName: 'Encrypt',
      awsRegion: daemon.region,
      sourceIPAddress: '127.0.0.1',
      userAgent: expect.stringContaining('aws-sdk-js') as string,
      requestParameters: {
        ...{ keyId: key.id, encryptionContext: EncryptionContext },
        encryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      },
      responseElements: null,
      additionalEventData: { keyMaterialId: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
      requestID: sealed.$metadata.requestId,
      eventID: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      readOnly: true,
      resources: [keyResource(key)],
      eventType: 'AwsApiCall',
      managementEvent: true,
      recipientAccountId: daemon.accountId,
      eventCategory: 'Management',
    });
  });

  test('A change names what it made or changed; one of an alias names the alias too', async () => {
    const made = await kms.send(new CreateKeyCommand({ Description: 'd' }));
    const { Arn: arn = '', KeyId: id = '' } = made.KeyMetadata!;
    expect(await recordOf(made)).toMatchObject({
      readOnly: false,
      requestParameters: { description: 'd' },
      responseElements: { keyMetadata: { keyId: id, arn, keyState: 'Enabled' } },
      resources: [keyResource({ id, arn })],
    });
    const AliasName = 'alias/audited';
    const named = await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: id }));
    const ARN = arn.replace(`key/${id}`, AliasName);
    expect(await recordOf(named)).toMatchObject({
      requestParameters: { aliasName: AliasName, targetKeyId: id },
      responseElements: { keyId: arn },
      resources: [
        { accountId: daemon.accountId, type: 'AWS::KMS::Key', ARN },
        keyResource({ id, arn }),
      ],
    });
    const disabled = await kms.send(new DisableKeyCommand({ KeyId: id }));
    expect(await recordOf(disabled)).toMatchObject({
      readOnly: false,
      responseElements: { keyId: arn },
    });
  });

  test('A refusal has its code and text, AccessDenied under the name that CloudTrail uses', async () => {
    const foreign = key.arn.replace(daemon.accountId, '999988887777');
    const cases = [
      ['DescribeKey', { KeyId: 'nonsense' }, 'NotFoundException', "Invalid keyId 'nonsense'"],
      ['Decrypt', { CiphertextBlob: 'YQ==' }, 'InvalidCiphertextException', undefined],
      ['Encrypt', '{', 'SerializationException', undefined],
      ['Nonsense', '{}', 'UnknownOperationException', undefined],
      [
        'DescribeKey',
        { KeyId: foreign },
        'AccessDenied',
        expect.stringContaining('User: arn:aws:iam::') as string,
      ],
    ] as const;
    for (const [operation, input, code, text] of cases) {
      const { headers } = await call(daemon, operation, input);
      const record = await auditOf(daemon, String(headers['x-amzn-requestid']));
      expect(record.eventName).toBe(operation);
      expect([record.errorCode, record.errorMessage]).toEqual([code, text]);
    }
  });

  test('Neither the audit nor the log nor the rest of the database holds a plaintext, a data key or a secret', async () => {
    const Plaintext = Buffer.from('the quick brown plaintext');
    const sealed = await kms.send(
      new EncryptCommand({ KeyId: key.id, Plaintext, EncryptionContext }),
    );
    const { CiphertextBlob } = sealed;
    await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
    const moved = { CiphertextBlob, SourceEncryptionContext: EncryptionContext };
    await kms.send(new ReEncryptCommand({ ...moved, DestinationKeyId: key.id }));
    const made = await kms.send(new GenerateDataKeyCommand({ KeyId: key.id, KeySpec: 'AES_256' }));
    const spec = { KeyId: key.id, KeySpec: 'AES_256' } as const;
    await kms.send(new GenerateDataKeyWithoutPlaintextCommand(spec));
    const drawn = await kms.send(new GenerateRandomCommand({ NumberOfBytes: 32 }));
    // Bodies that are refused after and before they are understood.
    const body = {
      KeyId: key.id,
      Plaintext: Plaintext.toString('base64'),
      EncryptionAlgorithm: 'no',
    };
    await call(daemon, 'Encrypt', body);
    await call(daemon, 'Encrypt', JSON.stringify(body).slice(1));
    await call(daemon, 'Encrypt', body, { service: 's3' });
    const last = await call(daemon, 'Decrypt', { ...body, CiphertextBlob: body.Plaintext });
    await until('the last request is in the log', () =>
      daemon.log.some((line) => line['requestId'] === last.headers['x-amzn-requestid']),
    );

    const secrets = [Plaintext, made.Plaintext!, drawn.Plaintext!].flatMap((bytes) => [
      Buffer.from(bytes).toString('utf8'),
      Buffer.from(bytes).toString('base64'),
      Buffer.from(bytes).toString('hex'),
    ]);
    secrets.push(daemon.credentials.secretAccessKey, daemon.token.pin);
    const places = [
      ...(await auditTexts(daemon)),
      ...(await rowsOf([
        'kms_key',
        'key_material',
        'alias',
        'access_key',
        'principal',
        'system_key',
      ])),
      ...daemon.log.map((line) => JSON.stringify(line)),
    ];
    expect(places.length).toBeGreaterThan(30);
    for (const secret of secrets) {
      expect(places.filter((text) => text.includes(secret))).toEqual([]);
    }
  });

  test.each(usageOperations)('A success of %s has key and algorithms alone', async (operation) => {
    const { usage, send } = usageRequests[operation];
    const one = keys[usage];
    // The token has no ML-KEM: a trial is recorded as what it would have been.
    const trial = usage === 'encapsulation' ? { DryRun: true } : undefined;
    const answered = send(kms, one, trial);
    const record = await (trial === undefined ? recordOf(await answered) : refusedRecord(answered));
    expect(record).toMatchObject({
      ...{ eventName: operation, readOnly: true, responseElements: null },
      resources: [keyResource(one)],
    });
    expect(record.requestParameters).toEqual({
      ...{ keyId: one.id, ...recordedParameters[usage] },
      ...(trial && { dryRun: true }),
    });
    expect(record).not.toHaveProperty('additionalEventData');
  });

  test('No place holds a message, a MAC, a signature or a shared secret', async () => {
    const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const peer = own.publicKey.export({ format: 'der', type: 'spki' });
    const derived = await kms.send(
      new DeriveSharedSecretCommand({
        ...{ KeyId: keys.agreement.id, PublicKey: peer, KeyAgreementAlgorithm: 'ECDH' },
      }),
    );
    const hmac = { KeyId: keys.mac.id, MacAlgorithm: 'HMAC_SHA_256' };
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
    const [Message, Mac] = [base64(usageMessage), base64(keys.mac.made)];
    // Requests that succeed, that are wrong, and that are not understood.
    await call(daemon, 'VerifyMac', { ...hmac, Message, Mac });
    await call(daemon, 'VerifyMac', { ...hmac, Message: base64(Buffer.from('another')), Mac });
    await call(daemon, 'GenerateMac', { ...hmac, Message, MacAlgorithm: 'no' });
    await call(daemon, 'VerifyMac', JSON.stringify({ ...hmac, Message, Mac }).slice(1));
    const agreement = { KeyId: keys.agreement.id, KeyAgreementAlgorithm: 'ECDH' };
    const last = await call(daemon, 'DeriveSharedSecret', { ...agreement, PublicKey: Message });
    await until('the last request is in the log', () =>
      daemon.log.some((line) => line['requestId'] === last.headers['x-amzn-requestid']),
    );
    const secrets = [
      ...[usageMessage, keys.mac.made, keys.signing.made],
      ...[derived.SharedSecret ?? usageMessage, peer],
    ].flatMap((bytes) =>
      (['utf8', 'base64', 'hex'] as const).map((form) => Buffer.from(bytes).toString(form)),
    );
    const places = [
      ...(await auditTexts(daemon)),
      ...(await rowsOf(['kms_key', 'key_material', 'key_usage', 'system_key'])),
      ...daemon.log.map((line) => JSON.stringify(line)),
    ];
    expect(places.length).toBeGreaterThan(30);
    for (const secret of secrets) {
      expect(places.filter((text) => text.includes(secret))).toEqual([]);
    }
  });

  test('Every request has one record: those of the SDK, of strangers, and of nobody', async () => {
    const before = (await auditTexts(daemon)).length;
    const sent = [
      call(daemon, 'ListKeys', {}),
      call(daemon, 'ListKeys', {}, { service: 's3' }),
      call(daemon, 'Nonsense', {}),
      call(daemon, 'CreateKey', {}),
      call(daemon, 'CreateKey', { Policy: '{}' }),
      call(daemon, 'Encrypt', '{'),
    ];
    const ids = (await Promise.all(sent)).map(({ headers }) => headers['x-amzn-requestid']);
    expect(await auditTexts(daemon)).toHaveLength(before + sent.length);
    for (const id of ids) expect((await auditOf(daemon, String(id))).requestID).toBe(id);
  });

  test('Every request is one event of the log, with its id, operation and outcome', async () => {
    const { headers } = await call(daemon, 'DescribeKey', { KeyId: key.id });
    const requestId = headers['x-amzn-requestid'];
    const events = () => daemon.log.filter((line) => line['requestId'] === requestId);
    await until('the request is in the log', () => events().length > 0);
    expect(events()).toMatchObject([
      { message: 'request', operation: 'DescribeKey', outcome: 'ok', keyId: key.id },
    ]);
  });

  async function rowsOf(tables: readonly string[]): Promise<string[]> {
    const texts = tables.map((table) =>
      administer<{ row: string }>(daemon.databaseUrl, `select ${table}::text as row from ${table}`),
    );
    return (await Promise.all(texts)).flat().map(({ row }) => row);
  }
});
