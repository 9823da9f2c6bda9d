import {
  createECDH,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CreateAliasCommand,
  CreateGrantCommand,
  type CreateKeyCommandInput,
  DeleteImportedKeyMaterialCommand,
  DeriveSharedSecretCommand,
  DescribeKeyCommand,
  GetPublicKeyCommand,
  type KMSClient,
  type KeySpec,
} from '@aws-sdk/client-kms';
import { openTerminal } from '../support/aws-cli';
import { bothStores, storages } from '../support/both-stores';
import type { TestDaemon } from '../support/daemon';
import {
  type NewKey,
  auditTexts,
  clientOf,
  createKey,
  otherAccount,
  sdkRefusal,
} from '../support/kms';
import { createExternalKey, getParameters, importMaterial, pkcs8 } from '../support/kms-imports';
import { metricsOf } from '../support/metrics';
import { newUser } from '../support/principals';
import { badRequest, call, refused } from '../support/wire';

jest.setTimeout(60_000);

const daemonWith = bothStores();

const curves = [
  { spec: 'ECC_NIST_P256', namedCurve: 'prime256v1', bytes: 32 },
  { spec: 'ECC_NIST_P384', namedCurve: 'secp384r1', bytes: 48 },
  { spec: 'ECC_NIST_P521', namedCurve: 'secp521r1', bytes: 66 },
] as const;

const ofSpec = (KeySpec: KeySpec): CreateKeyCommandInput => ({
  KeySpec,
  KeyUsage: 'KEY_AGREEMENT',
});
const ECDH = { KeyAgreementAlgorithm: 'ECDH' } as const;

const spki = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' });
const newPair = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });

async function derive(kms: KMSClient, KeyId: string, PublicKey: Uint8Array): Promise<Buffer> {
  const input = { KeyId, PublicKey, ...ECDH };
  return Buffer.from((await kms.send(new DeriveSharedSecretCommand(input))).SharedSecret ?? []);
}

async function publicKeyOf(kms: KMSClient, KeyId: string): Promise<Buffer> {
  return Buffer.from((await kms.send(new GetPublicKeyCommand({ KeyId }))).PublicKey ?? []);
}

const asKey = (key: Buffer): KeyObject => createPublicKey({ key, format: 'der', type: 'spki' });

describe.each(storages)('Keys that agree whose material is %s', (storage) => {
  let kms: KMSClient;
  beforeAll(() => {
    kms = daemonWith(storage).client();
  });

  describe.each(curves)('of $spec', ({ spec, namedCurve, bytes }) => {
    test('agree with OpenSSL, and with each other', async () => {
      const [key, other] = [await createKey(kms, ofSpec(spec)), await createKey(kms, ofSpec(spec))];
      const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: key.id }));
      expect(KeyMetadata).toMatchObject({ KeySpec: spec, KeyAgreementAlgorithms: ['ECDH'] });
      const publicKey = await publicKeyOf(kms, key.id);
      const peer = newPair(namedCurve);
      const shared = await derive(kms, key.id, spki(peer.publicKey));
      expect(shared).toHaveLength(bytes);
      expect(shared).toEqual(
        diffieHellman({ privateKey: peer.privateKey, publicKey: asKey(publicKey) }),
      );
      const there = await derive(kms, key.id, await publicKeyOf(kms, other.id));
      expect(await derive(kms, other.id, publicKey)).toEqual(there);
      expect(there).not.toEqual(shared);
    });

    test('agree with imported material as OpenSSL does with it, whatever the secret begins with', async () => {
      const own = newPair(namedCurve);
      const key = await createExternalKey(kms, ofSpec(spec));
      const parameters = await getParameters(kms, key.id, {
        algorithm: 'RSA_AES_KEY_WRAP_SHA_256',
      });
      await importMaterial(kms, key.id, { material: pkcs8(own.privateKey), parameters });
      const peers = [newPair(namedCurve), peerWithLeadingZero(own.privateKey, namedCurve)];
      for (const { publicKey } of peers) {
        const shared = await derive(kms, key.id, spki(publicKey));
        expect(shared).toEqual(diffieHellman({ privateKey: own.privateKey, publicKey }));
        expect(shared).toHaveLength(bytes);
      }
    });

    test('take a compressed public key', async () => {
      const key = await createKey(kms, ofSpec(spec));
      const peer = createECDH(namedCurve);
      peer.generateKeys();
      const whole = spki(newPair(namedCurve).publicKey);
      const algorithm = whole.subarray(whole.indexOf(0x30, 2), whole.length - 2 * bytes - 3);
      const point = peer.getPublicKey(null, 'compressed');
      const bits = Buffer.concat([Buffer.of(0x03, point.length + 1, 0), point]);
      const identifier = algorithm.subarray(0, 2 + (algorithm[1] ?? 0));
      const compressed = Buffer.concat([
        Buffer.of(0x30, identifier.length + bits.length),
        identifier,
        bits,
      ]);
      const shared = await derive(kms, key.id, compressed);
      const uncompressed = Buffer.concat([
        whole.subarray(0, whole.length - 2 * bytes - 1),
        peer.getPublicKey(),
      ]);
      expect(await derive(kms, key.id, uncompressed)).toEqual(shared);
    });
  });
});

/** One whose shared secret begins with a zero byte, which is not left out. */
function peerWithLeadingZero(privateKey: KeyObject, namedCurve: string) {
  for (;;) {
    const peer = newPair(namedCurve);
    if (diffieHellman({ privateKey, publicKey: peer.publicKey })[0] === 0) return peer;
  }
}

describe('DeriveSharedSecret', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let key: NewKey;
  const peer = newPair('prime256v1');
  const PublicKey = spki(peer.publicKey);
  beforeAll(async () => {
    daemon = daemonWith('resident');
    kms = daemon.client();
    key = await createKey(kms, ofSpec('ECC_NIST_P256'));
  });

  const request = (more: object = {}) => ({
    ...{ KeyId: key.id, PublicKey: PublicKey.toString('base64'), ...ECDH, ...more },
  });
  const ask = (more: object = {}) => refused(daemon, 'DeriveSharedSecret', request(more));

  /** How often the token was asked, whatever it answered. */
  const agreements = async (): Promise<number> => {
    const asked = [...(await metricsOf(daemon))].filter(([name]) =>
      /^claviger_token_operation_seconds_count\{.*operation="agree"/.test(name),
    );
    return asked.reduce((sum, [, count]) => sum + count, 0);
  };

  test('takes the key by id, ARN and alias, and answers its ARN and origin', async () => {
    const AliasName = 'alias/agreement';
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: key.id }));
    const aliasArn = key.arn.replace(/key\/.*/, AliasName);
    const SharedSecret = await derive(kms, key.id, PublicKey);
    for (const KeyId of [key.id, key.arn, AliasName, aliasArn]) {
      const { text } = await call(daemon, 'DeriveSharedSecret', request({ KeyId }));
      expect(JSON.parse(text)).toEqual({
        ...{ KeyId: key.arn, SharedSecret: SharedSecret.toString('base64') },
        ...{ ...ECDH, KeyOrigin: 'AWS_KMS' },
      });
    }
    const imported = await createExternalKey(kms, ofSpec('ECC_NIST_P256'));
    await importMaterial(kms, imported.id, { material: pkcs8(newPair('P-256').privateKey) });
    const { KeyOrigin } = await kms.send(
      new DeriveSharedSecretCommand({ KeyId: imported.id, PublicKey, ...ECDH }),
    );
    expect(KeyOrigin).toBe('EXTERNAL');
  });

  test('What is no public key on the curve is refused without a word, and never seen by the token', async () => {
    const offCurve = Buffer.from(PublicKey);
    offCurve[90] = (offCurve[90] ?? 0) ^ 1;
    const head = PublicKey.subarray(0, 27);
    const p = Buffer.from(
      'ffffffff00000001000000000000000000000000ffffffffffffffffffffffff',
      'hex',
    );
    const explicit = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      paramEncoding: 'explicit',
    });
    const bad: Readonly<Record<string, Buffer>> = {
      'another curve': spki(newPair('secp384r1').publicKey),
      'a curve without key agreement': spki(newPair('secp256k1').publicKey),
      RSA: spki(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey),
      X25519: spki(generateKeyPairSync('x25519').publicKey),
      'a point of another curve': Buffer.concat([
        head,
        spki(newPair('secp256k1').publicKey).subarray(-64),
      ]),
      'a point beside the curve': offCurve,
      'the origin': Buffer.concat([head, Buffer.alloc(64)]),
      'the prime for x': Buffer.concat([head, p, PublicKey.subarray(-32)]),
      'the prime for y': Buffer.concat([head, PublicKey.subarray(27, 59), p]),
      infinity: Buffer.concat([
        Buffer.of(0x30, 0x19),
        PublicKey.subarray(2, 23),
        Buffer.of(0x03, 2, 0, 0),
      ]),
      'parameters written out': spki(explicit.publicKey),
      'a byte too many': Buffer.concat([PublicKey, Buffer.of(0)]),
      'a byte too few': PublicKey.subarray(0, -1),
      'a bare point': PublicKey.subarray(26),
      'the private key': pkcs8(peer.privateKey),
      PEM: Buffer.from(peer.publicKey.export({ format: 'pem', type: 'spki' })),
      'one byte': Buffer.of(0x30),
      'as much as there may be': Buffer.concat([PublicKey, Buffer.alloc(8192 - PublicKey.length)]),
    };
    await derive(kms, key.id, PublicKey);
    const before = await agreements();
    for (const [name, one] of Object.entries(bad)) {
      const input = request({ PublicKey: one.toString('base64') });
      const { status, text } = await call(daemon, 'DeriveSharedSecret', input);
      expect([name, status, text]).toEqual([name, 400, '{"__type":"ValidationException"}']);
    }
    expect(before).toBeGreaterThan(0);
    expect(await agreements()).toBe(before);
  });

  test('Sizes and algorithms are checked before the key is looked for', async () => {
    const missing = { KeyId: '00000000-1111-4222-8333-444444444444' };
    const invalid = (text: string) =>
      badRequest('ValidationException', `1 validation error detected: ${text}`);
    expect(await ask({ ...missing, PublicKey: '' })).toEqual(
      invalid(
        "Value at 'publicKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
      ),
    );
    const PublicKey = Buffer.alloc(8193).toString('base64');
    expect(await ask({ ...missing, PublicKey })).toEqual(
      invalid(
        "Value at 'publicKey' failed to satisfy constraint: Member must have length less than or equal to 8192",
      ),
    );
    expect(await ask({ ...missing, KeyAgreementAlgorithm: 'DH' })).toEqual(
      invalid(
        "Value 'DH' at 'keyAgreementAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [ECDH]",
      ),
    );
    for (const [member, name] of [
      ['PublicKey', 'publicKey'],
      ['KeyAgreementAlgorithm', 'keyAgreementAlgorithm'],
    ] as const) {
      expect(await ask({ ...missing, [member]: undefined })).toEqual(
        invalid(`Value null at '${name}' failed to satisfy constraint: Member must not be null`),
      );
    }
  });

  test('Keys of other usages are refused, those on the same curve too', async () => {
    const symmetric = await createKey(kms);
    const signing = await createKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
    const koblitz = { KeySpec: 'ECC_SECG_P256K1', KeyUsage: 'KEY_AGREEMENT' };
    for (const [other, usage] of [
      [symmetric, 'ENCRYPT_DECRYPT'],
      [signing, 'SIGN_VERIFY'],
    ] as const) {
      expect(await ask({ KeyId: other.id, PublicKey: 'YQ==' })).toEqual(
        badRequest(
          'InvalidKeyUsageException',
          `${other.arn} key usage is ${usage} which is not valid for DeriveSharedSecret.`,
        ),
      );
    }
    expect(await refused(daemon, 'CreateKey', koblitz)).toEqual(
      badRequest(
        'ValidationException',
        'KeyUsage KEY_AGREEMENT is not compatible with KeySpec ECC_SECG_P256K1',
      ),
    );
  });

  test('A dry run says what would be, of a wrong public key too', async () => {
    const DryRun = true;
    expect(await ask({ DryRun })).toEqual(
      badRequest(
        'DryRunOperationException',
        'The request would have succeeded, but the DryRun option is set.',
      ),
    );
    expect(await ask({ DryRun, PublicKey: 'YQ==' })).toEqual(badRequest('ValidationException'));
  });

  test('Imported material that is deleted agrees with nobody until it is back', async () => {
    const { id: KeyId, arn } = await createExternalKey(kms, ofSpec('ECC_NIST_P384'));
    const own = newPair('secp384r1');
    const other = newPair('secp384r1');
    const material = pkcs8(own.privateKey);
    const parameters = await getParameters(kms, KeyId);
    const pending = { code: 'KMSInvalidStateException', message: `${arn} is pending import.` };
    expect(await sdkRefusal(derive(kms, KeyId, spki(other.publicKey)))).toMatchObject(pending);
    await importMaterial(kms, KeyId, { material, parameters });
    const shared = diffieHellman({ privateKey: own.privateKey, publicKey: other.publicKey });
    expect(await derive(kms, KeyId, spki(other.publicKey))).toEqual(shared);
    await kms.send(new DeleteImportedKeyMaterialCommand({ KeyId }));
    expect(await sdkRefusal(derive(kms, KeyId, spki(other.publicKey)))).toMatchObject(pending);
    await importMaterial(kms, KeyId, { material, parameters });
    expect(await derive(kms, KeyId, spki(other.publicKey))).toEqual(shared);
  });

  test('A grant allows it to a user without any policy, and GetPublicKey only where it says so', async () => {
    const alice = await newUser(daemon, 'alice');
    const denied = (action: string) => ({
      code: 'AccessDeniedException',
      message: `User: ${alice.arn} is not authorized to perform: ${action} on resource: ${key.arn} because no identity-based policy allows the ${action} action`,
      status: 400,
    });
    const deriving = () => derive(alice.kms, key.id, PublicKey);
    expect(await sdkRefusal(deriving())).toEqual(denied('kms:DeriveSharedSecret'));
    const grantee = { KeyId: key.id, GranteePrincipal: alice.arn };
    await kms.send(new CreateGrantCommand({ ...grantee, Operations: ['DeriveSharedSecret'] }));
    expect(await deriving()).toEqual(await derive(kms, key.id, PublicKey));
    expect(await sdkRefusal(publicKeyOf(alice.kms, key.id))).toEqual(denied('kms:GetPublicKey'));
    await kms.send(new CreateGrantCommand({ ...grantee, Operations: ['GetPublicKey'] }));
    expect(await publicKeyOf(alice.kms, key.id)).toEqual(await publicKeyOf(kms, key.id));
  });

  test('Another account uses the key where its policy says so', async () => {
    const stranger = clientOf(daemon, await otherAccount(daemon, '444455556666'));
    expect(await sdkRefusal(derive(stranger, key.arn, PublicKey))).toMatchObject({
      code: 'AccessDeniedException',
    });
    const Statement = { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    const open = await createKey(kms, { ...ofSpec('ECC_NIST_P256'), Policy });
    const shared = await derive(stranger, open.arn, PublicKey);
    expect(await derive(kms, open.id, PublicKey)).toEqual(shared);
  });

  test('The AWS CLI derives a secret, and the audit has the request and not the secret', async () => {
    const terminal = await openTerminal(daemon);
    const shared = await derive(kms, key.id, PublicKey);
    try {
      await writeFile(path.join(terminal.directory, 'public-key'), PublicKey);
      const { stdout } = await terminal.kms(
        ...['derive-shared-secret', '--key-id', key.id, '--key-agreement-algorithm', 'ECDH'],
        ...['--public-key', 'fileb://public-key'],
      );
      expect(JSON.parse(stdout)).toEqual({
        ...{ KeyId: key.arn, SharedSecret: shared.toString('base64') },
        ...{ ...ECDH, KeyOrigin: 'AWS_KMS' },
      });
    } finally {
      await terminal.close();
    }
    const records = await auditTexts(daemon);
    expect(JSON.parse(records.at(-1) ?? '')).toMatchObject({
      ...{ eventName: 'DeriveSharedSecret', readOnly: true, responseElements: null },
      requestParameters: { keyId: key.id, keyAgreementAlgorithm: 'ECDH' },
      resources: [{ ARN: key.arn }],
    });
    for (const bytes of [shared, PublicKey]) {
      for (const encoding of ['base64', 'hex'] as const) {
        expect(records.filter((text) => text.includes(bytes.toString(encoding)))).toEqual([]);
      }
    }
  });
});
