import {
  constants,
  createPrivateKey,
  createPublicKey,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import {
  type CreateKeyCommandInput,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  type KeySpec,
  type KMSClient,
  type KeyUsageType,
} from '@aws-sdk/client-kms';
import type { ImportAlgorithm } from '../../hsm';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { importAlgorithms } from '../support/imports';
import { type AuditRow, type NewKey, sdkRefusal } from '../support/kms';
import {
  type Parameters,
  createExternalKey,
  ecKey,
  getParameters,
  importMaterial,
  rsaKey,
  wrap,
} from '../support/kms-imports';
import { administer } from '../support/postgres';
import { badRequest, refused } from '../support/wire';

let daemon: TestDaemon;
let kms: KMSClient;
beforeAll(async () => {
  daemon = await startDaemon();
  kms = daemon.client();
});
afterAll(() => daemon.remove());

const describeIt = async (KeyId: string) =>
  (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;

describe('A key of origin EXTERNAL', () => {
  test('is made without material, and waits for it', async () => {
    const { id, arn } = await createExternalKey(kms, { Description: 'brought' });
    expect(await describeIt(id)).toEqual({
      ...{ AWSAccountId: daemon.accountId, KeyId: id, Arn: arn, Description: 'brought' },
      CreationDate: expect.any(Date) as Date,
      ...{ Enabled: false, KeyState: 'PendingImport', KeyManager: 'CUSTOMER', Origin: 'EXTERNAL' },
      ...{ KeySpec: 'SYMMETRIC_DEFAULT', CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT' },
      ...{ KeyUsage: 'ENCRYPT_DECRYPT', EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'] },
      MultiRegion: false,
    });
    const encrypting = kms.send(new EncryptCommand({ KeyId: id, Plaintext: Buffer.from('a') }));
    expect(await sdkRefusal(encrypting)).toEqual({
      code: 'KMSInvalidStateException',
      message: `${arn} is pending import.`,
      status: 400,
    });
  });
});

interface Kind {
  readonly spec: KeySpec;
  readonly usage: KeyUsageType;
  readonly listed: object;
  readonly material: () => Buffer;
  /** With those that were left out it cannot be wrapped. */
  readonly algorithms?: readonly ImportAlgorithm[];
}

const keyWrap = importAlgorithms.filter((name) => name.startsWith('RSA_AES'));
const signing = (...SigningAlgorithms: string[]) => ({ SigningAlgorithms });
const hmac = (bits: number): Kind => ({
  ...{ spec: `HMAC_${bits}` as KeySpec, usage: 'GENERATE_VERIFY_MAC' },
  listed: { MacAlgorithms: [`HMAC_SHA_${bits}`] },
  material: () => randomBytes(bits / 8),
});
const rsaSigning = ['PKCS1_V1_5', 'PSS'].flatMap((padding) =>
  [256, 384, 512].map((bits) => `RSASSA_${padding}_SHA_${bits}`),
);
const oaep = { EncryptionAlgorithms: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] };

const kinds: readonly Kind[] = [
  {
    ...{ spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' },
    listed: { EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'] },
    material: () => randomBytes(32),
  },
  ...[224, 256, 384, 512].map(hmac),
  {
    ...{ spec: 'RSA_2048', usage: 'SIGN_VERIFY', listed: signing(...rsaSigning) },
    ...{ material: () => rsaKey(2048), algorithms: keyWrap },
  },
  {
    ...{ spec: 'RSA_3072', usage: 'ENCRYPT_DECRYPT', listed: oaep },
    ...{ material: () => rsaKey(3072), algorithms: keyWrap.slice(0, 1) },
  },
  {
    ...{ spec: 'RSA_4096', usage: 'ENCRYPT_DECRYPT', listed: oaep },
    ...{ material: () => rsaKey(4096), algorithms: keyWrap.slice(1) },
  },
  {
    ...{ spec: 'ECC_NIST_P256', usage: 'SIGN_VERIFY', listed: signing('ECDSA_SHA_256') },
    material: () => ecKey('P-256'),
  },
  {
    ...{ spec: 'ECC_NIST_P384', usage: 'KEY_AGREEMENT' },
    ...{ listed: { KeyAgreementAlgorithms: ['ECDH'] }, material: () => ecKey('P-384') },
  },
  {
    ...{ spec: 'ECC_NIST_P521', usage: 'SIGN_VERIFY', listed: signing('ECDSA_SHA_512') },
    ...{ material: () => ecKey('P-521'), algorithms: keyWrap },
  },
  {
    ...{ spec: 'ECC_SECG_P256K1', usage: 'SIGN_VERIFY', listed: signing('ECDSA_SHA_256') },
    material: () => ecKey('secp256k1'),
  },
];

describe.each(kinds)('Material of $spec for $usage', (kind) => {
  const { spec: KeySpec, usage: KeyUsage } = kind;
  const input = { KeySpec, KeyUsage } as CreateKeyCommandInput;

  test('is imported under every algorithm that wraps it, and has one id in its key', async () => {
    const { id, arn } = await createExternalKey(kms, input);
    expect(await describeIt(id)).toMatchObject({ ...kind.listed, KeyState: 'PendingImport' });
    const material = kind.material();
    const ids = new Set<string>();
    for (const algorithm of kind.algorithms ?? importAlgorithms) {
      const parameters = await getParameters(kms, id, { algorithm });
      ids.add(await importMaterial(kms, arn, { material, parameters }));
    }
    expect([...ids]).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    const [only] = ids;
    const current = KeySpec === 'SYMMETRIC_DEFAULT' ? { CurrentKeyMaterialId: only } : {};
    const shown = await describeIt(id);
    expect(shown).toMatchObject({ KeyState: 'Enabled', Enabled: true, ...current });
    expect(shown).toMatchObject({ ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' });
    if (KeySpec !== 'SYMMETRIC_DEFAULT') expect(shown).not.toHaveProperty('CurrentKeyMaterialId');
  });
});

describe('GetParametersForImport', () => {
  let key: NewKey;
  beforeAll(async () => {
    key = await createExternalKey(kms);
  });
  const asked = (more: object = {}) => ({
    ...{ KeyId: key.id, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' },
    ...more,
  });

  test.each([
    ['RSA_2048', 294],
    ['RSA_3072', 422],
    ['RSA_4096', 550],
  ] as const)('gives a public key of %s, a token, and a day', async (spec, bytes) => {
    const before = Date.now();
    const { publicKey, importToken, validTo } = await getParameters(kms, key.arn, { spec });
    expect(publicKey).toHaveLength(bytes);
    expect(importToken.length).toBeLessThanOrEqual(6144);
    const day = 24 * 3600 * 1000;
    // Both clocks are this machine's.
    expect(validTo?.getTime()).toBeGreaterThanOrEqual(before + day - 1000);
    expect(validTo?.getTime()).toBeLessThanOrEqual(Date.now() + day + 1000);
    const material = randomBytes(32);
    const { id } = await createExternalKey(kms);
    const parameters = await getParameters(kms, id, { spec });
    await importMaterial(kms, id, { material, parameters });
  });

  test('gives other ones each time, all of which are of use', async () => {
    const { id } = await createExternalKey(kms);
    const [one, other] = [await getParameters(kms, id), await getParameters(kms, id)];
    expect(one.publicKey).not.toEqual(other.publicKey);
    const material = randomBytes(32);
    const made = [other, one, one].map((parameters) => ({ material, parameters }));
    for (const each of made) await importMaterial(kms, id, each);
  });

  test.each([
    ['RSAES_PKCS1_V1_5', 'RSA_2048', 'WrappingAlgorithm RSAES_PKCS1_V1_5 is not supported.'],
    ['SM2PKE', 'SM2', 'WrappingAlgorithm SM2PKE is not supported.'],
    ['RSAES_OAEP_SHA_1', 'SM2', 'WrappingKeySpec SM2 is not supported.'],
  ])('refuses %s with %s before it looks for the key', async (algorithm, spec, message) => {
    const KeyId = '00000000-1111-2222-3333-444444444444';
    const input = asked({ KeyId, WrappingAlgorithm: algorithm, WrappingKeySpec: spec });
    expect(await refused(daemon, 'GetParametersForImport', input)).toEqual(
      badRequest('UnsupportedOperationException', message),
    );
  });

  test.each([
    ['RSA_2048', 'SIGN_VERIFY', 'RSA_4096'],
    ['ECC_NIST_P521', 'SIGN_VERIFY', 'RSA_2048'],
  ] as const)('refuses OAEP for material of %s', async (KeySpec, KeyUsage, WrappingKeySpec) => {
    const { id } = await createExternalKey(kms, { KeySpec, KeyUsage });
    const input = asked({ KeyId: id, WrappingKeySpec });
    expect(await refused(daemon, 'GetParametersForImport', input)).toEqual(
      badRequest(
        'UnsupportedOperationException',
        `Algorithm RSAES_OAEP_SHA_256 and wrapping key spec ${WrappingKeySpec} cannot wrap key material of key spec ${KeySpec}.`,
      ),
    );
  });

  test('refuses what the API model does not have', async () => {
    const constraint = 'failed to satisfy constraint: Member must';
    expect(await refused(daemon, 'GetParametersForImport', { KeyId: key.id })).toEqual(
      badRequest(
        'ValidationException',
        `2 validation errors detected: Value null at 'wrappingAlgorithm' ${constraint} not be null; Value null at 'wrappingKeySpec' ${constraint} not be null`,
      ),
    );
    expect(
      await refused(daemon, 'GetParametersForImport', asked({ WrappingKeySpec: 'RSA_1024' })),
    ).toEqual(
      badRequest(
        'ValidationException',
        `1 validation error detected: Value 'RSA_1024' at 'wrappingKeySpec' ${constraint} satisfy enum value set: [RSA_2048, RSA_3072, RSA_4096, SM2]`,
      ),
    );
  });
});

describe('The audit of an import', () => {
  test('has what CloudTrail has, and nothing of token or material', async () => {
    const { id, arn } = await createExternalKey(kms);
    const resources = [{ accountId: daemon.accountId, type: 'AWS::KMS::Key', ARN: arn }];
    const asking = { KeyId: id, WrappingAlgorithm: 'RSAES_OAEP_SHA_256' as const };
    const parameters: Parameters = await getParameters(kms, id);
    const KeyMaterialDescription = 'of the vault';
    const material = randomBytes(32);
    const materialId = await importMaterial(kms, id, {
      ...{ material, parameters, KeyMaterialDescription },
      ValidTo: new Date(Date.now() + 3600_000),
    });
    const records = await auditOfKey(arn);
    expect(records['GetParametersForImport']).toMatchObject({
      readOnly: true,
      requestParameters: {
        ...{ keyId: id, wrappingAlgorithm: asking.WrappingAlgorithm, wrappingKeySpec: 'RSA_2048' },
      },
      responseElements: null,
      resources,
    });
    expect(records['ImportKeyMaterial']).toMatchObject({ readOnly: false, resources });
    expect(records['ImportKeyMaterial']?.requestParameters).toEqual({
      keyId: id,
      keyMaterialDescription: KeyMaterialDescription,
      validTo: expect.stringMatching(/^[A-Z][a-z]{2} \d+, \d{4}, \d+:\d\d:\d\d [AP]M$/) as string,
    });
    expect(records['ImportKeyMaterial']?.responseElements).toEqual({
      ...{ keyId: arn, keyMaterialId: materialId },
    });
    const text = JSON.stringify([records, daemon.log]);
    for (const secret of [material, parameters.importToken, wrap(material, parameters)]) {
      expect(text).not.toContain(Buffer.from(secret).toString('base64').slice(0, 32));
    }
  });

  /** The latest of each operation. */
  async function auditOfKey(arn: string) {
    const rows = await administer<{ record: string }>(
      daemon.databaseUrl,
      `select record from audit_record where record like $1 order by seq`,
      [`%"ARN":"${arn}"%`],
    );
    const records = rows.map(({ record }) => JSON.parse(record) as AuditRow);
    return Object.fromEntries(records.map((record) => [record.eventName, record]));
  }
});

test('A ciphertext is bound to its key: the same material in another one opens nothing', async () => {
  const material = randomBytes(32);
  const [one, other] = [await createExternalKey(kms), await createExternalKey(kms)];
  const ids = [
    await importMaterial(kms, one.id, { material }),
    await importMaterial(kms, other.id, { material }),
  ];
  expect(new Set(ids).size).toBe(2);
  const { CiphertextBlob } = await kms.send(
    new EncryptCommand({ KeyId: one.id, Plaintext: Buffer.from('attack at dawn') }),
  );
  const opened = await kms.send(new DecryptCommand({ CiphertextBlob }));
  expect(Buffer.from(opened.Plaintext ?? []).toString()).toBe('attack at dawn');
  const elsewhere = kms.send(new DecryptCommand({ KeyId: other.id, CiphertextBlob }));
  expect(await sdkRefusal(elsewhere)).toMatchObject({ code: 'IncorrectKeyException' });
});

test('An imported private key decrypts what was encrypted with its public half', async () => {
  const { id } = await createExternalKey(kms, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
  const algorithm = 'RSA_AES_KEY_WRAP_SHA_256';
  const parameters = await getParameters(kms, id, { algorithm });
  const material = rsaKey(2048);
  await importMaterial(kms, id, { material, parameters });
  const key = createPublicKey(createPrivateKey({ key: material, format: 'der', type: 'pkcs8' }));
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const ciphertext = publicEncrypt({ key, padding, oaepHash: 'sha256' }, Buffer.from('a'));
  const decrypted = await kms.send(
    new DecryptCommand({
      ...{ KeyId: id, CiphertextBlob: ciphertext, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' },
    }),
  );
  expect(Buffer.from(decrypted.Plaintext ?? [])).toEqual(Buffer.from('a'));
  expect(await refused(daemon, 'Encrypt', { KeyId: id, Plaintext: 'YQ==' })).toEqual(
    badRequest(
      'InvalidKeyUsageException',
      'Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.',
    ),
  );
});
