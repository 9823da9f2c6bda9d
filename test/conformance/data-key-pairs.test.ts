import { type KeyObject, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import {
  CreateGrantCommand,
  DecryptCommand,
  GenerateDataKeyPairCommand,
  type GenerateDataKeyPairCommandInput,
  GenerateDataKeyPairWithoutPlaintextCommand,
  GetKeyLastUsageCommand,
  type KMSClient,
  PutKeyPolicyCommand,
} from '@aws-sdk/client-kms';
import { type Token, openToken } from '../../hsm';
import { document } from '../support/condition-stage';
import { type TestDaemon, startDaemon } from '../support/daemon';
import {
  type NewKey,
  auditOf,
  auditTexts,
  clientOf,
  createKey,
  otherAccount,
  putIntoState,
  sdkRefusal,
} from '../support/kms';
import { createExternalKey } from '../support/kms-imports';
import { newUser } from '../support/principals';
import { tokenOptions } from '../support/token-options';
import { badRequest, refused } from '../support/wire';

const EncryptionContext = { tenant: 'Ünïcode-🔑', file: 'invoice.pdf' };
const operations = ['GenerateDataKeyPair', 'GenerateDataKeyPairWithoutPlaintext'] as const;

let daemon: TestDaemon;
let kms: KMSClient;
let key: NewKey;
let token: Token;
let stranger: TestDaemon['credentials'];
beforeAll(async () => {
  daemon = await startDaemon();
  // An RSA pair takes as long as it takes to find its primes, on a machine that has other work.
  kms = daemon.client({ requestHandler: { requestTimeout: 100_000, throwOnRequestTimeout: true } });
  key = await createKey(kms);
  stranger = await otherAccount(daemon, '444455556666');
  token = await openToken(tokenOptions(daemon.token));
});
afterAll(async () => {
  await token.close();
  await daemon.remove();
});

const makePair = (input: Partial<GenerateDataKeyPairCommandInput> = {}) =>
  kms.send(
    new GenerateDataKeyPairCommand({
      ...{ KeyId: key.id, KeyPairSpec: 'ECC_NIST_P256', EncryptionContext, ...input },
    }),
  );
const open = async (CiphertextBlob: Uint8Array | undefined) =>
  kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
const readPrivate = (der: Uint8Array | undefined): KeyObject =>
  createPrivateKey({ key: Buffer.from(der!), format: 'der', type: 'pkcs8' });
const readPublic = (der: Uint8Array | undefined): KeyObject =>
  createPublicKey({ key: Buffer.from(der!), format: 'der', type: 'spki' });
const spki = (publicKey: KeyObject): Buffer => publicKey.export({ format: 'der', type: 'spki' });

/** By KeyPairSpec: what OpenSSL calls such a key, and the digest to sign with; null where the scheme has its own. */
const specs = [
  ['RSA_2048', { type: 'rsa', modulusLength: 2048, publicExponent: 65537n }, 'sha256'],
  ['RSA_3072', { type: 'rsa', modulusLength: 3072, publicExponent: 65537n }, 'sha384'],
  ['RSA_4096', { type: 'rsa', modulusLength: 4096, publicExponent: 65537n }, 'sha512'],
  ['ECC_NIST_P256', { type: 'ec', namedCurve: 'prime256v1' }, 'sha256'],
  ['ECC_NIST_P384', { type: 'ec', namedCurve: 'secp384r1' }, 'sha384'],
  ['ECC_NIST_P521', { type: 'ec', namedCurve: 'secp521r1' }, 'sha512'],
  ['ECC_SECG_P256K1', { type: 'ec', namedCurve: 'secp256k1' }, 'sha256'],
  ['ECC_NIST_EDWARDS25519', { type: 'ed25519' }, null],
] as const;

describe.each(specs)('A data key pair of %s', (KeyPairSpec, expected, digest) => {
  test('is a pair, sealed under the key with its encryption context, and kept nowhere', async () => {
    const objects = (await token.listObjects('')).length;
    const { $metadata: _, ...made } = await makePair({ KeyPairSpec });
    expect(made).toEqual({
      PrivateKeyCiphertextBlob: expect.any(Uint8Array) as Uint8Array,
      PrivateKeyPlaintext: expect.any(Uint8Array) as Uint8Array,
      PublicKey: expect.any(Uint8Array) as Uint8Array,
      ...{ KeyId: key.arn, KeyPairSpec },
      KeyMaterialId: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    const [privateKey, publicKey] = [
      readPrivate(made.PrivateKeyPlaintext),
      readPublic(made.PublicKey),
    ];
    expect({ type: publicKey.asymmetricKeyType, ...publicKey.asymmetricKeyDetails }).toEqual(
      expected,
    );
    expect(spki(createPublicKey(privateKey))).toEqual(Buffer.from(made.PublicKey!));
    const message = Buffer.from('attack at dawn');
    const signature = sign(digest, message, privateKey);
    expect(verify(digest, message, publicKey, signature)).toBe(true);
    const opened = await open(made.PrivateKeyCiphertextBlob);
    expect(opened.Plaintext).toEqual(made.PrivateKeyPlaintext);
    expect([opened.KeyId, opened.KeyMaterialId]).toEqual([key.arn, made.KeyMaterialId]);
    expect(made.PrivateKeyCiphertextBlob!.length).toBeLessThanOrEqual(6144);
    expect((await token.listObjects('')).length).toBe(objects);
  });
});

test('Without plaintext the answer has the rest, and the blob the private key', async () => {
  const { $metadata: _, ...made } = await kms.send(
    new GenerateDataKeyPairWithoutPlaintextCommand({
      ...{ KeyId: key.arn, KeyPairSpec: 'RSA_2048', EncryptionContext },
    }),
  );
  expect(made).toEqual({
    PrivateKeyCiphertextBlob: expect.any(Uint8Array) as Uint8Array,
    PublicKey: expect.any(Uint8Array) as Uint8Array,
    ...{ KeyId: key.arn, KeyPairSpec: 'RSA_2048' },
    KeyMaterialId: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
  });
  const { Plaintext } = await open(made.PrivateKeyCiphertextBlob);
  expect(spki(createPublicKey(readPrivate(Plaintext)))).toEqual(Buffer.from(made.PublicKey!));
});

test('Eight at once are eight pairs', async () => {
  const made = await Promise.all(
    Array.from({ length: 8 }, () => makePair({ KeyPairSpec: 'RSA_2048' })),
  );
  const publicKeys = made.map(({ PrivateKeyPlaintext, PublicKey }) => {
    const own = spki(createPublicKey(readPrivate(PrivateKeyPlaintext))).toString('hex');
    expect(own).toBe(Buffer.from(PublicKey!).toString('hex'));
    return own;
  });
  expect(new Set(publicKeys).size).toBe(8);
});

test('The private key opens with its encryption context alone', async () => {
  const { PrivateKeyCiphertextBlob: CiphertextBlob } = await makePair();
  for (const context of [undefined, {}, { ...EncryptionContext, file: 'other.pdf' }]) {
    const input = { CiphertextBlob, EncryptionContext: context };
    expect(await sdkRefusal(kms.send(new DecryptCommand(input)))).toEqual({
      ...{ code: 'InvalidCiphertextException', message: '', status: 400 },
    });
  }
});

test('A key in every form is answered with its ARN, and was used', async () => {
  const { $metadata, KeyId } = await makePair({ KeyId: key.arn });
  expect(KeyId).toBe(key.arn);
  const { KeyLastUsage } = await kms.send(new GetKeyLastUsageCommand({ KeyId: key.id }));
  expect(KeyLastUsage).toMatchObject({
    ...{ Operation: 'GenerateDataKeyPair', KmsRequestId: $metadata.requestId },
  });
});

describe.each(operations)('What %s refuses', (operation) => {
  const refusedWith = (input: object) =>
    refused(daemon, operation, { KeyId: key.id, KeyPairSpec: 'ECC_NIST_P256', ...input });
  const failed = 'failed to satisfy constraint: Member must';

  test('A request without a spec, or with one that is none', async () => {
    expect(await refusedWith({ KeyPairSpec: undefined })).toEqual(
      badRequest(
        'ValidationException',
        `1 validation error detected: Value null at 'keyPairSpec' ${failed} not be null`,
      ),
    );
    for (const KeyPairSpec of ['ML_DSA_65', 'HMAC_256', 'SYMMETRIC_DEFAULT', 'rsa_2048', '']) {
      expect(await refusedWith({ KeyPairSpec })).toMatchObject({
        ...{ status: 400, __type: 'ValidationException' },
        message: expect.stringContaining(
          `1 validation error detected: Value '${KeyPairSpec}' at 'keyPairSpec' ${failed} satisfy enum value set: [`,
        ) as string,
      });
    }
    expect(await refusedWith({ KeyPairSpec: 7 })).toEqual(
      badRequest('SerializationException', 'NUMBER_VALUE cannot be converted to String'),
    );
  });

  test('SM2 by name, and ML-KEM by what the token lacks', async () => {
    expect(await refusedWith({ KeyPairSpec: 'SM2' })).toEqual(
      badRequest(
        'UnsupportedOperationException',
        'KeyPairSpec SM2 is not supported: PKCS#11 has no mechanism for it.',
      ),
    );
    for (const KeyPairSpec of ['ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024']) {
      expect(await refusedWith({ KeyPairSpec })).toEqual(
        badRequest(
          'UnsupportedOperationException',
          'the token lacks CKM_ML_KEM_KEY_PAIR_GEN (C_GenerateKeyPair: CKR_MECHANISM_INVALID)',
        ),
      );
    }
  });

  test('A key of another usage, and asymmetric keys, before their state', async () => {
    const [mac, signing, rsa] = [
      await createExternalKey(kms, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }),
      await createExternalKey(kms, { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }),
      await createKey(kms, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' }),
    ];
    for (const [{ id, arn }, usage] of [
      [mac, 'GENERATE_VERIFY_MAC'],
      [signing, 'SIGN_VERIFY'],
    ] as const) {
      expect(await refusedWith({ KeyId: id })).toEqual(
        badRequest(
          'InvalidKeyUsageException',
          `${arn} key usage is ${usage} which is not valid for ${operation}.`,
        ),
      );
    }
    const asymmetric = badRequest(
      'InvalidKeyUsageException',
      'You cannot generate a data key with an asymmetric CMK',
    );
    expect(await refusedWith({ KeyId: rsa.id })).toEqual(asymmetric);
    await putIntoState(daemon, rsa.id, 'Disabled');
    expect(await refusedWith({ KeyId: rsa.id })).toEqual(asymmetric);
  });

  test('A key that is not to be used', async () => {
    const dying = await createKey(kms);
    for (const [state, code, what] of [
      ['Disabled', 'DisabledException', 'is disabled.'],
      ['PendingDeletion', 'KMSInvalidStateException', 'is pending deletion.'],
    ] as const) {
      await putIntoState(daemon, dying.id, state);
      expect(await refusedWith({ KeyId: dying.id })).toEqual(
        badRequest(code, `${dying.arn} ${what}`),
      );
    }
    const waiting = await createExternalKey(kms);
    expect(await refusedWith({ KeyId: waiting.id })).toEqual(
      badRequest('KMSInvalidStateException', `${waiting.arn} is pending import.`),
    );
  });

  test('A context that is too large', async () => {
    const context = { k: 'v'.repeat(9000) };
    expect(await refusedWith({ EncryptionContext: context })).toEqual(
      badRequest(
        'ValidationException',
        'The encryption context must not be larger than 8192 bytes.',
      ),
    );
  });

  test('A dry run, which makes nothing', async () => {
    expect(await refusedWith({ KeyPairSpec: 'RSA_4096', DryRun: true })).toEqual(
      badRequest(
        'DryRunOperationException',
        'The request would have succeeded, but the DryRun option is set.',
      ),
    );
  });

  test('Who may not', async () => {
    const input = { KeyId: key.arn, KeyPairSpec: 'RSA_4096' };
    expect(await refused(daemon, operation, input, { credentials: stranger })).toMatchObject({
      __type: 'AccessDeniedException',
    });
  });
});

test('A grant and another account’s policy are enough, for the spec that they name', async () => {
  const grantee = await newUser(daemon, 'grantee');
  const Operations = ['GenerateDataKeyPair' as const];
  const Constraints = { EncryptionContextSubset: { tenant: EncryptionContext.tenant } };
  await kms.send(
    new CreateGrantCommand({
      ...{ KeyId: key.id, GranteePrincipal: grantee.arn, Operations, Constraints },
    }),
  );
  const pair = { KeyId: key.arn, KeyPairSpec: 'ECC_NIST_P256' as const };
  await grantee.kms.send(new GenerateDataKeyPairCommand({ ...pair, EncryptionContext }));
  const denied = { code: 'AccessDeniedException' };
  expect(await sdkRefusal(grantee.kms.send(new GenerateDataKeyPairCommand(pair)))).toMatchObject(
    denied,
  );
  const visitor = clientOf(daemon, stranger);
  const shared = await createKey(kms);
  const root = (account: string) => ({ AWS: `arn:aws:iam::${account}:root` });
  const StringEquals = { 'kms:DataKeyPairSpec': 'ECC_NIST_P256' };
  const statement = { Effect: 'Allow', Action: 'kms:*', Resource: '*' };
  const Policy = document([
    { ...statement, Principal: root(daemon.accountId) },
    { ...statement, Principal: root('444455556666'), Condition: { StringEquals } },
  ]);
  await kms.send(new PutKeyPolicyCommand({ KeyId: shared.id, Policy }));
  const theirs = { KeyId: shared.arn, KeyPairSpec: 'ECC_NIST_P256' as const };
  await visitor.send(new GenerateDataKeyPairWithoutPlaintextCommand(theirs));
  const other = { ...theirs, KeyPairSpec: 'ECC_NIST_P384' as const };
  const sending = visitor.send(new GenerateDataKeyPairWithoutPlaintextCommand(other));
  expect(await sdkRefusal(sending)).toMatchObject(denied);
});

test('The audit has the request, the key material’s id, and nothing of the pair', async () => {
  const made = await makePair({ KeyPairSpec: 'RSA_2048' });
  const record = await auditOf(daemon, made.$metadata.requestId!);
  expect(record).toMatchObject({
    ...{ eventName: 'GenerateDataKeyPair', readOnly: true, responseElements: null },
    additionalEventData: { keyMaterialId: made.KeyMaterialId },
    resources: [{ ARN: key.arn }],
  });
  expect(record.requestParameters).toEqual({
    ...{ keyId: key.id, keyPairSpec: 'RSA_2048', encryptionContext: EncryptionContext },
  });
  const all = (await auditTexts(daemon)).join('\n') + JSON.stringify(daemon.log);
  for (const member of ['PrivateKeyPlaintext', 'PrivateKeyCiphertextBlob', 'PublicKey'] as const) {
    expect(all.includes(Buffer.from(made[member]!).toString('base64').slice(40, 80))).toBe(false);
  }
});
