import { createRequire } from 'node:module';
import type * as Koffi from 'koffi' with { 'resolution-mode': 'require' };
import { HsmError } from '../errors';
import type { Handle, Library } from '../module';
import { call } from '../return-values';
import type { AttributeValue, Template } from '../templates';

/** What pkcs11js, which ends with PKCS#11 2.40, has no name for. */
export interface Interface32 {
  encapsulate(
    session: Handle,
    mechanism: number,
    request: { readonly publicKey: Handle; readonly template: Template; readonly bytes: number },
  ): { readonly key: Handle; readonly ciphertext: Buffer };
  decapsulate(
    session: Handle,
    mechanism: number,
    request: {
      readonly privateKey: Handle;
      readonly template: Template;
      readonly ciphertext: Buffer;
    },
  ): Handle;
}

interface CkAttribute {
  readonly type: number;
  readonly pValue: Buffer;
  readonly ulValueLen: number;
}

interface CkMechanism {
  readonly mechanism: number;
  readonly pParameter: null;
  readonly ulParameterLen: 0;
}

type CEncapsulateKey = (
  session: bigint,
  mechanism: CkMechanism,
  publicKey: bigint,
  template: readonly CkAttribute[],
  count: number,
  ciphertext: Buffer,
  ciphertextLen: number[],
  key: (bigint | number)[],
) => number;

type CDecapsulateKey = (
  session: bigint,
  mechanism: CkMechanism,
  privateKey: bigint,
  template: readonly CkAttribute[],
  count: number,
  ciphertext: Buffer,
  ciphertextLen: number,
  key: (bigint | number)[],
) => number;

type CGetInterface = (
  name: string,
  version: { readonly major: number; readonly minor: number },
  found: unknown[],
  flags: number,
) => number;

const pointerBytes = 8;
/** CK_FUNCTION_LIST_3_2: CK_VERSION, padded to a pointer, then the 68 functions of 2.40 and the 24 of 3.0. */
const functionsBefore = 1 + 68 + 24;

const known = new WeakMap<Library, Interface32 | HsmError>();

/**
 * Functions of PKCS#11 3.2 of a library that this thread has loaded: sessions and handles are pkcs11js's. Asked for only
 * where a token offers what needs them, so that nothing else depends on koffi. Throws `mechanism-missing`.
 */
export function interface32(library: Library): Interface32 {
  let found = known.get(library);
  if (found === undefined) {
    found = open(library);
    known.set(library, found);
  }
  if (found instanceof HsmError) throw found;
  return found;
}

function missing(reason: string): HsmError {
  const what = 'the token lacks C_EncapsulateKey and C_DecapsulateKey (PKCS#11 3.2)';
  return new HsmError('mechanism-missing', `${what}: ${reason}`);
}

function open(library: Library): Interface32 | HsmError {
  const koffi = loadKoffi();
  if (koffi === undefined) return missing('koffi has no binary for this machine');
  const ck = structures(koffi);
  const list = functionList(koffi, ck, library.libPath);
  if (typeof list === 'string') return missing(list);
  const at = (index: number): unknown =>
    koffi.decode(list, (functionsBefore + index) * pointerBytes, 'void *');
  const encapsulateKey = koffi.decode(at(0), prototypes.encapsulate(koffi, ck)) as CEncapsulateKey;
  const decapsulateKey = koffi.decode(at(1), prototypes.decapsulate(koffi, ck)) as CDecapsulateKey;
  return {
    encapsulate: (session, mechanism, { publicKey, template, bytes }) => {
      const ciphertext = Buffer.alloc(bytes);
      const length = [bytes];
      const key = [0];
      const attributes = template.map(attributeOf);
      succeed('C_EncapsulateKey', () =>
        encapsulateKey(
          ...([numberOf(session), mechanismOf(mechanism), numberOf(publicKey)] as const),
          ...([attributes, attributes.length, ciphertext, length, key] as const),
        ),
      );
      return { key: handleOf(key[0]), ciphertext: ciphertext.subarray(0, length[0]) };
    },
    decapsulate: (session, mechanism, { privateKey, template, ciphertext }) => {
      const key = [0];
      const attributes = template.map(attributeOf);
      succeed('C_DecapsulateKey', () =>
        decapsulateKey(
          ...([numberOf(session), mechanismOf(mechanism), numberOf(privateKey)] as const),
          ...([attributes, attributes.length, ciphertext, ciphertext.length, key] as const),
        ),
      );
      return handleOf(key[0]);
    },
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

const prototypes = {
  encapsulate: (koffi: typeof Koffi, ck: Structures): Koffi.TypeObject =>
    koffi.proto('ulong', [
      ...beginning(koffi, ck),
      koffi.out(koffi.pointer('uint8')),
      koffi.inout(koffi.pointer('ulong')),
      koffi.out(koffi.pointer('ulong')),
    ]),
  decapsulate: (koffi: typeof Koffi, ck: Structures): Koffi.TypeObject =>
    koffi.proto('ulong', [
      ...beginning(koffi, ck),
      koffi.pointer('uint8'),
      'ulong',
      koffi.out(koffi.pointer('ulong')),
    ]),
};

/** Session, mechanism, key, template and its length. */
function beginning(koffi: typeof Koffi, ck: Structures): (string | Koffi.TypeObject)[] {
  return ['ulong', koffi.pointer(ck.mechanism), 'ulong', koffi.pointer(ck.attribute), 'ulong'];
}

/** A pointer to CK_FUNCTION_LIST_3_2, or why there is none. SoftHSM 2.6 has no C_GetInterface, NSS 3.110 no 3.2. */
function functionList(koffi: typeof Koffi, ck: Structures, path: string): unknown {
  // The library is loaded, so that this is the same one with the same state.
  const library = koffi.load(path);
  let getInterface: CGetInterface;
  try {
    const out = koffi.out(koffi.pointer(koffi.pointer(ck.interface)));
    const parameters = ['const char *', koffi.pointer(ck.version), out, 'ulong'];
    getInterface = library.func('C_GetInterface', 'ulong', parameters) as unknown as CGetInterface;
  } catch {
    return 'no C_GetInterface';
  }
  const found: unknown[] = [null];
  const value = getInterface('PKCS 11', { major: 3, minor: 2 }, found, 0);
  if (value !== 0) return `C_GetInterface: CKR 0x${value.toString(16)}`;
  const { pFunctionList } = koffi.decode(found[0], ck.interface) as { pFunctionList: unknown };
  const { major, minor } = koffi.decode(pFunctionList, ck.version) as Record<string, number>;
  // A token that answers with the list that it has must not be called behind its end.
  if (major !== 3 || minor === undefined || minor < 2) return 'C_GetInterface: an older interface';
  return pFunctionList;
}

/** As pkcs11js throws, so that there is one reading of return values. */
function succeed(fn: string, body: () => number): void {
  call(fn, () => {
    const code = body();
    if (code !== 0) throw Object.assign(new Error(fn), { code });
  });
}

function mechanismOf(mechanism: number): CkMechanism {
  return { mechanism, pParameter: null, ulParameterLen: 0 };
}

function attributeOf({ type, value }: { type: number; value: AttributeValue }): CkAttribute {
  const pValue = bytesOf(value);
  return { type, pValue, ulValueLen: pValue.length };
}

function bytesOf(value: AttributeValue): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value === 'boolean') return Buffer.of(value ? 1 : 0);
  return typeof value === 'number' ? handleOf(value) : Buffer.from(value, 'utf8');
}

/** CK_ULONG: what pkcs11js calls a handle is its bytes. */
function numberOf(handle: Handle): bigint {
  return handle.readBigUInt64LE(0);
}

function handleOf(value: bigint | number | undefined): Handle {
  const bytes = Buffer.alloc(pointerBytes);
  bytes.writeBigUInt64LE(BigInt(value ?? 0));
  return bytes;
}
