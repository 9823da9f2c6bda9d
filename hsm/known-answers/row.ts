import * as pkcs11 from 'pkcs11js';
import { HsmError } from '../errors';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { call } from '../return-values';
import type { AttributeValue } from '../templates';

/** One known-answer test. It runs in a session of its own, so whatever it leaves in the token goes with that. */
export interface KnownAnswer {
  /** As AWS KMS names it. */
  readonly name: string;
  readonly mechanism: string;
  /** Returns the row's note; throws HsmError where the token cannot do it. */
  readonly test: (desk: Desk) => string;
}

/** What is tried with one key. Throws HsmError where the token cannot do it. */
export interface KeyAnswer<K> {
  /** The algorithm as AWS KMS names it; of HMAC keys, which have one each, their spec. */
  readonly name: string;
  /** What the token lacks where it fails. */
  readonly mechanism: string;
  readonly test: (desk: Desk, key: K) => void;
  /** Another way to the same, tried where the first fails, and what the table says of it. */
  readonly detour?: { readonly test: (desk: Desk, key: K) => void; readonly note: string };
}

/** The known answers of keys of one kind, and the key of the session that they are tried with. */
export interface KeyAnswers<K> {
  readonly make: (desk: Desk) => K;
  /** What the table says of this key. */
  readonly note?: (key: K) => string;
  readonly answers: ReadonlyArray<KeyAnswer<K>>;
}

export type Attributes = ReadonlyArray<readonly [number, AttributeValue]>;

const privateUse: Attributes = [
  [pkcs11.CKA_TOKEN, false],
  [pkcs11.CKA_PRIVATE, true],
  [pkcs11.CKA_SENSITIVE, true],
  [pkcs11.CKA_EXTRACTABLE, false],
];

/** A template of a sensitive session object. */
export function sessionSecret(attributes: Attributes): pkcs11.Attribute[] {
  return template([...privateUse, ...attributes]);
}

export function template(attributes: Attributes): pkcs11.Attribute[] {
  return attributes.map(([type, value]) => ({ type, value }));
}

export function create(desk: Desk, attributes: pkcs11.Attribute[]): Handle {
  return call('C_CreateObject', () => desk.library.C_CreateObject(desk.session, attributes));
}

export function generatePair(
  desk: Desk,
  mechanism: number,
  templates: { publicKey: Attributes; privateKey: Attributes },
): pkcs11.KeyPair {
  const publicKey = template([[pkcs11.CKA_TOKEN, false], ...templates.publicKey]);
  const privateKey = sessionSecret(templates.privateKey);
  return call('C_GenerateKeyPair', () =>
    desk.library.C_GenerateKeyPair(desk.session, { mechanism }, publicKey, privateKey),
  );
}

/** Fails the row unless the token's answer is the one known. */
export function requireAnswer(right: boolean, fn: string): void {
  if (!right) throw new HsmError('mechanism-missing', `${fn}: wrong answer`);
}
