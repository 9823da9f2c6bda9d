import { createRequire } from 'node:module';
import type * as Koffi from 'koffi' with { 'resolution-mode': 'require' };

/** A function of the library; its parameters are those of PKCS#11 3.2, in that order. */
type CkFunction = (...parameters: readonly unknown[]) => number;

/** The functions of CK_FUNCTION_LIST_3_2 that are used; pkcs11js ends with PKCS#11 2.40. */
export interface Functions32 {
  readonly encapsulateKey: CkFunction;
  readonly decapsulateKey: CkFunction;
}

export const pointerBytes = 8;
/** CK_VERSION, padded to a pointer, then the 68 functions of 2.40 and the 24 of 3.0. */
const slotsBefore = 1 + 68 + 24;

/** Of the library at this path, which is loaded already: the same image, with the same state. Else why it has none. */
export function functions32(path: string): Functions32 | string {
  const koffi = loadKoffi();
  if (koffi === undefined) return 'koffi has no binary for this machine';
  const ck = structures(koffi);
  const list = functionList(koffi, ck, path);
  if (typeof list === 'string') return list;
  const functionAt = (index: number, type: Koffi.TypeObject): CkFunction => {
    const pointer: unknown = koffi.decode(list, (slotsBefore + index) * pointerBytes, 'void *');
    return koffi.decode(pointer, type) as CkFunction;
  };
  return {
    encapsulateKey: functionAt(0, encapsulateKey(koffi, ck)),
    decapsulateKey: functionAt(1, decapsulateKey(koffi, ck)),
  };
}

/** Undefined where npm has installed no binary of it. */
function loadKoffi(): typeof Koffi | undefined {
  const require = createRequire(__filename);
  try {
    return require('koffi') as typeof Koffi;
  } catch {
    return undefined;
  }
}

interface Structures {
  readonly mechanism: Koffi.TypeObject;
  readonly attribute: Koffi.TypeObject;
  readonly version: Koffi.TypeObject;
  readonly interface: Koffi.TypeObject;
}

/** Without names, which koffi would want to be the only ones of the process. */
function structures(koffi: typeof Koffi): Structures {
  return {
    mechanism: koffi.struct({ mechanism: 'ulong', pParameter: 'void *', ulParameterLen: 'ulong' }),
    attribute: koffi.struct({ type: 'ulong', pValue: 'void *', ulValueLen: 'ulong' }),
    version: koffi.struct({ major: 'uint8', minor: 'uint8' }),
    interface: koffi.struct({ pInterfaceName: 'char *', pFunctionList: 'void *', flags: 'ulong' }),
  };
}

function encapsulateKey(koffi: typeof Koffi, ck: Structures): Koffi.TypeObject {
  const ciphertext = koffi.out(koffi.pointer('uint8'));
  const ciphertextLen = koffi.inout(koffi.pointer('ulong'));
  const key = koffi.out(koffi.pointer('ulong'));
  return koffi.proto('ulong', [...beginning(koffi, ck), ciphertext, ciphertextLen, key]);
}

function decapsulateKey(koffi: typeof Koffi, ck: Structures): Koffi.TypeObject {
  const key = koffi.out(koffi.pointer('ulong'));
  return koffi.proto('ulong', [...beginning(koffi, ck), koffi.pointer('uint8'), 'ulong', key]);
}

/** Session, mechanism, key, template and its length. */
function beginning(koffi: typeof Koffi, ck: Structures): (string | Koffi.TypeObject)[] {
  return ['ulong', koffi.pointer(ck.mechanism), 'ulong', koffi.pointer(ck.attribute), 'ulong'];
}

/** A pointer to CK_FUNCTION_LIST_3_2. SoftHSM 2.6 has no C_GetInterface, and NSS 3.110 no such interface. */
function functionList(koffi: typeof Koffi, ck: Structures, path: string): unknown {
  let getInterface: CkFunction;
  try {
    const found = koffi.out(koffi.pointer(koffi.pointer(ck.interface)));
    const parameters = ['const char *', koffi.pointer(ck.version), found, 'ulong'];
    getInterface = koffi.load(path).func('C_GetInterface', 'ulong', parameters);
  } catch {
    return 'the library has no C_GetInterface';
  }
  const found: unknown[] = [null];
  const value = getInterface('PKCS 11', { major: 3, minor: 2 }, found, 0);
  if (value !== 0) return `C_GetInterface: CKR 0x${value.toString(16)}`;
  const { pFunctionList } = koffi.decode(found[0], ck.interface) as { pFunctionList: unknown };
  const { major, minor } = koffi.decode(pFunctionList, ck.version) as Record<string, number>;
  // One that answers with what it has must not be called behind the end of that.
  if (major !== 3 || minor === undefined || minor < 2) return 'C_GetInterface: an older interface';
  return pFunctionList;
}
