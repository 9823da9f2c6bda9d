import { type KeyObject, generateKeyPairSync } from 'node:crypto';
import { Attestations } from '../../src/attestation/attestations';
import type { AttestationFault } from '../../src/attestation/fault';
import { type Different, type Envelope, makeAttester } from '../support/attestation';
import { refusalOf } from '../support/refusal';

export const accepted = 'nothing was thrown';
export const invalid = {
  code: 'ValidationException',
  message: 'The attestation document is not valid.',
};

export const spki = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });

/** Whose documents are made here, for whom, and when. */
export const attester = makeAttester();
export const recipient = spki(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey);
export const at = new Date();

export function documentOf(different: Different = {}, envelope: Envelope = {}): Buffer {
  return attester.document(recipient, { timestamp: at.getTime(), ...different }, envelope);
}

/** Why a document is refused; the refusal itself says the same of all. */
export async function reasonOf(document: Buffer): Promise<string> {
  const reasons: AttestationFault[] = [];
  const onRefused = (reason: AttestationFault): void => void reasons.push(reason);
  const attestations = new Attestations({ roots: attester.roots, onRefused });
  const refusal = await refusalOf(() => attestations.verify(document, at));
  if (reasons.length === 0) return refusal.code;
  expect(refusal).toEqual(invalid);
  return reasons.map(({ message }) => message).join();
}
