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

/** The bytes of a request on the wire. */
export function bytesOf(path: string, headers: Headers, body: Buffer): Buffer {
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${head}\r\n`), body]);
}

type Headers = readonly (readonly [name: string, value: string])[];

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
    const headers: Headers = [
      ['content-type', 'application/x-amz-json-1.1'],
      ['x-amz-target', `TrentService.${operation}`],
      ['x-amz-user-agent', userAgent],
      ['user-agent', userAgent],
      ['amz-sdk-invocation-id', randomUUID()],
      ['amz-sdk-request', 'attempt=1; max=3'],
    ];
    return this.#signed({ path: '/', headers, signed: signedHeaders }, input);
  }

  /** A request of the REST door, with the headers of a small client. Its path has no escapes. */
  post(path: string, input: object): Buffer {
    const headers: Headers = [['content-type', 'application/json']];
    return this.#signed({ path, headers, signed: signedByRest }, input);
  }

  #signed(
    {
      path,
      headers,
      signed,
    }: { readonly path: string; readonly headers: Headers; readonly signed: readonly string[] },
    input: object,
  ): Buffer {
    const body = Buffer.from(JSON.stringify(input));
    const payload = payloadHash(body);
    const all: Headers = [
      ['host', this.host],
      ['content-length', String(body.length)],
      ...headers,
      ['x-amz-date', this.#iso],
      ['x-amz-content-sha256', payload],
    ];
    const lines = canonicalHeaders(signed, readHeaders(all.flat())) ?? '';
    const canonical = `POST\n${path}\n\n${lines}\n${signed.join(';')}\n${payload}`;
    const authorization = this.#authorization(canonical, signed);
    return bytesOf(path, [...all, ['authorization', authorization]], body);
  }

  #authorization(canonical: string, signed: readonly string[]): string {
    const { date, region, service } = this.#scope;
    return (
      `AWS4-HMAC-SHA256 Credential=${this.identity.accessKeyId}/${date}/${region}/${service}/aws4_request, ` +
      `SignedHeaders=${signed.join(';')}, Signature=${this.#key.sign(this.#iso, canonical)}`
    );
  }
}
