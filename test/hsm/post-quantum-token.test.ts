import { randomBytes } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa';
import { ml_kem512, ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem';
import {
  type GeneratedWrappedKey,
  HsmError,
  type MaterialKey,
  type MaterialKind,
  openToken,
  type Token,
} from '../../hsm/index';
import { loadLibrary, openSession, closeSession, findToken } from '../../hsm/module';
import { type Desk, findObjects } from '../../hsm/objects';
import { decapsulate } from '../../hsm/post-quantum/encapsulation';
import { CKA_DECAPSULATE, CKA_PARAMETER_SET, CKK_ML_KEM } from '../../hsm/post-quantum/numbers';
import { parameterSets } from '../../hsm/post-quantum/parameter-sets';
import { makePostQuantumToken, type PostQuantumToken } from '../support/post-quantum-token';
import { useCases } from '../support/token-uses';
import { judge, readVectors, type Vector } from '../support/vectors';

/*
 * On a token that has ML-DSA and ML-KEM: the NSS that scripts/nss fetches, or another by scripts/test-token's setting. What
 * the token answers is judged by @noble/post-quantum.
 */

const kinds = useCases.filter(({ kind }) => /^ML_(DSA|KEM)/.test(kind.spec));
const publicKeyBytes = {
  ...{ ML_DSA_44: 1334, ML_DSA_65: 1974, ML_DSA_87: 2614 },
  ...{ ML_KEM_512: 822, ML_KEM_768: 1206, ML_KEM_1024: 1590 },
} as Readonly<Record<string, number>>;
const verifiers = { ML_DSA_44: ml_dsa44, ML_DSA_65: ml_dsa65, ML_DSA_87: ml_dsa87 };
const kems = [
  { spec: 'ML_KEM_512', kem: ml_kem512 },
  { spec: 'ML_KEM_768', kem: ml_kem768 },
  { spec: 'ML_KEM_1024', kem: ml_kem1024 },
] as const;
const mlDsaSpecs = Object.keys(verifiers) as (keyof typeof verifiers)[];

let subject: PostQuantumToken;
let token: Token;
const wrappingKeyId = newId();
const made: string[] = [];

beforeAll(async () => {
  subject = await makePostQuantumToken();
  token = await openToken(subject.options());
  await token.createWrappingKey(wrappingKeyId, 'claviger:test', { exportable: false });
});

afterAll(async () => {
  for (const id of made) await token.destroyKeyPair(id);
  await token.destroyKey(wrappingKeyId);
  await token.close();
  await subject.remove();
});

function newId(): string {
  return randomBytes(32).toString('hex');
}

/** A resident key, its public half and what it is. */
async function makeKey(
  kind: MaterialKind,
): Promise<{ readonly key: MaterialKey; readonly publicKey: Buffer }> {
  const id = newId();
  made.push(id);
  const { publicKey } = await token.generateKey(kind, { id, label: 'claviger:test' });
  return { key: { id, wrapped: undefined, kind }, publicKey: publicKey ?? Buffer.alloc(0) };
}

/** Undefined where the token wraps no such key, and says so by name: NSS does, Kryoptic does not. */
async function makeWrapped(kind: MaterialKind): Promise<GeneratedWrappedKey | undefined> {
  try {
    return await token.generateWrappedKey(kind, wrappingKeyId);
  } catch (error) {
    if (!(error instanceof HsmError) || !subject.given) throw error;
    expect(error).toMatchObject({
      code: 'mechanism-missing',
      message: `the token lacks CKM_AES_KEY_WRAP_KWP of ${kind.spec} keys (C_WrapKey: CKR_FUNCTION_NOT_SUPPORTED)`,
    });
    return undefined;
  }
}

describe.each(kinds)('$kind.spec', ({ kind, cases }) => {
  test('A resident key is used, cloned again after an eviction, and gone when it is destroyed', async () => {
    await token.requireKind(kind);
    const { key, publicKey } = await makeKey(kind);
    expect(publicKey).toHaveLength(publicKeyBytes[kind.spec] ?? 0);
    const subjects = { token, key, publicKey, secret: undefined };
    for (const { prove } of cases) await prove(subjects);
    token.evict(key.id);
    for (const { prove } of cases) await prove(subjects);
    await token.destroyKeyPair(key.id);
    for (const { prove } of cases) {
      await expect(prove(subjects)).rejects.toMatchObject({ code: 'key-not-found' });
    }
  });

  test('A wrapped key is unwrapped when it is used, or the token is said to wrap none', async () => {
    const generated = await makeWrapped(kind);
    if (generated === undefined) return;
    const { publicKey, wrapped } = generated;
    expect(publicKey).toHaveLength(publicKeyBytes[kind.spec] ?? 0);
    const key = { id: newId(), wrapped, kind };
    for (const { prove } of cases) await prove({ token, key, publicKey, secret: undefined });
    token.evict(key.id);
    for (const { prove } of cases) await prove({ token, key, publicKey, secret: undefined });
  });

  test('A key of another kind is no such key, resident or wrapped', async () => {
    const { key } = await makeKey(kind);
    const other = otherKind(kind);
    const asOther = { ...key, kind: other };
    token.evict(key.id);
    await expect(use(asOther)).rejects.toMatchObject({ code: 'key-not-found' });
    const generated = await makeWrapped(kind);
    if (generated === undefined) return;
    const wrapped = { id: newId(), wrapped: generated.wrapped, kind: other };
    await expect(use(wrapped)).rejects.toMatchObject({ code: 'material-invalid' });
  });
});

/** Of the same family, and of another parameter set. */
function otherKind({ spec, usage }: MaterialKind): MaterialKind {
  const others: Partial<Record<MaterialKind['spec'], MaterialKind['spec']>> = {
    ...{ ML_DSA_44: 'ML_DSA_65', ML_DSA_65: 'ML_DSA_87', ML_DSA_87: 'ML_DSA_44' },
    ...{ ML_KEM_512: 'ML_KEM_768', ML_KEM_768: 'ML_KEM_1024', ML_KEM_1024: 'ML_KEM_512' },
  };
  return { spec: others[spec] ?? spec, usage };
}

const ciphertextBytes: Partial<Record<MaterialKind['spec'], number>> = {
  ...{ ML_KEM_512: 768, ML_KEM_768: 1088, ML_KEM_1024: 1568 },
};

async function use(key: MaterialKey): Promise<Buffer> {
  const { spec, usage } = key.kind;
  if (usage === 'ENCAPSULATE_DECAPSULATE') {
    return token.decapsulate(key, randomBytes(ciphertextBytes[spec] ?? 0));
  }
  return token.sign(key, { algorithm: 'ML_DSA_SHAKE_256', input: randomBytes(32) });
}

describe('ML-DSA', () => {
  test.each(mlDsaSpecs)('%s signs 1 byte and 4096, differently each time', async (spec) => {
    const { key, publicKey } = await makeKey({ spec, usage: 'SIGN_VERIFY' });
    for (const input of [Buffer.of(0), randomBytes(4096)]) {
      const sign = async (): Promise<Buffer> =>
        token.sign(key, { algorithm: 'ML_DSA_SHAKE_256', input });
      const [one, other] = await Promise.all([sign(), sign()]);
      const raw = publicKey.subarray(22);
      for (const signature of [one, other]) {
        expect(verifiers[spec].verify(raw, input, signature)).toBe(true);
      }
      // Hedged (FIPS 204 §3.4).
      expect(one).not.toEqual(other);
    }
  });

  test.each(mlDsaSpecs)('%s signs no mu, and the mechanism for it is named', async (spec) => {
    const { key } = await makeKey({ spec, usage: 'SIGN_VERIFY' });
    const request = { algorithm: 'ML_DSA_SHAKE_256', externalMu: true } as const;
    const sign = async (input: Buffer): Promise<Buffer> => token.sign(key, { ...request, input });
    await expect(sign(randomBytes(64))).rejects.toMatchObject({
      code: 'mechanism-missing',
      message: 'the token lacks CKM_ML_DSA_EXTERNAL_MU (C_SignInit: CKR_MECHANISM_INVALID)',
    });
    await expect(sign(randomBytes(63))).rejects.toMatchObject({
      code: 'failed',
      message: 'ML_DSA_SHAKE_256 of EXTERNAL_MU: the input must be of 64 bytes',
    });
  });
});

describe('ML-KEM', () => {
  const kind = { spec: 'ML_KEM_768', usage: 'ENCAPSULATE_DECAPSULATE' } as const;

  test('What was altered, or is of another key, gives another secret, the same each time', async () => {
    const [{ key, publicKey }, other] = [await makeKey(kind), await makeKey(kind)];
    const { ciphertext, sharedSecret } = await token.encapsulate(kind, publicKey);
    expect(await token.decapsulate(key, ciphertext)).toEqual(sharedSecret);
    const altered = Buffer.from(ciphertext);
    altered.writeUInt8(altered.readUInt8(500) ^ 1, 500);
    for (const [owner, sealed] of [
      [key, altered],
      [other.key, ciphertext],
    ] as const) {
      const rejected = await token.decapsulate(owner, sealed);
      expect(rejected).toHaveLength(32);
      expect(rejected).not.toEqual(sharedSecret);
      expect(await token.decapsulate(owner, sealed)).toEqual(rejected);
    }
  });

  test('A ciphertext of another length is invalid, and a public key of another spec is refused', async () => {
    const { key, publicKey } = await makeKey(kind);
    for (const length of [0, 1, 768, 1087, 1089, 6144]) {
      await expect(token.decapsulate(key, randomBytes(length))).rejects.toMatchObject({
        code: 'ciphertext-invalid',
        message: 'C_DecapsulateKey: not as long as a ciphertext is',
      });
    }
    const smaller: MaterialKind = { ...kind, spec: 'ML_KEM_512' };
    await expect(token.encapsulate(smaller, publicKey)).rejects.toMatchObject({
      code: 'failed',
      message: 'the public key is not one of the key spec',
    });
  });

  test('No secret and no public key stays in the token', async () => {
    const { key, publicKey } = await makeKey(kind);
    const before = await sessionObjects();
    for (let round = 0; round < 10; round += 1) {
      const { ciphertext } = await token.encapsulate(kind, publicKey);
      await token.decapsulate(key, ciphertext);
    }
    // The clone of the key, where it was not there before.
    expect((await sessionObjects()) - before).toBeLessThanOrEqual(1);
  });

  test('The functions of PKCS#11 3.2 are there again after the library was initialised anew', async () => {
    const { key, publicKey } = await makeKey(kind);
    await token.recover();
    const { ciphertext, sharedSecret } = await token.encapsulate(kind, publicKey);
    expect(await token.decapsulate(key, ciphertext)).toEqual(sharedSecret);
  });
});

describe('Data key pairs', () => {
  test.each(kems)(
    'of $spec are the seed in PKCS#8 and the public key of it',
    async ({ spec, kem }) => {
      const making = token.generateDataKeyPair(spec);
      if (subject.given && (await isRefused(making))) {
        await expect(making).rejects.toMatchObject({
          code: 'mechanism-missing',
          message: `the token lacks CKM_AES_KEY_WRAP_KWP of ${spec} keys (C_WrapKey: CKR_FUNCTION_NOT_SUPPORTED)`,
        });
        return;
      }
      const { privateKey, publicKey } = await making;
      // RFC 9935 §6: OCTET STRING of [0] seed.
      const head = `3054020100300b${parameterSets[spec].oid}04428040`;
      expect(privateKey.subarray(0, 22).toString('hex')).toBe(head);
      expect(privateKey).toHaveLength(22 + 64);
      const pair = kem.keygen(privateKey.subarray(22));
      expect(publicKey.subarray(22)).toEqual(Buffer.from(pair.publicKey));
      const { ciphertext, sharedSecret } = await token.encapsulate(
        { spec, usage: 'ENCAPSULATE_DECAPSULATE' },
        publicKey,
      );
      expect(Buffer.from(kem.decapsulate(ciphertext, pair.secretKey))).toEqual(sharedSecret);
    },
  );
});

function isRefused(making: Promise<unknown>): Promise<boolean> {
  return making.then(
    () => false,
    () => true,
  );
}

/** Their decapsulation keys are imported, which no operation of Claviger does: it is the library that is tried here. */
describe("Wycheproof's ML-KEM decapsulation", () => {
  test.each(kems)(
    '$spec: what is valid gives its secret, and nothing else is taken',
    async ({ spec }) => {
      const set = parameterSets[spec];
      const bits = spec.slice('ML_KEM_'.length);
      const vectors = readVectors(`wycheproof/mlkem_${bits}_semi_expanded_decaps_test.json`);
      const ofCiphertexts = vectors.filter(({ flags }) => !flags.some((flag) => /Key/.test(flag)));
      const expected = (vector: Vector) => (vector.result === 'invalid' ? 'refused' : 'accepted');
      const result = await withSession((desk) =>
        judge(ofCiphertexts, expected, (vector) => {
          const privateKey = desk.library.C_CreateObject(desk.session, [
            { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_PRIVATE_KEY },
            { type: pkcs11.CKA_KEY_TYPE, value: CKK_ML_KEM },
            { type: CKA_PARAMETER_SET, value: set.parameterSet },
            { type: pkcs11.CKA_TOKEN, value: false },
            { type: pkcs11.CKA_PRIVATE, value: true },
            { type: CKA_DECAPSULATE, value: true },
            { type: pkcs11.CKA_VALUE, value: vector.bytes('dk') },
          ]);
          try {
            const ciphertext = vector.bytes('c');
            const secret = decapsulate(desk, set, { privateKey, ciphertext });
            return secret.equals(vector.bytes('K')) ? 'accepted' : 'another secret';
          } catch (error) {
            if (error instanceof HsmError && error.code === 'ciphertext-invalid') return 'refused';
            throw error;
          }
        }),
      );
      expect(result).toEqual({ wrong: [], accepted: 3, refused: 2 });
    },
  );
});

/** All objects of this process's sessions: PKCS#11 shows them to each of them. */
function sessionObjects(): Promise<number> {
  const template = [{ type: pkcs11.CKA_TOKEN, value: false }];
  return withSession((desk) => findObjects(desk, template, 1000).length);
}

/** A session of this thread's own. The token's has logged in for it. */
async function withSession<T>(work: (desk: Desk) => T | Promise<T>): Promise<T> {
  const { module, label } = subject.options();
  const library = loadLibrary(module);
  const session = openSession(library, findToken(library, { label }).slot);
  try {
    return await work({ library, session });
  } finally {
    closeSession(library, session);
  }
}
