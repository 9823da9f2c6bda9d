import { createCipheriv } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { HsmError } from '../errors';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { call } from '../return-values';
import type { WrapMechanism } from '../wrap';
import { type Attributes, create, type KnownAnswer, requireAnswer, template } from './row';

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

/** The first candidate that gives the known answers; throws `mechanism-missing` with each one's refusal. */
function proven(desk: Desk, candidates: readonly Candidate[]): WrapMechanism {
  const wrappingKey = importWrappingKey(desk);
  const isRight = (candidate: Candidate, material: Buffer): boolean => {
    const keys = { kek: wrappingKey, material: importMaterial(desk, material) };
    return wrapped(desk, candidate.mechanism, keys).equals(expected(candidate, material));
  };
  const refusals: string[] = [];
  for (const candidate of candidates) {
    const { name, mechanism, standard } = candidate;
    try {
      requireAnswer(isRight(candidate, evenMaterial), 'C_WrapKey');
      const anyLength = standard === 'RFC 5649' && isRight(candidate, oddMaterial);
      return { name, mechanism, standard, anyLength };
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

/** What this token wraps key material with. */
export function chooseWrapping(desk: Desk): WrapMechanism {
  return proven(desk, any);
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
