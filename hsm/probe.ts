import { HsmError } from './errors';
import { openGcm, sealGcm } from './gcm';
import { undoesGcm } from './gcm-proof';
import { ckm } from './mechanisms';
import { chooseWrapping, describeWrapping } from './known-answers/wrap';
import { cloneKey, type Desk, drawRandom } from './objects';
import { call } from './return-values';
import { sessionAesKey, type Template } from './templates';
import type { CapabilityRow } from './types';
import type { Handle } from './module';
import type { WrapMechanism } from './wrap';

/** What start-up finds out by trying, with session objects only. */
export interface Probe {
  readonly rows: readonly CapabilityRow[];
  /** A session clone of a key works and is as protected as the key. */
  readonly clones: boolean;
  /** The same with CKA_MODIFIABLE false. */
  readonly clonesSealed: boolean;
  /** Keys with CKA_MODIFIABLE false can be generated. */
  readonly seals: boolean;
  /** What wraps key material; where nothing does, why. */
  readonly wrapping: WrapMechanism | string;
}

/** Runs one known-answer test: its return value is the row's note, its failure the reason why not. */
export function tryRow(name: string, mechanism: string, test: () => string): CapabilityRow {
  try {
    return { name, mechanism, supported: true, note: test() };
  } catch (error) {
    if (!(error instanceof HsmError)) throw error;
    return { name, mechanism, supported: false, note: error.message };
  }
}

/** The quick tests, without which nothing can be served: a few milliseconds. Leaves no object behind if its session is closed. */
export function probeToken(desk: Desk, ivSource: 'random' | 'token'): Probe {
  const clone = (modifiable: boolean): boolean =>
    tryRow('clone', 'C_CopyObject', () => testClone(desk, { modifiable, ivSource })).supported;
  const wrapping = tryWrapping(desk);
  return {
    rows: [
      tryRow('SYMMETRIC_DEFAULT', 'CKM_AES_GCM', () => testGcm(desk, ivSource)),
      tryRow('GenerateRandom', 'C_GenerateRandom', () => testRandom(desk)),
      wrappingRow(wrapping),
    ],
    clones: clone(true),
    clonesSealed: clone(false),
    seals: tryRow('seal', 'CKM_AES_KEY_GEN', () => testSeal(desk)).supported,
    wrapping,
  };
}

function tryWrapping(desk: Desk): WrapMechanism | string {
  try {
    return chooseWrapping(desk);
  } catch (error) {
    if (error instanceof HsmError) return error.message;
    throw error;
  }
}

function wrappingRow(wrapping: WrapMechanism | string): CapabilityRow {
  const name = 'WRAPPED_MATERIAL';
  if (typeof wrapping === 'string') {
    return { name, mechanism: 'CKM_AES_KEY_WRAP_KWP', supported: false, note: wrapping };
  }
  const { name: mechanism } = wrapping;
  return { name, mechanism, supported: true, note: describeWrapping(wrapping) };
}

/** AES-256-GCM with additional data: McGrew and Viega, The Galois/Counter Mode of Operation, test case 16. */
const vector = {
  key: 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
  iv: 'cafebabefacedbaddecaf888',
  aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
  plaintext:
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
    '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
  ciphertext:
    '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
    '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662' +
    '76fc6ece0f4e1768cddf8853bb2d551b',
};

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** The published answer where the token lets a known key in (FIPS tokens do not), and the round trip in any case. */
function testGcm(desk: Desk, ivSource: 'random' | 'token'): string {
  const generated = generate(desk, sessionAesKey());
  if (!undoesGcm(desk, { seals: generated, opens: generated }, ivSource)) {
    throw new HsmError('failed', 'C_Decrypt: the key does not undo C_Encrypt');
  }
  requireRefusal(desk, generated, ivSource);
  const known = importKey(desk, sessionAesKey({ value: hex(vector.key) }));
  if (known === undefined) return 'proved by round trips: the token imports no known key';
  const sealed = { iv: hex(vector.iv), aad: hex(vector.aad), ciphertext: hex(vector.ciphertext) };
  const opened = openGcm({ ...desk, key: known }, sealed);
  if (!opened.equals(hex(vector.plaintext)))
    throw new HsmError('failed', 'C_Decrypt: wrong answer');
  return '';
}

/** A token that does not authenticate would turn every policy on encryption contexts into decoration. */
function requireRefusal(desk: Desk, key: Handle, ivSource: 'random' | 'token'): void {
  const where = { ...desk, key };
  const aad = Buffer.from('right');
  const sealed = sealGcm(where, { aad, plaintext: Buffer.alloc(16, 1), ivSource });
  const tampered = Buffer.from(sealed.ciphertext);
  tampered[0] = (tampered[0] ?? 0) ^ 1;
  requireInvalid(() => openGcm(where, { ...sealed, aad, ciphertext: tampered }));
  requireInvalid(() => openGcm(where, { ...sealed, aad: Buffer.from('wrong') }));
}

function requireInvalid(open: () => Buffer): void {
  try {
    open();
  } catch (error) {
    if (error instanceof HsmError && error.code === 'ciphertext-invalid') return;
    throw error;
  }
  throw new HsmError('mechanism-missing', 'C_Decrypt: the token does not authenticate');
}

function testRandom(desk: Desk): string {
  if (drawRandom(desk, 32).equals(drawRandom(desk, 32))) {
    throw new HsmError('failed', 'C_GenerateRandom: the same bytes twice');
  }
  return '';
}

/** Whether a copy is protected and undoes what the original did. */
function testClone(
  desk: Desk,
  options: { modifiable: boolean; ivSource: 'random' | 'token' },
): string {
  const key = generate(desk, sessionAesKey({ modifiable: options.modifiable }));
  const clone = cloneKey(desk, key, { isKind: () => true, assertHealthy: () => undefined });
  if (clone === undefined) throw new HsmError('failed', 'C_CopyObject: the copy is less protected');
  if (!undoesGcm(desk, { seals: key, opens: clone }, options.ivSource)) {
    throw new HsmError('failed', 'C_CopyObject: the copy is another key');
  }
  return '';
}

function testSeal(desk: Desk): string {
  generate(desk, sessionAesKey({ modifiable: false }));
  return '';
}

function generate(desk: Desk, template: Template): Handle {
  return call('C_GenerateKey', () =>
    desk.library.C_GenerateKey(desk.session, { mechanism: ckm.AES_KEY_GEN }, template),
  );
}

/** Undefined where the token refuses plaintext keys. */
export function importKey(desk: Desk, template: Template): Handle | undefined {
  try {
    return call('C_CreateObject', () => desk.library.C_CreateObject(desk.session, template));
  } catch (error) {
    if (error instanceof HsmError) return undefined;
    throw error;
  }
}
