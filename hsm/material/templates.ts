import * as pkcs11 from 'pkcs11js';
import { HsmError } from '../errors';
import { CKA_DECAPSULATE, CKK_ML_DSA, CKK_ML_KEM } from '../post-quantum/numbers';
import { type AttributeValue, type ResidentMaterial, seal, type Template } from '../templates';
import type { MaterialKind } from '../types';
import { shapeOf } from './shapes';

export type Attributes = ReadonlyArray<readonly [number, AttributeValue]>;

/** PKCS#11 3.0; pkcs11js 2.1.7 has no name for it. */
const ckkEcEdwards = 0x40;

const families = {
  aes: { class: pkcs11.CKO_SECRET_KEY, type: pkcs11.CKK_AES },
  hmac: { class: pkcs11.CKO_SECRET_KEY, type: pkcs11.CKK_GENERIC_SECRET },
  rsa: { class: pkcs11.CKO_PRIVATE_KEY, type: pkcs11.CKK_RSA },
  ec: { class: pkcs11.CKO_PRIVATE_KEY, type: pkcs11.CKK_EC },
  edwards: { class: pkcs11.CKO_PRIVATE_KEY, type: ckkEcEdwards },
  'ml-dsa': { class: pkcs11.CKO_PRIVATE_KEY, type: CKK_ML_DSA },
  'ml-kem': { class: pkcs11.CKO_PRIVATE_KEY, type: CKK_ML_KEM },
} as const;

export type Family = keyof typeof families;

/** What may be allowed at all, and is denied where it is not. */
export const uses: Readonly<Record<Family, readonly number[]>> = {
  aes: secretUses(),
  hmac: secretUses(),
  rsa: privateUses(),
  ec: privateUses(),
  edwards: privateUses(),
  'ml-dsa': privateUses(),
  // CKA_DECAPSULATE is PKCS#11 3.2: tokens of an older one have no ML-KEM keys, and refuse it of others.
  'ml-kem': [CKA_DECAPSULATE, ...privateUses()],
};

function secretUses(): readonly number[] {
  return [
    pkcs11.CKA_ENCRYPT,
    pkcs11.CKA_DECRYPT,
    pkcs11.CKA_SIGN,
    pkcs11.CKA_VERIFY,
    pkcs11.CKA_WRAP,
    pkcs11.CKA_UNWRAP,
    pkcs11.CKA_DERIVE,
  ];
}

function privateUses(): readonly number[] {
  return [
    pkcs11.CKA_DECRYPT,
    pkcs11.CKA_SIGN,
    pkcs11.CKA_SIGN_RECOVER,
    pkcs11.CKA_UNWRAP,
    pkcs11.CKA_DERIVE,
  ];
}

/** The attributes that a KeyUsage needs; absent: AWS KMS has no such key. */
const allowed: Readonly<Record<Family, Partial<Record<MaterialKind['usage'], readonly number[]>>>> =
  {
    aes: { ENCRYPT_DECRYPT: [pkcs11.CKA_ENCRYPT, pkcs11.CKA_DECRYPT] },
    hmac: { GENERATE_VERIFY_MAC: [pkcs11.CKA_SIGN, pkcs11.CKA_VERIFY] },
    rsa: { ENCRYPT_DECRYPT: [pkcs11.CKA_DECRYPT], SIGN_VERIFY: [pkcs11.CKA_SIGN] },
    ec: { SIGN_VERIFY: [pkcs11.CKA_SIGN], KEY_AGREEMENT: [pkcs11.CKA_DERIVE] },
    edwards: { SIGN_VERIFY: [pkcs11.CKA_SIGN] },
    'ml-dsa': { SIGN_VERIFY: [pkcs11.CKA_SIGN] },
    'ml-kem': { ENCAPSULATE_DECAPSULATE: [CKA_DECAPSULATE] },
  };

/** What an object that lives for one proof may do: just enough to tell which material it is. */
const provable: Readonly<Record<Family, readonly number[]>> = {
  aes: [pkcs11.CKA_ENCRYPT],
  hmac: [pkcs11.CKA_SIGN],
  rsa: [pkcs11.CKA_SIGN],
  ec: [pkcs11.CKA_SIGN, pkcs11.CKA_DERIVE],
  edwards: [pkcs11.CKA_SIGN],
  'ml-dsa': [pkcs11.CKA_SIGN],
  'ml-kem': [CKA_DECAPSULATE],
};

function made(attributes: Attributes): Template {
  return attributes.map(([type, value]) => ({ type, value }));
}

/** Private and sensitive; every use denied that is not in `allow`. */
function protectedAs(family: Family, allow: readonly number[]): Attributes {
  return [
    [pkcs11.CKA_CLASS, families[family].class],
    [pkcs11.CKA_KEY_TYPE, families[family].type],
    [pkcs11.CKA_PRIVATE, true],
    [pkcs11.CKA_SENSITIVE, true],
    ...uses[family].map((use) => [use, allow.includes(use)] as const),
  ];
}

/** Attributes of the uses that keys of this kind have. Throws where AWS KMS has no such keys. */
export function usesOf(kind: MaterialKind): readonly number[] {
  const found = allowed[shapeOf(kind.spec).family][kind.usage];
  if (found === undefined) {
    throw new HsmError('failed', `no ${kind.spec} key is for ${kind.usage}`);
  }
  return found;
}

/** Unwraps to a key that stays in the token: never readable, never wrappable, good for its KeyUsage only. */
export function residentMaterial(kind: MaterialKind, key: ResidentMaterial): Template {
  return generated(shapeOf(kind.spec).family, usesOf(kind), key);
}

/** What an object of this spec is in the token, and every use that it could be allowed. */
export function objectOf(spec: MaterialKind['spec']): {
  readonly class: number;
  readonly type: number;
  readonly uses: readonly number[];
} {
  const { family } = shapeOf(spec);
  return { ...families[family], uses: uses[family] };
}

/** Unwraps to an object of the session that can prove which material it is, and no more. */
export function provableMaterial(kind: MaterialKind): Template {
  const { family } = shapeOf(kind.spec);
  return made([
    ...protectedAs(family, provable[family]),
    [pkcs11.CKA_TOKEN, false],
    [pkcs11.CKA_EXTRACTABLE, false],
  ]);
}

/** Unwraps to an object of the session that does nothing but be wrapped again. */
export function wrappableMaterial(kind: MaterialKind): Template {
  return made([
    ...protectedAs(shapeOf(kind.spec).family, []),
    [pkcs11.CKA_TOKEN, false],
    [pkcs11.CKA_EXTRACTABLE, true],
  ]);
}

/** Any bytes: what is in here is not known yet. */
export function wrappableSecret(): Template {
  return made([
    ...protectedAs('hmac', []),
    [pkcs11.CKA_TOKEN, false],
    [pkcs11.CKA_EXTRACTABLE, true],
  ]);
}

/** What C_DeriveKey answers: the x coordinate of a point, an object of the session that is read at once. */
export function readableSecret(bytes: number): Template {
  return made([
    [pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY],
    [pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET],
    [pkcs11.CKA_VALUE_LEN, bytes],
    [pkcs11.CKA_TOKEN, false],
    [pkcs11.CKA_PRIVATE, true],
    [pkcs11.CKA_SENSITIVE, false],
    [pkcs11.CKA_EXTRACTABLE, true],
  ]);
}

/** A key of the session that unwraps, or wraps, one other key. `value` makes it a known one. */
export function sessionKek(
  use: 'wrap' | 'unwrap',
  source: { value?: Buffer; bytes?: number },
): Template {
  const allow = use === 'wrap' ? pkcs11.CKA_WRAP : pkcs11.CKA_UNWRAP;
  return made([
    ...protectedAs('aes', [allow]),
    [pkcs11.CKA_TOKEN, false],
    [pkcs11.CKA_EXTRACTABLE, false],
    ...(source.value === undefined ? [] : [[pkcs11.CKA_VALUE, source.value] as const]),
    ...(source.bytes === undefined ? [] : [[pkcs11.CKA_VALUE_LEN, source.bytes] as const]),
  ]);
}

/**
 * Where new material is: in the token under this name, in the session, or there and extractable until it is wrapped, or the
 * token would not wrap it. CKA_WRAP_WITH_TRUSTED would tie it to wrapping keys that the security officer has marked
 * CKA_TRUSTED; a daemon that logs in as user has no such keys.
 */
export type NewPlace = ResidentMaterial | 'session' | 'wrappable';

/** A new secret key of `bytes`, good for its KeyUsage only. */
export function generatedSecret(kind: MaterialKind, bytes: number, place: NewPlace): Template {
  const { family } = shapeOf(kind.spec);
  return [...made([[pkcs11.CKA_VALUE_LEN, bytes]]), ...generated(family, usesOf(kind), place)];
}

/** The private half of a new pair, or a secret, good for `allow` only. */
export function generated(family: Family, allow: readonly number[], place: NewPlace): Template {
  return [
    ...made([...protectedAs(family, allow), [pkcs11.CKA_EXTRACTABLE, place === 'wrappable']]),
    ...residence(typeof place === 'string' ? undefined : place),
  ];
}

/** Unwraps to an object of the session that is used as its resident key would be. */
export function usableMaterial(kind: MaterialKind, id: Buffer | undefined): Template {
  return [
    ...generated(shapeOf(kind.spec).family, usesOf(kind), 'session'),
    ...made(id === undefined ? [] : [[pkcs11.CKA_ID, id]]),
  ];
}

/** The public half of a new pair goes with the session. `attributes`: what kind of a pair. */
export function generatedPublicKey(attributes: Attributes): Template {
  return made([[pkcs11.CKA_TOKEN, false], ...attributes]);
}

/** All that a copy which stays in the token is given anew: SoftHSM refuses what protects it (CKR_ATTRIBUTE_READ_ONLY). */
export function residence(key: ResidentMaterial | undefined): Template {
  if (key === undefined) return made([[pkcs11.CKA_TOKEN, false]]);
  return made([
    [pkcs11.CKA_TOKEN, true],
    [pkcs11.CKA_ID, key.id],
    [pkcs11.CKA_LABEL, key.label],
    ...seal(key),
  ]);
}

/** Only a pair that may unwrap: no other RSA key of the token is ever taken for one. */
export function importPrivateKeys(id: Buffer): Template {
  return made([
    [pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY],
    [pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA],
    [pkcs11.CKA_TOKEN, true],
    [pkcs11.CKA_UNWRAP, true],
    [pkcs11.CKA_ID, id],
  ]);
}

/** Token objects of this id: of one class, or of any. */
export function residentObjects(id: Buffer, objectClass?: number): Template {
  return made([
    ...(objectClass === undefined ? [] : [[pkcs11.CKA_CLASS, objectClass] as const]),
    [pkcs11.CKA_TOKEN, true],
    [pkcs11.CKA_ID, id],
  ]);
}
