import { randomUUID } from 'node:crypto';
import { Secret } from '../../../src/auth/secret';
import { canonicalHeaders, payloadHash, readHeaders } from '../../../src/auth/sigv4-canonical';
import { basicIso } from '../../../src/auth/sigv4-clock';
import { SigningKey } from '../../../src/auth/sigv4-keys';

/** Who signs, and for where. */
export interface Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

/** What the AWS SDK for JavaScript signs. */
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
const signedByRest = ['content-type', 'host', 'x-amz-content-sha256', 'x-amz-date'];
const userAgent = 'aws-sdk-js/3.1164.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#20.20.2';

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

  /** A request of the AWS JSON protocol, with the headers of an SDK, as the bytes that go on the wire. */
  request(operation: string, input: object): Buffer {
    const body = Buffer.from(JSON.stringify(input));
    const payload = payloadHash(body);
    const headers = [
      ['host', this.host],
      ['content-type', 'application/x-amz-json-1.1'],
      ['content-length', String(body.length)],
      ['x-amz-target', `TrentService.${operation}`],
      ['x-amz-user-agent', userAgent],
      ['user-agent', userAgent],
      ['amz-sdk-invocation-id', randomUUID()],
      ['amz-sdk-request', 'attempt=1; max=3'],
      ['x-amz-date', this.#iso],
      ['x-amz-content-sha256', payload],
    ];
    const lines = canonicalHeaders(signedHeaders, readHeaders(headers.flat())) ?? '';
    const canonical = `POST\n/\n\n${lines}\n${signedHeaders.join(';')}\n${payload}`;
    headers.push(['authorization', this.#authorization(canonical, signedHeaders)]);
    const head = headers.map(([name, value]) => `${name ?? ''}: ${value ?? ''}\r\n`).join('');
    return Buffer.concat([Buffer.from(`POST / HTTP/1.1\r\n${head}\r\n`), body]);
  }

  /** A request of the REST door, with the headers of a small client. Its path has no escapes. */
  post(path: string, input: object): Buffer {
    const body = Buffer.from(JSON.stringify(input));
    const payload = payloadHash(body);
    const headers = [
      ['host', this.host],
      ['content-type', 'application/json'],
      ['content-length', String(body.length)],
      ['x-amz-date', this.#iso],
      ['x-amz-content-sha256', payload],
    ];
    const lines = canonicalHeaders(signedByRest, readHeaders(headers.flat())) ?? '';
    const canonical = `POST\n${path}\n\n${lines}\n${signedByRest.join(';')}\n${payload}`;
    headers.push(['authorization', this.#authorization(canonical, signedByRest)]);
    const head = headers.map(([name, value]) => `${name ?? ''}: ${value ?? ''}\r\n`).join('');
    return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${head}\r\n`), body]);
  }

  #authorization(canonical: string, signed: readonly string[]): string {
    const { date, region, service } = this.#scope;
    return (
      `AWS4-HMAC-SHA256 Credential=${this.identity.accessKeyId}/${date}/${region}/${service}/aws4_request, ` +
      `SignedHeaders=${signed.join(';')}, Signature=${this.#key.sign(this.#iso, canonical)}`
    );
  }
}
