import { HsmError } from '../errors';
import type { Handle, Library } from '../module';
import { call } from '../return-values';
import type { AttributeValue, Template } from '../templates';
import { type Functions32, functions32, pointerBytes } from './function-list';

/** What pkcs11js does not have. Sessions and handles are pkcs11js's. */
export interface Interface32 {
  /** `bytes`: of the ciphertext. */
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

const known = new WeakMap<Library, Interface32 | string>();

/**
 * Functions of PKCS#11 3.2 of a library that this thread has loaded. Asked for only where a token offers what needs them,
 * so that nothing else depends on koffi. Throws `mechanism-missing`.
 */
export function interface32(library: Library): Interface32 {
  let found = known.get(library);
  if (found === undefined) {
    const functions = functions32(library.libPath);
    found = typeof functions === 'string' ? functions : interfaceOf(functions);
    known.set(library, found);
  }
  if (typeof found !== 'string') return found;
  throw new HsmError('mechanism-missing', `C_DecapsulateKey (PKCS#11 3.2): ${found}`);
}

function interfaceOf({ encapsulateKey, decapsulateKey }: Functions32): Interface32 {
  return {
    encapsulate: (session, mechanism, { publicKey, template, bytes }) => {
      const ciphertext = Buffer.alloc(bytes);
      const [length, key] = [[bytes], [0]];
      const beginning = beginningOf(session, mechanism, { key: publicKey, template });
      succeed('C_EncapsulateKey', () => encapsulateKey(...beginning, ciphertext, length, key));
      return { key: ckUlong(key[0]), ciphertext: ciphertext.subarray(0, length[0]) };
    },
    decapsulate: (session, mechanism, { privateKey, template, ciphertext }) => {
      const key = [0];
      const beginning = beginningOf(session, mechanism, { key: privateKey, template });
      const end = [ciphertext, ciphertext.length, key] as const;
      succeed('C_DecapsulateKey', () => decapsulateKey(...beginning, ...end));
      return ckUlong(key[0]);
    },
  };
}

function beginningOf(
  session: Handle,
  mechanism: number,
  { key, template }: { readonly key: Handle; readonly template: Template },
): readonly unknown[] {
  const attributes = template.map(({ type, value }) => {
    const pValue = bytesOf(value);
    return { type, pValue, ulValueLen: pValue.length };
  });
  const parameterless = { mechanism, pParameter: null, ulParameterLen: 0 };
  return [numberOf(session), parameterless, numberOf(key), attributes, attributes.length];
}

/** As pkcs11js throws, so that there is one reading of return values. */
function succeed(fn: string, body: () => number): void {
  call(fn, () => {
    const code = body();
    if (code !== 0) throw Object.assign(new Error(fn), { code });
  });
}

function bytesOf(value: AttributeValue): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value === 'boolean') return Buffer.of(value ? 1 : 0);
  return typeof value === 'number' ? ckUlong(value) : Buffer.from(value, 'utf8');
}

/** What pkcs11js calls a handle is the bytes of a CK_ULONG. */
function numberOf(handle: Handle): bigint {
  return handle.readBigUInt64LE(0);
}

function ckUlong(value: bigint | number | undefined): Handle {
  const bytes = Buffer.alloc(pointerBytes);
  bytes.writeBigUInt64LE(BigInt(value ?? 0));
  return bytes;
}
