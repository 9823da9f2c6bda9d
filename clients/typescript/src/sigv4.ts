import { createHash, createHmac } from 'node:crypto';
import type { Outgoing } from './outgoing';

/** An access key, of the form that AWS SDKs' credential providers give. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken?: string | undefined;
}

export interface Scope {
  readonly region: string;
  readonly at: Date;
}

/** Of ours and of the caller's; what proxies and the transport may change is not signed. */
const SIGNED = /^(?:host|content-type|idempotency-key|x-amz-.*)$/;

/** The headers of AWS Signature Version 4 for service `kms`: those to add to the request, Authorization among them. */
export function signatureHeaders(
  outgoing: Pick<Outgoing, 'method' | 'url' | 'headers' | 'body'>,
  credentials: Credentials,
  { region, at }: Scope,
): Readonly<Record<string, string>> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const time = at.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const added = {
    'x-amz-date': time,
    ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
  };
  const headers = headersToSign(outgoing, added);
  const names = headers.map(([name]) => name).join(';');
  const canonical = [
    outgoing.method,
    canonicalPath(outgoing.url.pathname),
    canonicalQuery(outgoing.url.search),
    ...headers.map(([name, value]) => `${name}:${value.trim().replace(/\s+/g, ' ')}`),
    '',
    names,
    sha256(new Uint8Array(outgoing.body ?? new ArrayBuffer(0))),
  ].join('\n');
  const scope = [time.slice(0, 8), region, 'kms', 'aws4_request'];
  const toSign = ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(canonical)].join('\n');
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  const signature = hmac(key, toSign).toString('hex');
  const credential = `Credential=${accessKeyId}/${scope.join('/')}`;
  const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...added, authorization };
}

function headersToSign(
  { url, headers }: Pick<Outgoing, 'url' | 'headers'>,
  added: Readonly<Record<string, string>>,
): (readonly [string, string])[] {
  const all = { ...Object.fromEntries(headers), ...added, host: url.host };
  return Object.entries(all)
    .filter(([name]) => SIGNED.test(name))
    .sort(([one], [other]) => (one < other ? -1 : 1));
}

/** Each segment is encoded as it is sent, so that its escapes are encoded once more, as for every service but S3. */
function canonicalPath(pathname: string): string {
  return pathname.split('/').map(encode).join('/');
}

function canonicalQuery(search: string): string {
  return [...new URLSearchParams(search)]
    .map((pair) => pair.map(encode))
    .sort(([name = '', value = ''], [otherName = '', otherValue = '']) =>
      name === otherName ? compare(value, otherValue) : compare(name, otherName),
    )
    .map((pair) => pair.join('='))
    .join('&');
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** RFC 3986: everything but unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest();
}
