/** Everything that can go wrong below the token port, as a closed set. */
export type HsmErrorCode =
  | 'token-unavailable'
  | 'deadline'
  | 'key-not-found'
  | 'duplicate-key'
  | 'ciphertext-invalid'
  | 'mechanism-missing'
  /** Wrapped key material that its wrapping key does not unwrap. */
  | 'material-invalid'
  | 'not-exportable'
  | 'pin-incorrect'
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
