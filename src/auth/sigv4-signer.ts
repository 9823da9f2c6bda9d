import { echo, incomplete } from './sigv4-errors';

/** The last element of every Credential. */
export const TERMINATOR = 'aws4_request';

/** Date (YYYYMMDD), Region and service of a Credential, which with the secret make a signing key. */
export interface SigningScope {
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

/** Who signed and over what: the part of a claim that a client repeats in every request of a day. */
export interface Signer {
  /** As sent, slashes and all. */
  readonly credential: string;
  readonly accessKeyId: string;
  readonly scope: SigningScope & { readonly terminator: string };
  readonly signedHeaders: readonly string[];
  /** The same names as sent, joined by semicolons. */
  readonly signedHeaderList: string;
}

/**
 * Takes a Credential and a list of signed headers apart.
 * @throws KmsError IncompleteSignatureException
 */
export function signerOf(credential: string, signedHeaders: string): Signer {
  const parts = credential.split('/');
  const [accessKeyId, date, region, service, terminator] = parts;
  if (
    accessKeyId === undefined ||
    date === undefined ||
    region === undefined ||
    service === undefined ||
    terminator === undefined ||
    parts.length > 5
  ) {
    throw incomplete(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${echo(credential)}'`,
    );
  }
  return {
    credential,
    accessKeyId,
    scope: { date, region, service, terminator },
    signedHeaders: signedHeaders.split(';'),
    signedHeaderList: signedHeaders,
  };
}
