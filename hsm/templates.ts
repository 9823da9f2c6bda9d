import * as pkcs11 from 'pkcs11js';

/** Only these value types: a Date in a template crashes the process (pkcs11-facts §7). */
export type AttributeValue = boolean | number | string | Buffer;

export interface Attribute {
  readonly type: number;
  readonly value: AttributeValue;
}

export type Template = Attribute[];

const secret = { class: pkcs11.CKO_SECRET_KEY, aes: pkcs11.CKK_AES } as const;

/** AES-256, the only size KMS has. */
const aesKeyBytes = 32;

export type AttributeRow = readonly [number, AttributeValue];

export function attributes(values: readonly AttributeRow[]): Template {
  return values.map(([type, value]) => ({ type, value }));
}

/** An AES key for Encrypt and Decrypt only, never readable, never wrappable. */
const aesUse: readonly AttributeRow[] = [
  [pkcs11.CKA_CLASS, secret.class],
  [pkcs11.CKA_KEY_TYPE, secret.aes],
  [pkcs11.CKA_PRIVATE, true],
  [pkcs11.CKA_SENSITIVE, true],
  [pkcs11.CKA_EXTRACTABLE, false],
  [pkcs11.CKA_ENCRYPT, true],
  [pkcs11.CKA_DECRYPT, true],
  [pkcs11.CKA_WRAP, false],
  [pkcs11.CKA_UNWRAP, false],
  [pkcs11.CKA_SIGN, false],
  [pkcs11.CKA_VERIFY, false],
  [pkcs11.CKA_DERIVE, false],
];

/** A key for probing: gone with its session. `value` makes it a known key. */
export function sessionAesKey(options: { value?: Buffer; modifiable?: boolean } = {}): Template {
  return attributes([
    ...aesUse,
    [pkcs11.CKA_TOKEN, false],
    options.value === undefined
      ? [pkcs11.CKA_VALUE_LEN, aesKeyBytes]
      : [pkcs11.CKA_VALUE, options.value],
    ...(options.modifiable === false ? [[pkcs11.CKA_MODIFIABLE, false] as const] : []),
  ]);
}

/** Copies a token object into the session; everything else is inherited. */
export const sessionClone: () => Template = () => attributes([[pkcs11.CKA_TOKEN, false]]);

/** CKA_TOKEN keeps session clones, which share the id, out of the search. */
export function residentKeys(id?: Buffer): Template {
  return attributes([
    [pkcs11.CKA_CLASS, secret.class],
    [pkcs11.CKA_TOKEN, true],
    ...(id === undefined ? [] : [[pkcs11.CKA_ID, id] as const]),
  ]);
}

export function residentPrivateKeys(id?: Buffer): Template {
  return attributes([
    [pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY],
    [pkcs11.CKA_TOKEN, true],
    ...(id === undefined ? [] : [[pkcs11.CKA_ID, id] as const]),
  ]);
}

export function residentPublicKeys(): Template {
  return attributes([
    [pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY],
    [pkcs11.CKA_TOKEN, true],
  ]);
}

/** A new key until it is wrapped: gone with its session, not readable, but wrappable. */
export function extractableAesKey(): Template {
  return attributes([
    ...aesUse.filter(([type]) => type !== pkcs11.CKA_EXTRACTABLE),
    [pkcs11.CKA_EXTRACTABLE, true],
    [pkcs11.CKA_VALUE_LEN, aesKeyBytes],
    [pkcs11.CKA_TOKEN, false],
  ]);
}

/**
 * Last in its template: SoftHSM's C_UnwrapKey sets the attributes one by one, refuses those that follow
 * (CKR_ATTRIBUTE_READ_ONLY), and leaves the object in the token, half made.
 */
export function seal({ modifiable }: { readonly modifiable: boolean }): readonly AttributeRow[] {
  return modifiable ? [] : [[pkcs11.CKA_MODIFIABLE, false]];
}

/** A key that stays in the token. */
export interface ResidentMaterial {
  readonly id: Buffer;
  readonly label: string;
  /** false seals the attributes for ever; SoftHSM then refuses to clone the key (CKR_ATTRIBUTE_READ_ONLY). */
  readonly modifiable: boolean;
}

export interface WrappingKey extends ResidentMaterial {
  /** Can be wrapped itself, under the public key of another token. */
  readonly exportable: boolean;
}

/**
 * Wraps and unwraps, and does nothing else: not readable, and not extractable unless it is meant for another token too.
 * CKA_WRAP_WITH_TRUSTED would help there only where the security officer marks the receiving public key CKA_TRUSTED;
 * SoftHSM lets no user do that (CKR_ATTRIBUTE_READ_ONLY), so a key with it could never be exported by the daemon.
 */
export function wrappingKey(key: WrappingKey): Template {
  return attributes([...wrappingUse(key), [pkcs11.CKA_VALUE_LEN, aesKeyBytes]]);
}

/** The same, for one that is unwrapped: CKA_VALUE_LEN is not ours to give then (SoftHSM: CKR_ATTRIBUTE_READ_ONLY). */
export function importedWrappingKey(key: WrappingKey): Template {
  return attributes(wrappingUse(key));
}

function wrappingUse(key: WrappingKey): readonly AttributeRow[] {
  return [
    [pkcs11.CKA_CLASS, secret.class],
    [pkcs11.CKA_KEY_TYPE, secret.aes],
    [pkcs11.CKA_TOKEN, true],
    [pkcs11.CKA_PRIVATE, true],
    [pkcs11.CKA_SENSITIVE, true],
    [pkcs11.CKA_EXTRACTABLE, key.exportable],
    [pkcs11.CKA_WRAP, true],
    [pkcs11.CKA_UNWRAP, true],
    [pkcs11.CKA_ENCRYPT, false],
    [pkcs11.CKA_DECRYPT, false],
    [pkcs11.CKA_SIGN, false],
    [pkcs11.CKA_VERIFY, false],
    [pkcs11.CKA_DERIVE, false],
    [pkcs11.CKA_ID, key.id],
    [pkcs11.CKA_LABEL, key.label],
    ...seal(key),
  ];
}
