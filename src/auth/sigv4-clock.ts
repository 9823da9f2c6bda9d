import { incomplete, invalidSignature, echo } from './sigv4-errors';

/** AWS's window on either side of the server's clock, in seconds. */
const SKEW_SECONDS = 300;

/** A signing time: as it stands in the string to sign, and in seconds since the epoch. */
export interface SigningTime {
  readonly iso: string;
  readonly seconds: number;
}

const DIGIT_ZERO = 0x30;
const BASIC_ISO =
  /^\d{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3])[0-5]\d[0-5]\dZ$/;
/** IMF-fixdate, the form that RFC 9110 §5.6.7 has senders generate. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** `YYYYMMDDTHHMMSSZ` of a time in seconds since the epoch. */
export function basicIso(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

/**
 * Reads X-Amz-Date (`YYYYMMDDTHHMMSSZ`) or the Date header, which may also be an HTTP date.
 * @throws KmsError IncompleteSignatureException when it is neither.
 */
export function parseSigningTime(text: string): SigningTime {
  if (BASIC_ISO.test(text)) return { iso: text, seconds: secondsOf(text) };
  const parsed = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(parsed)) {
    throw incomplete(
      `Date must be in ISO-8601 'basic format'. Got '${echo(text)}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    );
  }
  const seconds = parsed / 1000;
  return { iso: basicIso(seconds), seconds };
}

function secondsOf(iso: string): number {
  const two = (at: number): number =>
    10 * iso.charCodeAt(at) + iso.charCodeAt(at + 1) - 11 * DIGIT_ZERO;
  const year = 100 * two(0) + two(2);
  return Date.UTC(year, two(4) - 1, two(6), two(9), two(11), two(13)) / 1000;
}

/**
 * Refuses a request signed too long ago or too far ahead.
 * @param lifetime seconds that a presigned request asked for; undefined for AWS's five minutes.
 * @throws KmsError InvalidSignatureException
 */
export function requireCurrent(
  time: SigningTime,
  nowMs: number,
  lifetime: number = SKEW_SECONDS,
): void {
  const now = Math.floor(nowMs / 1000);
  if (time.seconds < now - lifetime) {
    throw invalidSignature(
      `Signature expired: ${time.iso} is now earlier than ${basicIso(now - lifetime)} ` +
        `(${basicIso(now)} - ${span(lifetime)}.)`,
    );
  }
  if (time.seconds > now + SKEW_SECONDS) {
    throw invalidSignature(
      `Signature not yet current: ${time.iso} is still later than ${basicIso(now + SKEW_SECONDS)} ` +
        `(${basicIso(now)} + ${span(SKEW_SECONDS)}.)`,
    );
  }
}

function span(seconds: number): string {
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} sec`;
}
