import * as pkcs11 from 'pkcs11js';
import { HsmError } from '../errors';
import { type AttributeValue, seal, type Template } from '../templates';
import type { MaterialKind } from '../types';
import { shapeOf } from './shapes';

type Attributes = ReadonlyArray<readonly [number, AttributeValue]>;

/** PKCS#11 3.0; pkcs11js 2.1.7 has no name for it. */
const ckkEcEdwards = 0x40;

const families = {
  aes: { class: pkcs11.CKO_SECRET_KEY, type: pkcs11.CKK_AES },
  hmac: { class: pkcs11.CKO_SECRET_KEY, type: pkcs11.CKK_GENERIC_SECRET },
  rsa: { class: pkcs11.CKO_PRIVATE_KEY, type: pkcs11.CKK_RSA },
  ec: { class: pkcs11.CKO_PRIVATE_KEY, type: pkcs11.CKK_EC },
  edwards: { class: pkcs11.CKO_PRIVATE_KEY, type: ckkEcEdwards },
} as const;

type Family = keyof typeof families;

/** What may be allowed at all, and is denied where it is not. */
const uses: Readonly<Record<Family, readonly number[]>> = {
  aes: secretUses(),
  hmac: secretUses(),
  rsa: privateUses(),
  ec: privateUses(),
  edwards: privateUses(),
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
  };

/** What an object that lives for one proof may do: just enough to tell which material it is. */
const provable: Readonly<Record<Family, readonly number[]>> = {
  aes: [pkcs11.CKA_ENCRYPT],
  hmac: [pkcs11.CKA_SIGN],
  rsa: [pkcs11.CKA_SIGN],
  ec: [pkcs11.CKA_SIGN, pkcs11.CKA_DERIVE],
  edwards: [pkcs11.CKA_SIGN],
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

export interface ResidentMaterial {
  readonly id: Buffer;
  readonly label: string;
  /** false seals the attributes for ever; see ResidentAesKey. */
  readonly modifiable: boolean;
}

/** Unwraps to a key that stays in the token: never readable, never wrappable, good for its KeyUsage only. */
export function residentMaterial(kind: MaterialKind, key: ResidentMaterial): Template {
  return made([
    ...protectedAs(shapeOf(kind.spec).family, usesOf(kind)),
    [pkcs11.CKA_TOKEN, true],
    [pkcs11.CKA_EXTRACTABLE, false],
    [pkcs11.CKA_ID, key.id],
    [pkcs11.CKA_LABEL, key.label],
    ...seal(key),
  ]);
}

/** Unwraps to an object of the session that is used as its resident key would be. */
export function usableMaterial(kind: MaterialKind, id: Buffer | undefined): Template {
  return made([
    ...protectedAs(shapeOf(kind.spec).family, usesOf(kind)),
    [pkcs11.CKA_TOKEN, false],
    [pkcs11.CKA_EXTRACTABLE, false],
    ...(id === undefined ? [] : [[pkcs11.CKA_ID, id] as const]),
  ]);
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

/** What a pair is called in the token. */
export interface PairName {
  readonly id: Buffer;
  readonly label: string;
}

export interface PairTemplates {
  readonly publicKey: Template;
  readonly privateKey: Template;
}

/** The private half stays in the token where it has a name there; the public half goes with the session. */
export function importPair(bits: number, name: PairName | undefined): PairTemplates {
  return rsaPair(bits, name, [pkcs11.CKA_DECRYPT, pkcs11.CKA_UNWRAP]);
}

/** As importPair, for a wrapping key that comes from another token: nobody decrypts with it what should be unwrapped. */
export function transferPair(bits: number, name: PairName | undefined): PairTemplates {
  return rsaPair(bits, name, [pkcs11.CKA_UNWRAP]);
}

function rsaPair(
  bits: number,
  name: PairName | undefined,
  allow: readonly number[],
): PairTemplates {
  return {
    publicKey: made([
      [pkcs11.CKA_TOKEN, false],
      [pkcs11.CKA_MODULUS_BITS, bits],
      [pkcs11.CKA_PUBLIC_EXPONENT, Buffer.from('010001', 'hex')],
      [pkcs11.CKA_ENCRYPT, true],
      [pkcs11.CKA_WRAP, true],
      [pkcs11.CKA_VERIFY, false],
    ]),
    privateKey: [
      ...made([...protectedAs('rsa', allow), [pkcs11.CKA_EXTRACTABLE, false]]),
      ...(name === undefined ? made([[pkcs11.CKA_TOKEN, false]]) : residence(name)),
    ],
  };
}

/** All that a copy which stays in the token is given anew: SoftHSM refuses what protects it (CKR_ATTRIBUTE_READ_ONLY). */
export function residence({ id, label }: PairName): Template {
  return made([
    [pkcs11.CKA_TOKEN, true],
    [pkcs11.CKA_ID, id],
    [pkcs11.CKA_LABEL, label],
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
