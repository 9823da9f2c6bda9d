/** Why an attestation document is not accepted: for the operator's log. Callers are told one thing for all faults. */
export class AttestationFault extends Error {
  override readonly name = 'AttestationFault';
}
