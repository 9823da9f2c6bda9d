import { randomUUID } from 'node:crypto';
import type { XksReply } from './xks-client';

/** What AWS KMS says of a request. */
export function about(
  kmsOperation: string,
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    awsPrincipalArn: 'arn:aws:iam::123456789012:user/Alice',
    kmsKeyArn: 'arn:aws:kms:us-east-2:123456789012:/key/1234abcd-12ab-34cd-56ef-1234567890ab',
    kmsOperation,
    kmsRequestId: randomUUID(),
    ...more,
  };
}

export interface Plain {
  readonly plaintext: Buffer;
  readonly aad?: Buffer | undefined;
  /** Asks for a ciphertextDataIntegrityValue. */
  readonly checked?: boolean;
}

type Body = Readonly<Record<string, unknown>>;

export function encryptBody({ plaintext, aad, checked }: Plain, more: Body = {}): Body {
  return {
    requestMetadata: about('Encrypt'),
    plaintext: plaintext.toString('base64'),
    encryptionAlgorithm: 'AES_GCM',
    additionalAuthenticatedData: aad?.toString('base64'),
    ciphertextDataIntegrityValueAlgorithm: checked === true ? 'SHA_256' : undefined,
    ...more,
  };
}

/** What Encrypt answered, decoded. */
export interface Sealed {
  readonly ciphertext: Buffer;
  readonly initializationVector: Buffer;
  readonly authenticationTag: Buffer;
  readonly ciphertextMetadata: Buffer;
}

export const sealedMembers = [
  'ciphertext',
  'initializationVector',
  'authenticationTag',
  'ciphertextMetadata',
] as const;

export function sealedOf(reply: XksReply): Sealed {
  const members = succeeded(reply);
  const bytes = (name: keyof Sealed): Buffer => Buffer.from(String(members[name]), 'base64');
  const [ciphertext, initializationVector, authenticationTag, ciphertextMetadata] = [
    bytes('ciphertext'),
    bytes('initializationVector'),
    bytes('authenticationTag'),
    bytes('ciphertextMetadata'),
  ];
  return { ciphertext, initializationVector, authenticationTag, ciphertextMetadata };
}

export function decryptBody(sealed: Sealed, aad?: Buffer, more: Body = {}): Body {
  const encoded = sealedMembers.map((name) => [name, sealed[name].toString('base64')]);
  return {
    requestMetadata: about('Decrypt'),
    encryptionAlgorithm: 'AES_GCM',
    ...(Object.fromEntries(encoded) as Record<string, string>),
    additionalAuthenticatedData: aad?.toString('base64'),
    ...more,
  };
}

/** The members of a success, whose form every success has. */
export function succeeded(reply: XksReply): Readonly<Record<string, unknown>> {
  if (reply.status !== 200) throw new Error(`the answer was ${reply.status}: ${reply.text}`);
  return membersOf(reply);
}

/** Status and members of a refusal, whose form every refusal has (xks-proxy §1.10). */
export function refused(reply: XksReply): Readonly<Record<string, unknown>> {
  const { errorName, errorMessage, ...rest } = membersOf(reply);
  expect(rest).toEqual({});
  expect(errorMessage).toMatch(/^[\x20-\x7e]{1,511}$/);
  return { status: reply.status, errorName, errorMessage };
}

function membersOf({ headers, text }: XksReply): Readonly<Record<string, unknown>> {
  expect(headers['content-type']).toBe('application/json');
  expect(headers['content-length']).toBe(String(Buffer.byteLength(text)));
  // One line, as the specification has it.
  expect(text).not.toMatch(/[\r\n]/);
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}

export const authenticationFailed = {
  status: 401,
  errorName: 'AuthenticationFailedException',
  errorMessage: 'The signature of the request is not that of a credential of this key store.',
};
export const invalidCiphertext = {
  status: 400,
  errorName: 'InvalidCiphertextException',
  errorMessage: 'The ciphertext does not decrypt.',
};
export const keyNotFound = {
  status: 404,
  errorName: 'KeyNotFoundException',
  errorMessage: 'The external key does not exist.',
};
export const keyDisabled = {
  status: 400,
  errorName: 'InvalidStateException',
  errorMessage: 'The external key is disabled.',
};
export const storeDisabled = {
  status: 400,
  errorName: 'InvalidStateException',
  errorMessage: 'The external key store is disabled.',
};
export const unknownPath = {
  status: 404,
  errorName: 'InvalidUriPathException',
  errorMessage: 'The path is not one of an external key store.',
};
export const failed = {
  status: 500,
  errorName: 'InternalException',
  errorMessage: 'The request failed because of an internal error. It can be tried again.',
};
export const lateAnswer = {
  status: 503,
  errorName: 'DependencyTimeoutException',
  errorMessage: 'The request could not be finished in time. It can be tried again.',
};

export function invalid(errorMessage: string): Readonly<Record<string, unknown>> {
  return { status: 400, errorName: 'ValidationException', errorMessage };
}

export function unsupported(errorMessage: string): Readonly<Record<string, unknown>> {
  return { status: 501, errorName: 'UnsupportedOperationException', errorMessage };
}
