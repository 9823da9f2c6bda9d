import * as pkcs11 from 'pkcs11js';
import type { SoftHsm } from './softhsm';

type Handle = Buffer;

/** Somebody else in the same process: shares its sessions, login and handles, and can do them harm. */
export interface Intruder {
  /** Objects of this CKA_ID: token objects, or session objects. */
  find(id: string, options?: { token: boolean }): Handle[];
  /** Every object that a user sees, of the token or of a session. */
  all(options: { token: boolean }): Handle[];
  read(object: Handle | undefined, type: number): Buffer;
  generate(template: pkcs11.Attribute[]): Handle;
  create(template: pkcs11.Attribute[]): Handle;
  /** Wraps by CKM_AES_KEY_WRAP_PAD under the token's key of this CKA_ID. */
  wrap(wrappingKeyId: string, object: Handle): Buffer;
  unwrap(wrappingKeyId: string, blob: Buffer, template: pkcs11.Attribute[]): Handle;
  sign(key: Handle, mechanism: number, data: Buffer): Buffer;
  destroy(object: Handle | undefined): void;
  closeAllSessions(): void;
  logout(): void;
}

/** The module must be initialised and logged in by an open token. */
export function intruder(hsm: SoftHsm): Intruder {
  const library = new pkcs11.PKCS11();
  library.load(hsm.module);
  const slot = library
    .C_GetSlotList(true)
    .find((candidate) => library.C_GetTokenInfo(candidate).serialNumber.trim() === hsm.serial);
  if (slot === undefined) throw new Error('no such token');
  const session = library.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);
  const wrapping = { mechanism: pkcs11.CKM_AES_KEY_WRAP_PAD };
  const search = (template: pkcs11.Attribute[]): Handle[] => {
    library.C_FindObjectsInit(session, template);
    const found = library.C_FindObjects(session, 1000);
    library.C_FindObjectsFinal(session);
    return found;
  };
  const findAll = (id: string, token: boolean): Handle[] =>
    search([
      { type: pkcs11.CKA_TOKEN, value: token },
      { type: pkcs11.CKA_ID, value: Buffer.from(id, 'hex') },
    ]);
  return {
    find: (id, { token } = { token: true }) => findAll(id, token),
    all: ({ token }) => search([{ type: pkcs11.CKA_TOKEN, value: token }]),
    read: (object, type) => {
      const [read] = library.C_GetAttributeValue(session, required(object), [{ type }]);
      return required(read).value;
    },
    generate: (template) =>
      library.C_GenerateKey(session, { mechanism: pkcs11.CKM_AES_KEY_GEN }, template),
    create: (template) => library.C_CreateObject(session, template),
    wrap: (id, object) =>
      library.C_WrapKey(
        session,
        wrapping,
        required(findAll(id, true)[0]),
        object,
        Buffer.alloc(4096),
      ),
    unwrap: (id, blob, template) =>
      library.C_UnwrapKey(session, wrapping, required(findAll(id, true)[0]), blob, template),
    sign: (key, mechanism, data) => {
      library.C_SignInit(session, { mechanism }, key);
      return library.C_Sign(session, data, Buffer.alloc(512));
    },
    destroy: (object) => library.C_DestroyObject(session, required(object)),
    closeAllSessions: () => library.C_CloseAllSessions(slot),
    logout: () => library.C_Logout(session),
  };
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there is no such object');
  return value;
}
