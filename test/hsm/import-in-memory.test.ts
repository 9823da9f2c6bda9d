import {
  constants,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
  randomBytes,
} from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { reseal } from '../../hsm/import/in-memory';
import {
  type IdentifiedImport,
  type ImportAlgorithm,
  openToken,
  requiredMechanisms,
  type Token,
} from '../../hsm/index';
import type { Library } from '../../hsm/module';
import type { Desk } from '../../hsm/objects';
import { encryptOaep, importAlgorithms, wrapMaterial } from '../support/imports';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenObjects } from '../support/token-objects';
import { tokenOptions } from '../support/token-options';

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' });

/** Remembers every buffer that a secret was in: what the token decrypted into, and the key it was given. */
class Witness {
  readonly buffers: Buffer[] = [];
  /** The key that wraps the message from now on, as the token got it. */
  kek: Buffer | undefined;

  constructor(private readonly failure?: { fn: string; message: string }) {}

  readonly desk: Desk = {
    session: Buffer.alloc(8),
    library: {
      C_DecryptInit: () => undefined,
      C_Decrypt: (_session: Buffer, data: Buffer, output: Buffer) => {
        this.buffers.push(output);
        this.#fail('C_Decrypt');
        const padding = constants.RSA_NO_PADDING;
        const block = privateDecrypt({ key: pair.privateKey, padding }, data);
        block.copy(output);
        return output.subarray(0, block.length);
      },
      C_CreateObject: (_session: Buffer, template: pkcs11.Attribute[]) => {
        const value = template.find(({ type }) => type === pkcs11.CKA_VALUE)?.value;
        if (!Buffer.isBuffer(value)) throw new Error('a key without a value');
        this.buffers.push(value);
        this.kek = Buffer.from(value);
        this.#fail('C_CreateObject');
        return Buffer.alloc(8, 1);
      },
    } as unknown as Library,
  };

  #fail(fn: string): void {
    if (this.failure?.fn === fn) throw new Error(this.failure.message);
  }

  get wiped(): boolean {
    return this.buffers.every((buffer) => buffer.every((byte) => byte === 0));
  }
}

const keyWrap = 0x210b;
const sealedOf = (encrypted: Buffer): { key: Buffer; encrypted: Buffer; hash: 'sha256' } => ({
  key: Buffer.alloc(8),
  encrypted,
  hash: 'sha256',
});

describe('what passes through memory', () => {
  const message = randomBytes(32);
  const encrypted = encryptOaep(publicKey, 'sha256', message);

  test('is wrapped again for the token and overwritten', () => {
    const witness = new Witness();
    const { blob, mechanism } = reseal(witness.desk, sealedOf(encrypted), keyWrap);
    expect(mechanism).toEqual({ mechanism: keyWrap });
    const kek = witness.kek ?? Buffer.alloc(0);
    const decipher = createDecipheriv('id-aes256-wrap-pad', kek, Buffer.from('a65959a6', 'hex'));
    expect(Buffer.concat([decipher.update(blob), decipher.final()])).toEqual(message);
    expect(witness.buffers).toHaveLength(2);
    expect(witness.wiped).toBe(true);
  });

  test('is wrapped under another key each time', () => {
    const keys = [new Witness(), new Witness()].map((witness) => {
      reseal(witness.desk, sealedOf(encrypted), keyWrap);
      return witness.kek?.toString('hex');
    });
    expect(new Set(keys).size).toBe(2);
  });

  test('is overwritten where the padding is wrong', () => {
    const witness = new Witness();
    const wrong = encryptOaep(publicKey, 'sha1', message);
    expect(() => reseal(witness.desk, sealedOf(wrong), keyWrap)).toThrow(
      'imported key material: it does not unwrap',
    );
    expect(witness.buffers).toHaveLength(1);
    expect(witness.wiped).toBe(true);
  });

  test.each([
    ['C_Decrypt', 'CKR_GENERAL_ERROR:5', 'C_Decrypt: CKR_GENERAL_ERROR', 1],
    ['C_CreateObject', 'CKR_DEVICE_MEMORY:49', 'C_CreateObject: CKR_DEVICE_MEMORY', 2],
  ])('is overwritten where %s fails', (fn, message, thrown, buffers) => {
    const witness = new Witness({ fn, message });
    expect(() => reseal(witness.desk, sealedOf(encrypted), keyWrap)).toThrow(thrown);
    expect(witness.buffers).toHaveLength(buffers);
    expect(witness.wiped).toBe(true);
  });

  test('an empty message is no material', () => {
    const witness = new Witness();
    const empty = encryptOaep(publicKey, 'sha256', Buffer.alloc(0));
    expect(() => reseal(witness.desk, sealedOf(empty), keyWrap)).toThrow(
      'imported key material: not of the kind asked for',
    );
  });
});

describe('a token whose material must not pass through memory', () => {
  let hsm: SoftHsm;
  let token: Token;
  const importKeyId = randomBytes(32).toString('hex');
  let importKey: Buffer;

  beforeAll(async () => {
    hsm = await makeSoftHsm();
    token = await openToken(tokenOptions(hsm, { softwareUnwrap: false }));
    importKey = await token.generateImportKeyPair(importKeyId, 'claviger:import', {
      ...{ bits: 2048, algorithm: 'RSAES_OAEP_SHA_1' },
    });
  });

  afterAll(async () => {
    await token.close();
    await hsm.remove();
  });

  const importedOf = (algorithm: ImportAlgorithm): Parameters<Token['identifyImport']>[0] => ({
    importKeyId,
    algorithm,
    encrypted: wrapMaterial(algorithm, importKey, randomBytes(32)),
    kind: { spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' },
    keyId: 'key',
  });

  test.each(['RSAES_OAEP_SHA_256', 'RSA_AES_KEY_WRAP_SHA_256'] as const)(
    'refuses %s and names what the token lacks',
    async (algorithm) => {
      const error = {
        code: 'mechanism-missing',
        message: 'the token lacks CKM_RSA_PKCS_OAEP with SHA-256 (C_UnwrapKey: CKR_ARGUMENTS_BAD)',
      };
      await expect(token.identifyImport(importedOf(algorithm))).rejects.toMatchObject(error);
      const id = randomBytes(32).toString('hex');
      const place = { label: 'claviger/test' };
      await expect(token.admitImport(importedOf(algorithm), id, place)).rejects.toMatchObject(
        error,
      );
      expect(tokenObjects(hsm).find(id)).toEqual([]);
      // Nor does it ask anybody to wrap so.
      const wanted = { bits: 2048, algorithm } as const;
      await expect(
        token.generateImportKeyPair(id, 'claviger:import', wanted),
      ).rejects.toMatchObject(error);
      expect(await token.listObjects('claviger:import')).toHaveLength(1);
    },
  );

  test.each(['RSAES_OAEP_SHA_1', 'RSA_AES_KEY_WRAP_SHA_1'] as const)(
    'takes %s, which the token undoes alone',
    async (algorithm) => {
      await expect(token.identifyImport(importedOf(algorithm))).resolves.toMatchObject({
        id: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      });
    },
  );

  test('says so in its capabilities', async () => {
    const { rows } = await token.inspect();
    const imports = rows.filter(({ name }) => name.startsWith('IMPORT_'));
    expect(imports.map(({ name, supported }) => [name, supported])).toEqual([
      ['IMPORT_RSAES_OAEP_SHA_1', true],
      ['IMPORT_RSA_AES_KEY_WRAP_SHA_1', true],
      ['IMPORT_RSAES_OAEP_SHA_256', false],
      ['IMPORT_RSA_AES_KEY_WRAP_SHA_256', false],
    ]);
    expect(imports[2]?.note).toBe(
      "not in the daemon's memory, and no CKM_RSA_PKCS_OAEP with SHA-256 " +
        '(C_UnwrapKey: CKR_ARGUMENTS_BAD)',
    );
  });
});

describe('a token of other mechanisms', () => {
  let hsm: SoftHsm;
  let token: Token;

  afterEach(async () => {
    await token.close();
    await hsm.remove();
  });

  /** Why not, by algorithm; empty where it is supported. */
  async function refusals(mechanisms: readonly string[]): Promise<Record<string, string>> {
    hsm = await makeSoftHsm({ mechanisms });
    token = await openToken(tokenOptions(hsm));
    const { rows } = await token.inspect();
    return Object.fromEntries(
      rows
        .filter(({ name }) => name.startsWith('IMPORT_'))
        .map(({ name, supported, note }) => [name.slice('IMPORT_'.length), supported ? '' : note]),
    );
  }

  const without = (name: string): readonly string[] =>
    requiredMechanisms.filter((mechanism) => mechanism !== name);

  test('needs no more than the required ones', async () => {
    expect(await refusals(requiredMechanisms)).toEqual({
      RSAES_OAEP_SHA_1: '',
      RSAES_OAEP_SHA_256: '',
      RSA_AES_KEY_WRAP_SHA_1: '',
      RSA_AES_KEY_WRAP_SHA_256: '',
    });
  });

  test('without raw RSA, SHA-256 is refused', async () => {
    const note =
      'no CKM_RSA_PKCS_OAEP with SHA-256 (C_UnwrapKey: CKR_ARGUMENTS_BAD); ' +
      'CKM_RSA_X_509 (C_DecryptInit: CKR_MECHANISM_INVALID)';
    expect(await refusals(without('CKM_RSA_X_509'))).toEqual({
      RSAES_OAEP_SHA_1: '',
      RSAES_OAEP_SHA_256: note,
      RSA_AES_KEY_WRAP_SHA_1: '',
      RSA_AES_KEY_WRAP_SHA_256: note,
    });
  });

  test('without RFC 5649, what stands on it is refused', async () => {
    const keyWrap =
      'no CKM_AES_KEY_WRAP_KWP (C_UnwrapKey: CKR_MECHANISM_INVALID); ' +
      'CKM_AES_KEY_WRAP_PAD (C_UnwrapKey: CKR_MECHANISM_INVALID)';
    expect(await refusals(without('CKM_AES_KEY_WRAP_PAD'))).toEqual({
      RSAES_OAEP_SHA_1: '',
      RSAES_OAEP_SHA_256: 'no CKM_RSA_PKCS_OAEP with SHA-256 (C_UnwrapKey: CKR_ARGUMENTS_BAD)',
      RSA_AES_KEY_WRAP_SHA_1: keyWrap,
      RSA_AES_KEY_WRAP_SHA_256: keyWrap,
    });
  });

  test('without OAEP, all of it goes by raw RSA', async () => {
    expect(await refusals(without('CKM_RSA_PKCS_OAEP'))).toEqual({
      RSAES_OAEP_SHA_1: '',
      RSAES_OAEP_SHA_256: '',
      RSA_AES_KEY_WRAP_SHA_1: '',
      RSA_AES_KEY_WRAP_SHA_256: '',
    });
    const id = randomBytes(32).toString('hex');
    const importKey = await token.generateImportKeyPair(id, 'claviger:import', { bits: 2048 });
    const identify = (algorithm: ImportAlgorithm, material: Buffer): Promise<IdentifiedImport> =>
      token.identifyImport({
        importKeyId: id,
        algorithm,
        encrypted: wrapMaterial(algorithm, importKey, material),
        kind: { spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' },
        keyId: 'key',
      });
    const material = randomBytes(32);
    const found = await Promise.all(importAlgorithms.map((one) => identify(one, material)));
    expect(new Set(found.map(({ id }) => id)).size).toBe(1);
  });
});

test('after the token failed, node:crypto does not answer with the reasons of the token', async () => {
  const hsm = await makeSoftHsm();
  const token = await openToken(tokenOptions(hsm));
  try {
    const objects = tokenObjects(hsm);
    const wrappingKeyId = randomBytes(32).toString('hex');
    await token.createWrappingKey(wrappingKeyId, 'claviger:wrapping', { exportable: false });
    const blob = randomBytes(40);
    const wrapped = { wrappingKeyId, blob };
    await expect(
      (async () => token.encryptAesGcm({ id: 'aa', wrapped }, Buffer.alloc(0), Buffer.from('x')))(),
    ).rejects.toMatchObject({ code: 'material-invalid' });
    const der = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    expect(createPublicKey(key).equals(pair.publicKey)).toBe(true);
    expect(objects.sessionObjects()).toEqual([]);
  } finally {
    await token.close();
    await hsm.remove();
  }
});
