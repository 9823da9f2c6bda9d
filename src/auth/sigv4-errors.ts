import { KmsError } from '../errors';
import type { ErrorCode } from '../errors';

/** The front door's texts are AWS's, to the letter (kms-semantics §15.6). */
const FIXED = {
  missingToken: ['MissingAuthenticationTokenException', 'Missing Authentication Token'],
  unknownClient: [
    'UnrecognizedClientException',
    'The security token included in the request is invalid.',
  ],
  expiredToken: ['ExpiredToken', 'The security token included in the request is expired'],
  mismatch: [
    'InvalidSignatureException',
    'The request signature we calculated does not match the signature you provided. Check your AWS ' +
      'Secret Access Key and signing method. Consult the service documentation for details.',
  ],
} as const satisfies Record<string, readonly [ErrorCode, string]>;

export function refusal(kind: keyof typeof FIXED): KmsError {
  const [code, message] = FIXED[kind];
  return new KmsError(code, message);
}

export function incomplete(message: string): KmsError {
  return new KmsError('IncompleteSignatureException', message);
}

export function invalidSignature(message: string): KmsError {
  return new KmsError('InvalidSignatureException', message);
}

/** Two proofs are an attempt to have two readers see two callers. */
export function twoHeaders(): KmsError {
  return incomplete('Only one Authorization header is allowed.');
}

export function twoMechanisms(): KmsError {
  return incomplete(
    'Only one authentication mechanism is allowed: the Authorization header or the query-string parameters.',
  );
}

const ECHO_LIMIT = 1024;

/**
 * What an error may repeat of the caller's own text: bounded, printable ASCII, and without the
 * signature, which AWS echoes and we do not because errors are also kept in the audit trail.
 */
export function echo(text: string): string {
  const clipped = text.length > ECHO_LIMIT ? `${text.slice(0, ECHO_LIMIT)}...` : text;
  return clipped.replace(/[^\x20-\x7e]/g, '?').replace(/(Signature=)[^,\s]+/gi, '$1(redacted)');
}
