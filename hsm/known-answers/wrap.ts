import { createCipheriv } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { HsmError } from '../errors';
import { wrappableSecret } from '../material/templates';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { call } from '../return-values';
import { extractableAesKey } from '../templates';
import { unwrapKey, wrapKey, wrappedAesBytes, type WrapMechanism, type Wrapper } from '../wrap';
import {
  type Attributes,
  create,
  type KnownAnswer,
  requireAnswer,
  sessionSecret,
  template,
} from './row';

const kek = Buffer.alloc(32, 0x42);
const evenMaterial = Buffer.alloc(32, 0x17);
/** Not a multiple of 8, so that the padding shows. */
const oddMaterial = Buffer.alloc(20, 0x17);
const longestWrapped = 64;

function wrapped(desk: Desk, mechanism: number, keys: { kek: Handle; material: Handle }): Buffer {
  return call('C_WrapKey', () =>
    desk.library.C_WrapKey(
      desk.session,
      { mechanism },
      keys.kek,
      keys.material,
      Buffer.alloc(longestWrapped),
    ),
  );
}

const common: Attributes = [
  [pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY],
  [pkcs11.CKA_TOKEN, false],
];

function importWrappingKey(desk: Desk): Handle {
  const attributes: Attributes = [
    [pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES],
    [pkcs11.CKA_VALUE, kek],
    [pkcs11.CKA_WRAP, true],
  ];
  return create(desk, template([...common, ...attributes]));
}

function importMaterial(desk: Desk, value: Buffer): Handle {
  const attributes: Attributes = [
    [pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET],
    [pkcs11.CKA_VALUE, value],
    [pkcs11.CKA_EXTRACTABLE, true],
  ];
  return create(desk, template([...common, ...attributes]));
}

/** What OpenSSL makes of it. */
function expected(candidate: Candidate, material: Buffer): Buffer {
  const cipher = createCipheriv(candidate.cipher, kek, Buffer.from(candidate.iv, 'hex'));
  return Buffer.concat([cipher.update(material), cipher.final()]);
}

interface Candidate {
  readonly name: string;
  readonly mechanism: number;
  readonly standard: 'RFC 5649' | 'RFC 3394';
  readonly cipher: string;
  /** The initial value of the standard. */
  readonly iv: string;
}

const withPadding = {
  standard: 'RFC 5649',
  cipher: 'id-aes256-wrap-pad',
  iv: 'a65959a6',
} as const;

const withoutPadding = {
  standard: 'RFC 3394',
  cipher: 'id-aes256-wrap',
  iv: 'a6a6a6a6a6a6a6a6',
} as const;

/**
 * CKM_AES_KEY_WRAP_PAD is PKCS#7 padding in NSS; in SoftHSM 2.6.1 it is RFC 5649 for lengths that are multiples of 8,
 * and otherwise pads with zeros that it counts as material. The answers decide, not the name.
 */
const padding: readonly Candidate[] = [
  { name: 'CKM_AES_KEY_WRAP_KWP', mechanism: ckm.AES_KEY_WRAP_KWP, ...withPadding },
  { name: 'CKM_AES_KEY_WRAP_PAD', mechanism: ckm.AES_KEY_WRAP_PAD, ...withPadding },
];

const any: readonly Candidate[] = [
  ...padding,
  { name: 'CKM_AES_KEY_WRAP', mechanism: ckm.AES_KEY_WRAP, ...withoutPadding },
];

/** By the known answers. */
function proven(desk: Desk, candidates: readonly Candidate[]): WrapMechanism {
  const wrappingKey = importWrappingKey(desk);
  const isRight = (candidate: Candidate, material: Buffer): boolean => {
    const keys = { kek: wrappingKey, material: importMaterial(desk, material) };
    return wrapped(desk, candidate.mechanism, keys).equals(expected(candidate, material));
  };
  return first(candidates, (candidate) => {
    requireAnswer(isRight(candidate, evenMaterial), 'C_WrapKey');
    return candidate.standard === 'RFC 5649' && isRight(candidate, oddMaterial);
  });
}

/** The first candidate that passes; throws `mechanism-missing` with each one's refusal. `test`: does it take any length? */
function first(
  candidates: readonly Candidate[],
  test: (candidate: Candidate) => boolean,
): WrapMechanism {
  const refusals: string[] = [];
  for (const candidate of candidates) {
    const { name, mechanism, standard } = candidate;
    try {
      return { name, mechanism, standard, anyLength: test(candidate) };
    } catch (error) {
      if (!(error instanceof HsmError)) throw error;
      refusals.push(`${name}: ${error.message}`);
    }
  }
  throw new HsmError('mechanism-missing', refusals.join('; '));
}

function limitOf(mechanism: WrapMechanism): string {
  return mechanism.anyLength ? '' : ', for multiples of 8 bytes only';
}

/**
 * What this token wraps key material with. A token that lets no known key in (FIPS) is believed about the mechanisms whose
 * names say one thing only, when they undo what they did.
 */
export function chooseWrapping(desk: Desk): WrapMechanism {
  return importsKeys(desk) ? proven(desk, any) : tried(desk, any.filter(isUnambiguous));
}

function importsKeys(desk: Desk): boolean {
  try {
    importWrappingKey(desk);
    return true;
  } catch (error) {
    if (error instanceof HsmError) return false;
    throw error;
  }
}

function isUnambiguous({ mechanism }: Candidate): boolean {
  return mechanism !== ckm.AES_KEY_WRAP_PAD;
}

function tried(desk: Desk, candidates: readonly Candidate[]): WrapMechanism {
  const key = call('C_GenerateKey', () =>
    desk.library.C_GenerateKey(
      desk.session,
      { mechanism: ckm.AES_KEY_GEN },
      sessionSecret(generatedWrappingKey),
    ),
  );
  return first(candidates, ({ mechanism, standard }) => {
    roundTrip(desk, { mechanism, key });
    return standard === 'RFC 5649';
  });
}

const generatedWrappingKey: Attributes = [
  [pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY],
  [pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES],
  [pkcs11.CKA_VALUE_LEN, 32],
  [pkcs11.CKA_WRAP, true],
  [pkcs11.CKA_UNWRAP, true],
];

/** What was wrapped, unwrapped and wrapped again is the same. */
function roundTrip(desk: Desk, wrapper: Wrapper): void {
  const born = call('C_GenerateKey', () =>
    desk.library.C_GenerateKey(desk.session, { mechanism: ckm.AES_KEY_GEN }, extractableAesKey()),
  );
  const blob = wrapKey(desk, wrapper, born);
  const again = unwrapKey(desk, wrapper, { blob, template: wrappableSecret() });
  requireAnswer(blob.length === wrappedAesBytes, 'C_WrapKey');
  requireAnswer(wrapKey(desk, wrapper, again).equals(blob), 'C_UnwrapKey');
}

export function describeWrapping(mechanism: WrapMechanism): string {
  return `${mechanism.standard}${limitOf(mechanism)}`;
}

function testPadding(desk: Desk): string {
  const mechanism = proven(desk, padding);
  return `by ${mechanism.name}${limitOf(mechanism)}`;
}

export const wrapAnswers: readonly KnownAnswer[] = [
  { name: 'RFC_5649_KEY_WRAP', mechanism: 'CKM_AES_KEY_WRAP_KWP', test: testPadding },
];
