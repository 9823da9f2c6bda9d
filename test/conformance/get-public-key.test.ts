import { createPublicKey } from 'node:crypto';
import {
  CreateAliasCommand,
  CreateGrantCommand,
  DeleteImportedKeyMaterialCommand,
  DisableKeyCommand,
  GetKeyLastUsageCommand,
  GetPublicKeyCommand,
  type KMSClient,
  type KeySpec,
  type KeyUsageType,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import {
  type NewKey,
  auditOf,
  clientOf,
  createKey,
  otherAccount,
  sdkRefusal,
} from '../support/kms';
import { createExternalKey, getParameters, importMaterial, pkcs8 } from '../support/kms-imports';
import { newUser } from '../support/principals';
import { openSslPair } from '../support/signing-keys';
import { badRequest, call, refused } from '../support/wire';

jest.setTimeout(60_000);

const rsaSigning = [
  ...['RSASSA_PKCS1_V1_5_SHA_256', 'RSASSA_PKCS1_V1_5_SHA_384', 'RSASSA_PKCS1_V1_5_SHA_512'],
  ...['RSASSA_PSS_SHA_256', 'RSASSA_PSS_SHA_384', 'RSASSA_PSS_SHA_512'],
];

const rsaEncryption = ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'];
const edwardsSigning = ['ED25519_SHA_512', 'ED25519_PH_SHA_512'];

interface OpenSslDetails {
  readonly type: string;
  readonly modulusLength?: number;
  readonly publicExponent?: bigint;
  readonly namedCurve?: string;
  readonly length: number;
}

/** What OpenSSL says of a public key of the spec, and the length of its DER. */
const openSslDetails: Readonly<Partial<Record<KeySpec, OpenSslDetails>>> = {
  RSA_2048: { type: 'rsa', modulusLength: 2048, publicExponent: 65537n, length: 294 },
  ECC_NIST_P256: { type: 'ec', namedCurve: 'prime256v1', length: 91 },
  ECC_NIST_P384: { type: 'ec', namedCurve: 'secp384r1', length: 120 },
  ECC_NIST_P521: { type: 'ec', namedCurve: 'secp521r1', length: 158 },
  ECC_SECG_P256K1: { type: 'ec', namedCurve: 'secp256k1', length: 88 },
  ECC_NIST_EDWARDS25519: { type: 'ed25519', length: 44 },
};

describe('GetPublicKey', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let key: NewKey;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    key = await createKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
  });
  afterAll(() => daemon.remove());

  const answered = async (KeyId: string, client = kms) => {
    const {
      $metadata: _,
      PublicKey,
      ...rest
    } = await client.send(new GetPublicKeyCommand({ KeyId }));
    return { ...rest, PublicKey: Buffer.from(PublicKey ?? []) };
  };

  const asymmetric: readonly (readonly [KeySpec, KeyUsageType, object])[] = [
    ['RSA_2048', 'SIGN_VERIFY', { SigningAlgorithms: rsaSigning }],
    ['RSA_2048', 'ENCRYPT_DECRYPT', { EncryptionAlgorithms: rsaEncryption }],
    ['ECC_NIST_P256', 'SIGN_VERIFY', { SigningAlgorithms: ['ECDSA_SHA_256'] }],
    ['ECC_NIST_P256', 'KEY_AGREEMENT', { KeyAgreementAlgorithms: ['ECDH'] }],
    ['ECC_NIST_P384', 'SIGN_VERIFY', { SigningAlgorithms: ['ECDSA_SHA_384'] }],
    ['ECC_NIST_P521', 'KEY_AGREEMENT', { KeyAgreementAlgorithms: ['ECDH'] }],
    ['ECC_SECG_P256K1', 'SIGN_VERIFY', { SigningAlgorithms: ['ECDSA_SHA_256'] }],
    ['ECC_NIST_EDWARDS25519', 'SIGN_VERIFY', { SigningAlgorithms: edwardsSigning }],
  ];
  test.each(asymmetric)('answers with the key of %s for %s', async (KeySpec, KeyUsage, lists) => {
    const { id, arn } = await createKey(kms, { KeySpec, KeyUsage });
    const { PublicKey, ...rest } = await answered(id);
    const shown = { KeyId: arn, KeySpec, CustomerMasterKeySpec: KeySpec, KeyUsage };
    expect(rest).toEqual({ ...shown, ...lists });
    const read = createPublicKey({ key: PublicKey, format: 'der', type: 'spki' });
    const { length, ...details } = openSslDetails[KeySpec] ?? {};
    expect({ type: read.asymmetricKeyType, ...read.asymmetricKeyDetails }).toEqual(details);
    // As OpenSSL writes it: the curve by name, the point uncompressed.
    expect(read.export({ format: 'der', type: 'spki' })).toEqual(PublicKey);
    expect(PublicKey).toHaveLength(length ?? 0);
    expect((await answered(arn)).PublicKey).toEqual(PublicKey);
  });

  test('of a key without one is refused without a word, after its state', async () => {
    const mac = { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' } as const;
    for (const input of [{}, mac]) {
      const { id: KeyId, arn } = await createKey(kms, input);
      const { status, text } = await call(daemon, 'GetPublicKey', { KeyId });
      expect([status, text]).toEqual([400, '{"__type":"UnsupportedOperationException"}']);
      await kms.send(new DisableKeyCommand({ KeyId }));
      expect(await refused(daemon, 'GetPublicKey', { KeyId })).toEqual(
        badRequest('DisabledException', `${arn} is disabled.`),
      );
    }
  });

  test('takes a key by id, ARN and alias that exists', async () => {
    const AliasName = 'alias/public';
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: key.id }));
    const whole = await answered(key.id);
    for (const KeyId of [key.arn, AliasName, key.arn.replace(/key\/.*/, AliasName)]) {
      expect(await answered(KeyId)).toEqual(whole);
    }
    const missing = '00000000-1111-4222-8333-444444444444';
    expect(await refused(daemon, 'GetPublicKey', { KeyId: missing })).toEqual(
      badRequest('NotFoundException', `Key '${key.arn.replace(key.id, missing)}' does not exist`),
    );
    expect(await refused(daemon, 'GetPublicKey', { KeyId: 'alias/nobody' })).toEqual(
      badRequest(
        'NotFoundException',
        `Alias ${key.arn.replace(/key\/.*/, 'alias/nobody')} is not found.`,
      ),
    );
    expect(await refused(daemon, 'GetPublicKey', {})).toEqual(
      badRequest(
        'ValidationException',
        "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null",
      ),
    );
    expect(await refused(daemon, 'GetPublicKey', { KeyId: key.id, GrantTokens: ['x'] })).toEqual(
      badRequest('InvalidGrantTokenException', 'The grant token is not valid.'),
    );
  });

  test('of imported material answers with its public half, while it is there', async () => {
    const { publicKey, privateKey } = openSslPair.ECC_NIST_P384();
    const { id: KeyId, arn } = await createExternalKey(kms, {
      ...{ KeySpec: 'ECC_NIST_P384', KeyUsage: 'KEY_AGREEMENT' },
    });
    const pending = {
      ...{ code: 'KMSInvalidStateException', message: `${arn} is pending import.`, status: 400 },
    };
    expect(await sdkRefusal(answered(KeyId))).toEqual(pending);
    const parameters = await getParameters(kms, KeyId, { algorithm: 'RSAES_OAEP_SHA_256' });
    const brought = { material: pkcs8(privateKey), parameters };
    await importMaterial(kms, KeyId, brought);
    const expected = publicKey.export({ format: 'der', type: 'spki' });
    expect((await answered(KeyId)).PublicKey).toEqual(expected);
    await kms.send(new DeleteImportedKeyMaterialCommand({ KeyId }));
    expect(await sdkRefusal(answered(KeyId))).toEqual(pending);
    await importMaterial(kms, KeyId, brought);
    expect((await answered(KeyId)).PublicKey).toEqual(expected);
  });

  test('needs a permission of its own, which a grant is', async () => {
    const alice = await newUser(daemon, 'alice');
    const denied = {
      code: 'AccessDeniedException',
      message: `User: ${alice.arn} is not authorized to perform: kms:GetPublicKey on resource: ${key.arn} because no identity-based policy allows the kms:GetPublicKey action`,
      status: 400,
    };
    const grant = (...Operations: ('Sign' | 'Verify' | 'GetPublicKey')[]) =>
      kms.send(new CreateGrantCommand({ KeyId: key.id, GranteePrincipal: alice.arn, Operations }));
    expect(await sdkRefusal(answered(key.id, alice.kms))).toEqual(denied);
    await grant('Sign', 'Verify');
    expect(await sdkRefusal(answered(key.id, alice.kms))).toEqual(denied);
    const { GrantToken } = await grant('GetPublicKey');
    const whole = await answered(key.id);
    expect(await answered(key.id, alice.kms)).toEqual(whole);
    const input = { KeyId: key.id, GrantTokens: [GrantToken ?? ''] };
    expect((await alice.kms.send(new GetPublicKeyCommand(input))).KeyId).toBe(key.arn);
  });

  test('is allowed another account by the policy of the key', async () => {
    const stranger = clientOf(daemon, await otherAccount(daemon, '444455556666'));
    expect(await sdkRefusal(answered(key.arn, stranger))).toEqual({
      code: 'AccessDeniedException',
      message:
        'User: arn:aws:iam::444455556666:root is not authorized to perform: kms:GetPublicKey on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access',
      status: 400,
    });
    const Statement = { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' };
    const open = await createKey(kms, {
      ...{ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
      Policy: JSON.stringify({ Version: '2012-10-17', Statement }),
    });
    expect(await answered(open.arn, stranger)).toEqual(await answered(open.id));
  });

  test('is recorded, and is no use of the key', async () => {
    const { id: KeyId, arn } = await createKey(kms, {
      ...{ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
    });
    const { $metadata } = await kms.send(new GetPublicKeyCommand({ KeyId }));
    expect(await auditOf(daemon, $metadata.requestId ?? '')).toMatchObject({
      ...{ eventName: 'GetPublicKey', readOnly: true, requestParameters: { keyId: KeyId } },
      responseElements: null,
      resources: [{ accountId: daemon.accountId, type: 'AWS::KMS::Key', ARN: arn }],
    });
    const { KeyLastUsage } = await kms.send(new GetKeyLastUsageCommand({ KeyId }));
    expect(KeyLastUsage).toBeUndefined();
  });

  test('is asked by the AWS CLI', async () => {
    const terminal = await openTerminal(daemon);
    try {
      const { stdout } = await terminal.kms('get-public-key', '--key-id', key.id);
      const { PublicKey, ...rest } = await answered(key.id);
      expect(JSON.parse(stdout)).toEqual({ ...rest, PublicKey: PublicKey.toString('base64') });
    } finally {
      await terminal.close();
    }
  });
});

test('GetPublicKey answers for disabled keys where the deployment says so', async () => {
  const environment = { CLAVIGER_PUBLIC_KEY_OF_DISABLED_KEYS: 'true' };
  const daemon = await startDaemon({ environment });
  try {
    const kms = daemon.client();
    const { id: KeyId, arn } = await createKey(kms, {
      ...{ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
    });
    const asking = () => kms.send(new GetPublicKeyCommand({ KeyId }));
    const { PublicKey } = await asking();
    await kms.send(new DisableKeyCommand({ KeyId }));
    expect((await asking()).PublicKey).toEqual(PublicKey);
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId }));
    const pending = badRequest('KMSInvalidStateException', `${arn} is pending deletion.`);
    expect(await refused(daemon, 'GetPublicKey', { KeyId })).toEqual(pending);
    const symmetric = await createKey(kms);
    await kms.send(new DisableKeyCommand({ KeyId: symmetric.id }));
    expect(await refused(daemon, 'GetPublicKey', { KeyId: symmetric.id })).toEqual(
      badRequest('UnsupportedOperationException'),
    );
  } finally {
    await daemon.remove();
  }
});
