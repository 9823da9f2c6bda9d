import * as pkcs11 from 'pkcs11js';
import type { SoftHsm } from './softhsm';

type Handle = Buffer;

/** The objects of a token as PKCS#11 shows them to whoever is logged in, and their uses without hsm/ between. */
export interface TokenObjects {
  /** Token objects of this CKA_ID. */
  find(id: string): Handle[];
  /** The one token object of this CKA_ID. */
  one(id: string): Handle;
  flags(object: Handle, types: Readonly<Record<string, number>>): Record<string, boolean>;
  read(object: Handle, type: number): Buffer;
  encrypt(object: Handle, mechanism: pkcs11.Mechanism, data: Buffer): Buffer;
  decrypt(object: Handle, mechanism: pkcs11.Mechanism, data: Buffer): Buffer;
  sign(object: Handle, mechanism: pkcs11.Mechanism, data: Buffer): Buffer;
  /** CKM_ECDH1_DERIVE: the x coordinate. */
  agree(object: Handle, peer: Buffer, bytes: number): Buffer;
  wrap(key: Handle, mechanism: pkcs11.Mechanism, object: Handle): Buffer;
  unwrap(key: Handle, mechanism: pkcs11.Mechanism, of: UnwrapRequest): Handle;
  destroy(object: Handle): void;
  /** An RSA key that decrypts and does not unwrap. */
  generateRsa(id: string): void;
  /** Handles of all session objects that this process can see. */
  sessionObjects(): Handle[];
}

export interface UnwrapRequest {
  readonly blob: Buffer;
  readonly template: pkcs11.Attribute[];
}

/** The module must be initialised and logged in by an open token. */
export function tokenObjects(hsm: SoftHsm): TokenObjects {
  const library = new pkcs11.PKCS11();
  library.load(hsm.module);
  const slot = library
    .C_GetSlotList(true)
    .find((candidate) => library.C_GetTokenInfo(candidate).serialNumber.trim() === hsm.serial);
  if (slot === undefined) throw new Error('no such token');
  const session = library.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);
  const search = (template: pkcs11.Attribute[]): Handle[] => {
    library.C_FindObjectsInit(session, template);
    const found = library.C_FindObjects(session, 1000);
    library.C_FindObjectsFinal(session);
    return found;
  };
  const find = (id: string): Handle[] =>
    search([
      { type: pkcs11.CKA_TOKEN, value: true },
      { type: pkcs11.CKA_ID, value: Buffer.from(id, 'hex') },
    ]);
  const read = (object: Handle, type: number): Buffer =>
    required(library.C_GetAttributeValue(session, object, [{ type }])[0]).value;
  return {
    find,
    one: (id) => {
      const found = find(id);
      if (found.length !== 1) throw new Error(`${String(found.length)} objects have this id`);
      return required(found[0]);
    },
    flags: (object, types) =>
      Object.fromEntries(
        Object.entries(types).map(([name, type]) => [name, read(object, type)[0] === 1]),
      ),
    read,
    encrypt: (object, mechanism, data) => {
      library.C_EncryptInit(session, mechanism, object);
      return library.C_Encrypt(session, data, Buffer.alloc(data.length + 64));
    },
    decrypt: (object, mechanism, data) => {
      library.C_DecryptInit(session, mechanism, object);
      return library.C_Decrypt(session, data, Buffer.alloc(data.length + 64));
    },
    sign: (object, mechanism, data) => {
      library.C_SignInit(session, mechanism, object);
      return library.C_Sign(session, data, Buffer.alloc(1024));
    },
    agree: (object, peer, bytes) => {
      const parameter = {
        type: pkcs11.CK_PARAMS_EC_DH,
        kdf: pkcs11.CKD_NULL,
        publicData: peer,
      };
      const secret = library.C_DeriveKey(
        session,
        { mechanism: pkcs11.CKM_ECDH1_DERIVE, parameter },
        object,
        [
          { type: pkcs11.CKA_TOKEN, value: false },
          { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
          { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_GENERIC_SECRET },
          { type: pkcs11.CKA_VALUE_LEN, value: bytes },
          { type: pkcs11.CKA_SENSITIVE, value: false },
          { type: pkcs11.CKA_EXTRACTABLE, value: true },
        ],
      );
      const value = read(secret, pkcs11.CKA_VALUE);
      library.C_DestroyObject(session, secret);
      return value;
    },
    wrap: (key, mechanism, object) =>
      library.C_WrapKey(session, mechanism, key, object, Buffer.alloc(8192)),
    unwrap: (key, mechanism, { blob, template }) =>
      library.C_UnwrapKey(session, mechanism, key, blob, template),
    destroy: (object) => library.C_DestroyObject(session, object),
    generateRsa: (id) => {
      library.C_GenerateKeyPair(
        session,
        { mechanism: pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN },
        [
          { type: pkcs11.CKA_TOKEN, value: false },
          { type: pkcs11.CKA_MODULUS_BITS, value: 2048 },
          { type: pkcs11.CKA_PUBLIC_EXPONENT, value: Buffer.from('010001', 'hex') },
        ],
        [
          { type: pkcs11.CKA_TOKEN, value: true },
          { type: pkcs11.CKA_ID, value: Buffer.from(id, 'hex') },
          { type: pkcs11.CKA_DECRYPT, value: true },
          { type: pkcs11.CKA_UNWRAP, value: false },
        ],
      );
    },
    sessionObjects: () => search([{ type: pkcs11.CKA_TOKEN, value: false }]),
  };
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there is no such object');
  return value;
}
