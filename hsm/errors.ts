/** Everything that can go wrong below the token port, as a closed set. */
export type HsmErrorCode =
  | 'token-unavailable'
  | 'deadline'
  /** More of the kind wait already than will have their turn. */
  | 'busy'
  | 'key-not-found'
  | 'duplicate-key'
  | 'ciphertext-invalid'
  | 'mechanism-missing'
  /** Wrapped key material that its wrapping key does not unwrap. */
  | 'material-invalid'
  | 'not-exportable'
  | 'pin-incorrect'
  /** Imported material that does not unwrap: another wrapping key or algorithm, or tampered with. One error for all. */
  | 'import-not-unwrapped'
  /** Direct OAEP of another length than the wrapping key's modulus. */
  | 'import-size'
  /** It unwraps, and is not material of the kind that was asked for. */
  | 'import-material-wrong'
  | 'failed';

export class HsmError extends Error {
  override readonly name = 'HsmError';

  /** `message` names the PKCS#11 function and return value (`C_Encrypt: CKR_DEVICE_ERROR`), never data. */
  constructor(
    readonly code: HsmErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
