import { randomBytes } from 'node:crypto';
import {
  DescribeKeyCommand,
  DecryptCommand,
  DisableKeyCommand,
  EncryptCommand,
  ImportKeyMaterialCommand,
  type KMSClient,
  ListKeyRotationsCommand,
  RotateKeyOnDemandCommand,
} from '@aws-sdk/client-kms';
import { openToken } from '../../hsm';
import { Sealing } from '../../src/auth/sealing';
import { SealingKeys } from '../../src/auth/sealing-keys';
import { openDatabase } from '../../src/db';
import { ImportTokens } from '../../src/keys/import-tokens';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, createKey, sdkRefusal } from '../support/kms';
import {
  type Parameters,
  createExternalKey,
  ecKey,
  getParameters,
  importMaterial,
  rsaKey,
  wrap,
} from '../support/kms-imports';
import { tokenOptions } from '../support/token-options';
import { badRequest, refused } from '../support/wire';

let daemon: TestDaemon;
let kms: KMSClient;
beforeAll(async () => {
  daemon = await startDaemon();
  kms = daemon.client();
});
afterAll(() => daemon.remove());

const refusal = (code: string, message = '') => ({ code, message, status: 400 });
const incorrect = refusal('IncorrectKeyMaterialException');
const Plaintext = Buffer.from('attack at dawn');
const hour = 3600_000;

const describeIt = async (KeyId: string) =>
  (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
const encrypt = async (KeyId: string) =>
  (await kms.send(new EncryptCommand({ KeyId, Plaintext }))).CiphertextBlob;
const opens = async (CiphertextBlob: Uint8Array | undefined) =>
  (await kms.send(new DecryptCommand({ CiphertextBlob }))).KeyMaterialId;
const materials = async (KeyId: string) =>
  (await kms.send(new ListKeyRotationsCommand({ KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' })))
    .Rotations;

describe('What ImportKeyMaterial asks of a request', () => {
  const KeyId = '00000000-1111-2222-3333-444444444444';
  const past = Math.floor(Date.now() / 1000) - 1;
  const year = Math.floor(Date.now() / 1000) + 366 * 24 * 3600;
  const never = { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' };

  const rules: readonly (readonly [string, object, string])[] = [
    [
      'a ValidTo, where nothing else is said',
      {},
      'A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES',
    ],
    [
      'a ValidTo, of material that expires',
      { ExpirationModel: 'KEY_MATERIAL_EXPIRES' },
      'A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES',
    ],
    [
      'no ValidTo, of material that does not',
      { ...never, ValidTo: year - 1_000_000 },
      'A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE',
    ],
    ['a time in the future', { ValidTo: past }, 'ValidTo must be in the future'],
    ['a time within a year', { ValidTo: year }, 'ValidTo must be within 365 days'],
    [
      'no id of material that is new',
      { ...never, ImportType: 'NEW_KEY_MATERIAL', KeyMaterialId: 'a'.repeat(64) },
      'You cannot specify a KeyMaterialId when the ImportType is NEW_KEY_MATERIAL',
    ],
  ];
  test.each(rules)('is %s, before it looks for the key', async (_title, more, message) => {
    const input = { KeyId, ImportToken: 'YQ==', EncryptedKeyMaterial: 'YQ==', ...more };
    expect(await refused(daemon, 'ImportKeyMaterial', input)).toEqual(
      badRequest('ValidationException', message),
    );
  });

  test('are members of the forms that the API model has', async () => {
    const must = 'failed to satisfy constraint: Member must';
    const input = { KeyId, ImportToken: '', KeyMaterialId: 'A', KeyMaterialDescription: 'a,b' };
    expect(await refused(daemon, 'ImportKeyMaterial', input)).toEqual(
      badRequest(
        'ValidationException',
        [
          `5 validation errors detected: Value null at 'encryptedKeyMaterial' ${must} not be null`,
          `Value at 'importToken' ${must} have length greater than or equal to 1`,
          `Value 'a,b' at 'keyMaterialDescription' ${must} satisfy regular expression pattern: ^[a-zA-Z0-9:/_\\s.-]+$`,
          `Value 'A' at 'keyMaterialId' ${must} have length greater than or equal to 64`,
          `Value 'A' at 'keyMaterialId' ${must} satisfy regular expression pattern: ^[a-f0-9]+$`,
        ].join('; '),
      ),
    );
  });

  test('is a key for imported material', async () => {
    const { id, arn } = await createKey(kms);
    const input = { KeyId: id, ImportToken: 'YQ==', EncryptedKeyMaterial: 'YQ==', ...never };
    expect(await refused(daemon, 'ImportKeyMaterial', input)).toEqual(
      badRequest(
        'UnsupportedOperationException',
        `${arn} origin is AWS_KMS which is not valid for this operation.`,
      ),
    );
  });

  test.each([
    ['ImportType', 'NEW_KEY_MATERIAL'],
    ['KeyMaterialId', 'a'.repeat(64)],
    ['KeyMaterialDescription', 'mine'],
  ])('is no %s of what has one material only', async (member, value) => {
    const { id } = await createExternalKey(kms, {
      ...{ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' },
    });
    const input = { KeyId: id, ImportToken: 'YQ==', EncryptedKeyMaterial: 'YQ==', ...never };
    expect(await refused(daemon, 'ImportKeyMaterial', { ...input, [member]: value })).toEqual(
      badRequest(
        'UnsupportedOperationException',
        `${member} is only valid for symmetric encryption KMS keys.`,
      ),
    );
  });
});

describe('What is not the material of a key', () => {
  let key: NewKey;
  let parameters: Parameters;
  const material = randomBytes(32);
  beforeAll(async () => {
    key = await createExternalKey(kms);
    parameters = await getParameters(kms, key.id);
  });
  const send = (more: object, KeyId = key.id) =>
    kms.send(
      new ImportKeyMaterialCommand({
        ...{ KeyId, ImportToken: parameters.importToken },
        EncryptedKeyMaterial: wrap(material, parameters),
        ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
        ...more,
      }),
    );
  afterEach(async () => {
    expect(await describeIt(key.id)).toMatchObject({ KeyState: 'PendingImport' });
  });

  test('has no import token, or one that was changed, or that of another key', async () => {
    const changed = Buffer.from(parameters.importToken);
    changed[40] = (changed[40] ?? 0) ^ 1;
    const other = await createExternalKey(kms);
    const invalid = refusal('InvalidImportTokenException');
    for (const ImportToken of [Buffer.from('a'), randomBytes(6144), changed]) {
      expect(await sdkRefusal(send({ ImportToken }))).toEqual(invalid);
    }
    expect(await sdkRefusal(send({}, other.id))).toEqual(invalid);
  });

  test('has a token whose time is over, or whose pair of keys is gone', async () => {
    const token = await openToken(tokenOptions(daemon.token));
    const db = openDatabase({
      url: daemon.databaseUrl,
      ...{ poolSize: 1, statementTimeoutMs: 15_000, connectTimeoutMs: 15_000 },
    });
    try {
      const sealing = new Sealing(token, 'import-token-sealing');
      const tokens = new ImportTokens({ sealing, sealingKeys: new SealingKeys(db, sealing) });
      const statement = {
        ...{ keyId: key.id, importKeyId: 'ab'.repeat(32), algorithm: parameters.algorithm },
      };
      for (const validTo of [new Date(Date.now() - 1), new Date(Date.now() + hour)]) {
        const ImportToken = await tokens.seal({ ...statement, validTo });
        const expired = refusal('ExpiredImportTokenException');
        expect(await sdkRefusal(send({ ImportToken }))).toEqual(expired);
      }
    } finally {
      await db.close();
      await token.close();
    }
  });

  test('does not unwrap: another public key, another algorithm, a byte that was changed', async () => {
    const tampered = wrap(material, parameters);
    tampered[100] = (tampered[100] ?? 0) ^ 1;
    const { publicKey } = await getParameters(kms, key.id);
    for (const EncryptedKeyMaterial of [
      tampered,
      wrap(material, { ...parameters, publicKey }),
      wrap(material, { ...parameters, algorithm: 'RSAES_OAEP_SHA_1' }),
      randomBytes(256),
    ]) {
      const unopened = refusal('InvalidCiphertextException');
      expect(await sdkRefusal(send({ EncryptedKeyMaterial }))).toEqual(unopened);
    }
  });

  test.each([1, 255, 257, 6144])('has another length than its wrapping key: %d', async (length) => {
    expect(await sdkRefusal(send({ EncryptedKeyMaterial: randomBytes(length) }))).toEqual(
      refusal('ValidationException', 'Invalid encrypted key size.'),
    );
  });

  test.each([0, 16, 31, 33, 64])('is no AES key: %d bytes', async (length) => {
    const EncryptedKeyMaterial = wrap(randomBytes(length), parameters);
    expect(await sdkRefusal(send({ EncryptedKeyMaterial }))).toEqual(incorrect);
  });

  test('is said to exist, or to have an id, and there never was any', async () => {
    for (const more of [
      { ImportType: 'EXISTING_KEY_MATERIAL' },
      { KeyMaterialId: 'a'.repeat(64) },
    ]) {
      expect(await sdkRefusal(send(more))).toEqual(incorrect);
    }
  });

  test('is a private key of another kind', async () => {
    const { id } = await createExternalKey(kms, {
      ...{ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
    });
    const algorithm = 'RSA_AES_KEY_WRAP_SHA_256';
    const own = await getParameters(kms, id, { algorithm });
    for (const wrong of [
      ...[ecKey('P-384'), ecKey('secp256k1'), rsaKey(2048), randomBytes(32), randomBytes(138)],
      ecKey('P-256').subarray(0, 137),
    ]) {
      const importing = importMaterial(kms, id, { material: wrong, parameters: own });
      expect(await sdkRefusal(importing)).toEqual(incorrect);
    }
    expect(await describeIt(id)).toMatchObject({ KeyState: 'PendingImport' });
  });

  test('is an RSA key of another size, were it by a bit', async () => {
    const { id } = await createExternalKey(kms, { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' });
    const parameters = await getParameters(kms, id, { algorithm: 'RSA_AES_KEY_WRAP_SHA_256' });
    for (const bits of [2041, 2047, 3072]) {
      const importing = importMaterial(kms, id, { material: rsaKey(bits), parameters });
      expect([bits, await sdkRefusal(importing)]).toEqual([bits, incorrect]);
    }
    expect(await describeIt(id)).toMatchObject({ KeyState: 'PendingImport' });
  });
});

describe('Material that is imported again', () => {
  test('is the same, with other terms, and its description stays until another is given', async () => {
    const { id } = await createExternalKey(kms);
    const parameters = await getParameters(kms, id);
    const material = randomBytes(32);
    const ValidTo = new Date(Math.floor(Date.now() / 1000) * 1000 + hour);
    const first = await importMaterial(kms, id, {
      ...{ material, parameters, ValidTo, KeyMaterialDescription: 'from the vault' },
    });
    const blob = await encrypt(id);
    const expiring = { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo };
    expect(await describeIt(id)).toMatchObject({ ...expiring, CurrentKeyMaterialId: first });
    for (const more of [
      {},
      { ImportType: 'EXISTING_KEY_MATERIAL' as const },
      { KeyMaterialId: first },
    ]) {
      expect(await importMaterial(kms, id, { material, parameters, ...more })).toBe(first);
    }
    const shown = await describeIt(id);
    expect(shown).toMatchObject({ ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' });
    expect(shown).not.toHaveProperty('ValidTo');
    expect(await opens(blob)).toBe(first);
    expect(await materials(id)).toMatchObject([{ KeyMaterialDescription: 'from the vault' }]);
    const KeyMaterialDescription = 'a:b/c_d e.f-g';
    await importMaterial(kms, id, { material, parameters, KeyMaterialDescription });
    expect(await materials(id)).toMatchObject([{ KeyMaterialDescription }]);
  });

  test('is never another one: of no key, by no type that says that it exists', async () => {
    const hmac = { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' } as const;
    for (const [input, more] of [
      [hmac, {}],
      [{}, {}],
      [{}, { ImportType: 'EXISTING_KEY_MATERIAL' }],
    ] as const) {
      const { id } = await createExternalKey(kms, input);
      const parameters = await getParameters(kms, id);
      await importMaterial(kms, id, { material: randomBytes(32), parameters });
      const again = { material: randomBytes(32), parameters, ...more };
      expect(await sdkRefusal(importMaterial(kms, id, again))).toEqual(incorrect);
      expect(await describeIt(id)).toMatchObject({ KeyState: 'Enabled' });
    }
  });

  test('leaves a disabled key disabled', async () => {
    const { id } = await createExternalKey(kms);
    const parameters = await getParameters(kms, id);
    const material = randomBytes(32);
    await importMaterial(kms, id, { material, parameters });
    await kms.send(new DisableKeyCommand({ KeyId: id }));
    await importMaterial(kms, id, { material, parameters });
    expect(await describeIt(id)).toMatchObject({ KeyState: 'Disabled' });
  });
});

describe('New material of a key that has some', () => {
  const NEW = { ImportType: 'NEW_KEY_MATERIAL' } as const;

  test('waits for a rotation on demand, and takes the place of the other by it', async () => {
    const { id, arn } = await createExternalKey(kms);
    const parameters = await getParameters(kms, id);
    const [a, b, c] = [randomBytes(32), randomBytes(32), randomBytes(32)];
    const first = await importMaterial(kms, id, { material: a, parameters });
    const blob = await encrypt(id);
    const second = await importMaterial(kms, id, { material: b, parameters, ...NEW });
    const current = { KeyMaterialId: first, KeyMaterialState: 'CURRENT' };
    expect(await materials(id)).toMatchObject([
      ...[current, { KeyMaterialId: second, KeyMaterialState: 'PENDING_ROTATION' }],
    ]);
    expect(await describeIt(id)).toMatchObject({ CurrentKeyMaterialId: first });
    expect(await opens(await encrypt(id))).toBe(first);

    for (const material of [a, b]) {
      const again = importMaterial(kms, id, { material, parameters, ...NEW });
      expect(await sdkRefusal(again)).toEqual(incorrect);
    }
    const third = await sdkRefusal(importMaterial(kms, id, { material: c, parameters, ...NEW }));
    expect(third).toEqual(
      refusal(
        'KMSInvalidStateException',
        `New key material (id: ${/id: ([0-9a-f]{64})/.exec(third.message)?.[1]}) cannot be imported into KMS key ${arn}, because another key material (id: ${second}) is pending rotation.`,
      ),
    );

    await kms.send(new RotateKeyOnDemandCommand({ KeyId: id }));
    expect(await describeIt(id)).toMatchObject({ CurrentKeyMaterialId: second });
    expect(await opens(await encrypt(id))).toBe(second);
    expect(await opens(blob)).toBe(first);
    expect(third.message).toContain(
      await importMaterial(kms, id, { material: c, parameters, ...NEW }),
    );
  });

  test('shows the earliest end of what the key needs, and not that of what waits', async () => {
    const { id } = await createExternalKey(kms);
    const parameters = await getParameters(kms, id);
    const inHours = (n: number) => new Date((Math.floor(Date.now() / 1000) + n * 3600) * 1000);
    const [later, sooner, soonest] = [inHours(30), inHours(20), inHours(10)];
    const [a, b] = [randomBytes(32), randomBytes(32)];
    await importMaterial(kms, id, { material: a, parameters, ValidTo: later });
    const waiting = { material: b, parameters, ...NEW };
    await importMaterial(kms, id, { ...waiting, ValidTo: soonest });
    expect(await describeIt(id)).toMatchObject({ ValidTo: later });
    await kms.send(new RotateKeyOnDemandCommand({ KeyId: id }));
    expect(await describeIt(id)).toMatchObject({ ValidTo: soonest });
    await importMaterial(kms, id, { material: b, parameters });
    expect(await describeIt(id)).toMatchObject({
      ...{ ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo: later },
    });
    await importMaterial(kms, id, { material: a, parameters, ValidTo: sooner });
    expect(await describeIt(id)).toMatchObject({ ValidTo: sooner });
  });
});

describe('Imports at once', () => {
  test('of the same material are one, and of different material one of them', async () => {
    const { id } = await createExternalKey(kms);
    const parameters = await getParameters(kms, id);
    const material = randomBytes(32);
    const same = Array.from({ length: 4 }, () => importMaterial(kms, id, { material, parameters }));
    expect(new Set(await Promise.all(same)).size).toBe(1);
    expect(await materials(id)).toHaveLength(1);

    const other = await createExternalKey(kms);
    const own = await getParameters(kms, other.id);
    const different = Array.from({ length: 4 }, async () => {
      try {
        return await importMaterial(kms, other.id, { material: randomBytes(32), parameters: own });
      } catch (error) {
        return (error as Error).name;
      }
    });
    const outcomes = await Promise.all(different);
    const won = outcomes.filter((outcome) => /^[0-9a-f]{64}$/.test(outcome));
    expect(won).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === incorrect.code)).toHaveLength(3);
    expect(await describeIt(other.id)).toMatchObject({ CurrentKeyMaterialId: won[0] });
  });
});
