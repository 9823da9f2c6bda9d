import { randomUUID } from 'node:crypto';
import { Secret } from '../../../src/auth/secret';
import {
  canonicalHeaders,
  canonicalUri,
  payloadHash,
  readHeaders,
} from '../../../src/auth/sigv4-canonical';
import { basicIso } from '../../../src/auth/sigv4-clock';
import { SigningKey } from '../../../src/auth/sigv4-keys';

/** Who signs, and for where. */
export interface Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

/** What the AWS SDK for JavaScript signs, of what a request has. */
const signedHeaders = [
  'amz-sdk-invocation-id',
  'amz-sdk-request',
  'content-length',
  'content-type',
  'host',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-target',
  'x-amz-user-agent',
];
const userAgent = 'aws-sdk-js/3.1164.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#20.20.2';

/** A POST of JSON, but for its sender. */
export interface Post {
  /** As it is sent, without a query. */
  readonly path: string;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly input: object;
}

/** The bytes of a request that goes on the wire. */
export function bytesOf(
  path: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): Buffer {
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${head.join('')}\r\n`), body]);
}

/** Makes whole HTTP requests, signed at the time of its making: AWS accepts them for five minutes. */
export class Signer {
  readonly #iso = basicIso(Math.floor(Date.now() / 1000));
  readonly #scope;
  readonly #key: SigningKey;

  constructor(
    private readonly identity: Identity,
    private readonly host: string,
  ) {
    this.#scope = { date: this.#iso.slice(0, 8), region: identity.region, service: 'kms' };
    this.#key = new SigningKey(new Secret(identity.secretAccessKey), this.#scope);
  }

  /** A request of the AWS JSON protocol. */
  request(operation: string, input: object): Buffer {
    return this.post({
      path: '/',
      contentType: 'application/x-amz-json-1.1',
      headers: { 'x-amz-target': `TrentService.${operation}` },
      input,
    });
  }

  /** With the headers of an SDK. */
  post({ path, contentType, headers: more, input }: Post): Buffer {
    const body = Buffer.from(JSON.stringify(input));
    const payload = payloadHash(body);
    const headers = {
      host: this.host,
      'content-type': contentType,
      'content-length': String(body.length),
      ...more,
      'x-amz-user-agent': userAgent,
      'user-agent': userAgent,
      'amz-sdk-invocation-id': randomUUID(),
      'amz-sdk-request': 'attempt=1; max=3',
      'x-amz-date': this.#iso,
      'x-amz-content-sha256': payload,
    };
    const names = signedHeaders.filter((name) => name in headers);
    const lines = canonicalHeaders(names, readHeaders(Object.entries(headers).flat())) ?? '';
    const list = names.join(';');
    const canonical = `POST\n${canonicalUri(path)}\n\n${lines}\n${list}\n${payload}`;
    const authorization = this.#authorization(list, canonical);
    return bytesOf(path, { ...headers, authorization }, body);
  }

  #authorization(signed: string, canonical: string): string {
    const { date, region, service } = this.#scope;
    return (
      `AWS4-HMAC-SHA256 Credential=${this.identity.accessKeyId}/${date}/${region}/${service}/aws4_request, ` +
      `SignedHeaders=${signed}, Signature=${this.#key.sign(this.#iso, canonical)}`
    );
  }
}
