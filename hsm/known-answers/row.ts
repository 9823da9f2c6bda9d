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
