import { createECDH, generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  openToken,
  type HsmErrorCode,
  type ImportAlgorithm,
  type ImportedKey,
  type MaterialKind,
  type MaterialSpec,
  type Token,
} from '../../hsm/index';
import { encryptOaep, importAlgorithms, wrapKwp, wrapMaterial } from '../support/imports';
import { ecMaterial, makeMaterial } from '../support/materials';
import { rsaWithExponent } from '../support/rsa-exponents';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenObjects, type TokenObjects } from '../support/token-objects';
import { tokenOptions } from '../support/token-options';

let hsm: SoftHsm;
let token: Token;
let objects: TokenObjects;
const importKeyId = randomBytes(32).toString('hex');
const otherKeyId = randomBytes(32).toString('hex');
let publicKey: Buffer;
let otherPublicKey: Buffer;

beforeAll(async () => {
  hsm = await makeSoftHsm();
  token = await openToken(tokenOptions(hsm));
  objects = tokenObjects(hsm);
  publicKey = await token.generateImportKeyPair(importKeyId, 'claviger:import:1', { bits: 2048 });
  otherPublicKey = await token.generateImportKeyPair(otherKeyId, 'claviger:import:2', {
    bits: 2048,
  });
});

afterAll(async () => {
  await token.close();
  await hsm.remove();
});

const aes: MaterialKind = { spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' };
const macOf = (spec: MaterialSpec): MaterialKind => ({ spec, usage: 'GENERATE_VERIFY_MAC' });
const signer = (spec: MaterialSpec): MaterialKind => ({ spec, usage: 'SIGN_VERIFY' });
const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab';

const keyWraps = importAlgorithms.filter((algorithm) => algorithm.startsWith('RSA_AES'));
const directs = importAlgorithms.filter((algorithm) => algorithm.startsWith('RSAES'));
const hashOf = (algorithm: ImportAlgorithm): string =>
  algorithm.endsWith('SHA_1') ? 'sha1' : 'sha256';

interface Attempt {
  readonly algorithm: ImportAlgorithm;
  readonly encrypted: Buffer;
  readonly kind?: MaterialKind;
  readonly importKeyId?: string;
}

function importedOf(attempt: Attempt): ImportedKey {
  return { importKeyId, kind: aes, keyId, ...attempt };
}

const messages: Partial<Record<HsmErrorCode, string>> = {
  'import-not-unwrapped': 'imported key material: it does not unwrap',
  'import-material-wrong': 'imported key material: not of the kind asked for',
  'import-size': 'imported key material: not as long as the modulus',
};

/** Refused by both calls, with the one message of the code, and nothing is left in the token. */
async function expectRefused(attempt: Attempt, code: HsmErrorCode): Promise<void> {
  const error = { name: 'HsmError', code, message: messages[code] };
  await expect(token.identifyImport(importedOf(attempt))).rejects.toMatchObject(error);
  const id = randomBytes(32).toString('hex');
  await expect(
    token.admitImport(importedOf(attempt), id, { label: 'claviger/test/refused' }),
  ).rejects.toMatchObject(error);
  expect(objects.find(id)).toEqual([]);
  expect(objects.sessionObjects()).toEqual([]);
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 0x10, at);
  return copy;
}

describe.each(importAlgorithms)('%s', (algorithm) => {
  const wrapped = (material: Buffer = randomBytes(32)): Buffer =>
    wrapMaterial(algorithm, publicKey, material);

  test('refuses what is encrypted to another key', async () => {
    const encrypted = wrapMaterial(algorithm, otherPublicKey, randomBytes(32));
    await expectRefused({ algorithm, encrypted }, 'import-not-unwrapped');
    await expect(
      token.identifyImport(importedOf({ algorithm, encrypted, importKeyId: otherKeyId })),
    ).resolves.toMatchObject({ id: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown });
  });

  test('refuses what is encrypted by another algorithm', async () => {
    const family = algorithm.startsWith('RSA_AES') ? keyWraps : directs;
    const other = family.find((one) => one !== algorithm) ?? algorithm;
    const encrypted = wrapMaterial(other, publicKey, randomBytes(32));
    await expectRefused({ algorithm, encrypted }, 'import-not-unwrapped');
  });

  test('refuses it with any one byte changed', async () => {
    const encrypted = wrapped();
    const step = 19;
    for (let at = 0; at < encrypted.length; at += step) {
      const changed = { algorithm, encrypted: flipped(encrypted, at) };
      await expect(token.identifyImport(importedOf(changed))).rejects.toMatchObject({
        code: 'import-not-unwrapped',
        message: messages['import-not-unwrapped'],
      });
    }
  });

  test.each([1, 8, 16, 24, 31, 33, 40, 64])('refuses %i bytes for an AES key', async (length) => {
    const encrypted = wrapped(randomBytes(length));
    await expectRefused({ algorithm, encrypted }, 'import-material-wrong');
  });

  test.each([
    ['HMAC_224', 27],
    ['HMAC_224', 24],
    ['HMAC_224', 32],
    ['HMAC_224', 33],
    ['HMAC_256', 31],
    ['HMAC_256', 33],
    ['HMAC_256', 64],
    ['HMAC_384', 47],
    ['HMAC_384', 49],
    ['HMAC_384', 32],
    ['HMAC_512', 63],
    ['HMAC_512', 65],
    ['HMAC_512', 80],
  ] as const)('refuses for an %s key %i bytes', async (spec, length) => {
    const encrypted = wrapped(randomBytes(length));
    await expectRefused({ algorithm, encrypted, kind: macOf(spec) }, 'import-material-wrong');
  });

  test.each([29, 30, 31])('an HMAC_224 key of %i bytes', async (length) => {
    const encrypted = wrapped(randomBytes(length));
    const attempt = { algorithm, encrypted, kind: macOf('HMAC_224') };
    // Told apart only where the length is known: docs/divergences.md.
    if (algorithm === 'RSAES_OAEP_SHA_256') await expectRefused(attempt, 'import-material-wrong');
    else
      await expect(token.identifyImport(importedOf(attempt))).resolves.toMatchObject({
        id: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      });
  });

  test('refuses random bytes for an EC key', async () => {
    const attempt = { algorithm, encrypted: wrapped(), kind: signer('ECC_NIST_P256') };
    await expectRefused(attempt, 'import-material-wrong');
  });

  test('refuses an EC key of another curve', async () => {
    const { bytes } = ecMaterial(signer('ECC_NIST_P256'), 'secp256k1');
    const attempt = { algorithm, encrypted: wrapped(bytes), kind: signer('ECC_NIST_P256') };
    await expectRefused(attempt, 'import-material-wrong');
  });

  test('refuses an Edwards key for an EC key', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const bytes = privateKey.export({ format: 'der', type: 'pkcs8' });
    const attempt = { algorithm, encrypted: wrapped(bytes), kind: signer('ECC_NIST_P256') };
    await expectRefused(attempt, 'import-material-wrong');
  });

  test('refuses an EC key in the form of SEC 1', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const bytes = privateKey.export({ format: 'der', type: 'sec1' });
    const attempt = { algorithm, encrypted: wrapped(bytes), kind: signer('ECC_NIST_P256') };
    await expectRefused(attempt, 'import-material-wrong');
  });

  test('refuses an EC key for an AES key', async () => {
    const { bytes } = makeMaterial(signer('ECC_NIST_P256'));
    await expectRefused({ algorithm, encrypted: wrapped(bytes) }, 'import-material-wrong');
  });

  test('says key-not-found where the key pair is gone', async () => {
    const gone = { algorithm, encrypted: wrapped(), importKeyId: randomBytes(32).toString('hex') };
    await expect(token.identifyImport(importedOf(gone))).rejects.toMatchObject({
      code: 'key-not-found',
      message: 'C_FindObjects: no import key pair',
    });
  });
});

describe.each(directs)('%s', (algorithm) => {
  const hash = hashOf(algorithm);

  test.each([0, 1, 255, 257, 296, 512])(
    'refuses %i bytes as no ciphertext of it',
    async (length) => {
      await expectRefused({ algorithm, encrypted: Buffer.alloc(length, 1) }, 'import-size');
    },
  );

  test.each([0, 0xff])('refuses %i in every byte', async (value) => {
    const encrypted = Buffer.alloc(256, value);
    await expectRefused({ algorithm, encrypted }, 'import-not-unwrapped');
  });

  test('refuses nothing, encrypted', async () => {
    const encrypted = encryptOaep(publicKey, hash, Buffer.alloc(0));
    await expectRefused({ algorithm, encrypted }, 'import-material-wrong');
    await expectRefused(
      { algorithm, encrypted, kind: signer('ECC_NIST_P256') },
      'import-material-wrong',
    );
  });
});

describe.each(keyWraps)('%s', (algorithm) => {
  const hash = hashOf(algorithm);
  const joined = (kek: Buffer, blob: Buffer): Buffer =>
    Buffer.concat([encryptOaep(publicKey, hash, kek), blob]);

  test.each([0, 1, 255, 256, 264, 271, 279])('refuses the first %i bytes of it', async (length) => {
    const whole = joined(randomBytes(32), Buffer.alloc(40));
    await expectRefused(
      { algorithm, encrypted: whole.subarray(0, length) },
      'import-not-unwrapped',
    );
  });

  test('refuses it without its last block, and with one more', async () => {
    const whole = wrapMaterial(algorithm, publicKey, randomBytes(32));
    for (const encrypted of [whole.subarray(0, -8), Buffer.concat([whole, Buffer.alloc(8)])]) {
      await expectRefused({ algorithm, encrypted }, 'import-not-unwrapped');
    }
  });

  test.each([0, 1, 15, 17, 31, 33, 64])('refuses a wrapping key of %i bytes', async (length) => {
    const encrypted = joined(randomBytes(length), randomBytes(40));
    await expectRefused({ algorithm, encrypted }, 'import-not-unwrapped');
  });

  test('refuses material that another key wrapped', async () => {
    const encrypted = joined(randomBytes(32), wrapKwp(randomBytes(32), randomBytes(32)));
    await expectRefused({ algorithm, encrypted }, 'import-not-unwrapped');
  });

  test('refuses a key wrap without padding', async () => {
    const direct = encryptOaep(publicKey, hash, randomBytes(32));
    await expectRefused({ algorithm, encrypted: direct }, 'import-not-unwrapped');
  });

  test('refuses an RSA key of another size, and of a public exponent that does not fit', async () => {
    const { bytes } = makeMaterial(signer('RSA_2048'));
    const encrypted = wrapMaterial(algorithm, publicKey, bytes);
    await expectRefused(
      { algorithm, encrypted, kind: signer('RSA_3072') },
      'import-material-wrong',
    );
    const exponent = bytes.indexOf(Buffer.from('0203010001', 'hex')) + 4;
    const changed = wrapMaterial(algorithm, publicKey, flipped(bytes, exponent));
    await expectRefused(
      { algorithm, encrypted: changed, kind: signer('RSA_2048') },
      'import-material-wrong',
    );
  });

  test.each([
    ['of 1', 1n],
    ['of more than 256 bits', 2n ** 256n],
    ['as long as its modulus', 2n ** 2040n],
  ])('refuses an RSA key with a public exponent %s', async (_name, least) => {
    const encrypted = wrapMaterial(algorithm, publicKey, rsaWithExponent(least));
    const attempt = { algorithm, encrypted, kind: signer('RSA_2048') };
    await expectRefused(attempt, 'import-material-wrong');
  });

  test('takes an RSA key with the public exponent 3, or one of 256 bits', async () => {
    for (const least of [3n, 2n ** 255n]) {
      const encrypted = wrapMaterial(algorithm, publicKey, rsaWithExponent(least));
      const imported = importedOf({ algorithm, encrypted, kind: signer('RSA_2048') });
      await expect(token.identifyImport(imported)).resolves.toHaveProperty('publicKey');
    }
  });

  test('refuses an RSA key whose modulus is not that of its private half', async () => {
    const { bytes } = makeMaterial(signer('RSA_2048'));
    const inModulus = bytes.indexOf(Buffer.from('0203010001', 'hex')) - 100;
    const encrypted = wrapMaterial(algorithm, publicKey, flipped(bytes, inModulus));
    const attempt = { algorithm, encrypted, kind: signer('RSA_2048') };
    await expectRefused(attempt, 'import-material-wrong');
  });

  test('refuses an RSA key for an EC key, and an EC key for an RSA key', async () => {
    const rsa = makeMaterial(signer('RSA_2048'));
    const ec = makeMaterial(signer('ECC_NIST_P256'));
    for (const [{ bytes }, kind] of [
      [rsa, ec.kind],
      [ec, rsa.kind],
    ] as const) {
      const encrypted = wrapMaterial(algorithm, publicKey, bytes);
      await expectRefused({ algorithm, encrypted, kind }, 'import-material-wrong');
    }
  });
});

test('an EC private key of zero, or of the order of its curve, is no material', async () => {
  const { bytes } = ecMaterial(signer('ECC_NIST_P256'), 'prime256v1');
  const ecdh = createECDH('prime256v1');
  const order = Buffer.from(
    'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
    'hex',
  );
  const at = bytes.indexOf(Buffer.from('0420', 'hex')) + 2;
  for (const scalar of [Buffer.alloc(32), order]) {
    expect(() => ecdh.setPrivateKey(scalar)).toThrow();
    const changed = Buffer.from(bytes);
    scalar.copy(changed, at);
    const encrypted = wrapMaterial('RSA_AES_KEY_WRAP_SHA_256', publicKey, changed);
    await expectRefused(
      { algorithm: 'RSA_AES_KEY_WRAP_SHA_256', encrypted, kind: signer('ECC_NIST_P256') },
      'import-material-wrong',
    );
  }
});

test('no message of a refusal holds a byte of the material', async () => {
  const material = Buffer.from('a secret that is not thirty-two b');
  for (const algorithm of importAlgorithms) {
    const encrypted = wrapMaterial(algorithm, publicKey, material);
    const error: unknown = await token
      .identifyImport(importedOf({ algorithm, encrypted }))
      .catch((thrown: unknown) => thrown);
    const shown = JSON.stringify(error, Object.getOwnPropertyNames(error)) + String(error);
    expect(shown).not.toContain('secret that');
    expect(shown).not.toContain(material.toString('hex'));
  }
});
