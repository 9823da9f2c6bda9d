import { createHash, createHmac } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { Secret } from '../../src/auth/secret';
import { SigningKeys } from '../../src/auth/sigv4';
import type { Credential, SignedRequest, SigV4Options } from '../../src/auth/sigv4';

export const ACCESS_KEY_ID = 'AKIDEXAMPLE';
export const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
export const TEMPORARY_ID = 'ASIAEXAMPLE';
export const TOKEN = 'a-session/token+with==signs';
export const REGION = 'eu-central-1';
/** 2015-08-30T12:36:00Z in milliseconds, the time that AWS's own examples are signed at. */
export const NOW = Date.UTC(2015, 7, 30, 12, 36, 0);

type State = Hash | ReturnType<typeof createHmac>;

/** The hash that the AWS SDK's signer asks for, over node's. */
export class Sha256 {
  #state: State;

  constructor(private readonly key?: unknown) {
    this.#state = this.#start();
  }

  update(data: Uint8Array): void {
    this.#state.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#state.digest());
  }

  reset(): void {
    this.#state = this.#start();
  }

  #start(): State {
    const { key } = this;
    if (key === undefined) return createHash('sha256');
    return createHmac('sha256', key as string | Uint8Array);
  }
}

export interface Unsigned {
  readonly method?: string;
  readonly path?: string;
  readonly query?: Record<string, string | string[]>;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

export interface SignOptions {
  readonly accessKeyId?: string;
  readonly secret?: string;
  readonly sessionToken?: string;
  readonly region?: string;
  readonly service?: string;
  /** Milliseconds since the epoch. */
  readonly at?: number;
  /** Presigns instead, for so many seconds. */
  readonly expiresIn?: number;
  /** X-Amz-* headers that stay headers in a presigned request; the signer moves the others into the query. */
  readonly kept?: ReadonlySet<string>;
  /** Default true; false: without X-Amz-Content-Sha256, as AWS KMS calls an XKS proxy. */
  readonly checksum?: boolean;
}

/** Has the AWS SDK's own signer sign a request, and puts it as it would be on the wire. */
export async function sign(
  { method = 'POST', path = '/', query = {}, headers = {}, body = '{}' }: Unsigned = {},
  options: SignOptions = {},
): Promise<SignedRequest> {
  const signer = signerFor(options);
  const request = {
    method,
    protocol: 'https:',
    hostname: 'kms.example',
    path,
    query,
    headers: { host: 'kms.example', ...headers },
    body,
  };
  const signingDate = new Date(options.at ?? NOW);
  const signed =
    options.expiresIn === undefined
      ? await signer.sign(request, { signingDate })
      : await signer.presign(request, {
          signingDate,
          expiresIn: options.expiresIn,
          ...(options.kept === undefined ? {} : { unhoistableHeaders: new Set(options.kept) }),
        });
  return {
    method,
    url: target(path, signed.query ?? {}),
    rawHeaders: Object.entries(signed.headers).flat(),
    body: Buffer.from(body),
  };
}

function signerFor(options: SignOptions): SignatureV4 {
  const { accessKeyId = ACCESS_KEY_ID, secret = SECRET, sessionToken } = options;
  return new SignatureV4({
    credentials: {
      accessKeyId,
      secretAccessKey: secret,
      ...(sessionToken === undefined ? {} : { sessionToken }),
    },
    region: options.region ?? REGION,
    service: options.service ?? 'kms',
    sha256: Sha256,
    applyChecksum: options.checksum ?? true,
  });
}

function target(path: string, query: Record<string, string | string[] | null>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value ?? ''].flat().map((one) => `${encodeURIComponent(name)}=${encodeURIComponent(one)}`),
  );
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`;
}

export const longTerm: Credential<string> = {
  accessKeyId: ACCESS_KEY_ID,
  secret: new Secret(SECRET),
  principal: 'alice',
};

export const temporary: Credential<string> = {
  accessKeyId: TEMPORARY_ID,
  secret: new Secret(SECRET),
  principal: 'a role',
  sessionToken: new Secret(TOKEN),
  expiresAt: NOW + 3_600_000,
};

/** Options for a server that knows the two credentials above. */
export function options(change: Partial<SigV4Options<string>> = {}): SigV4Options<string> {
  const known = new Map([longTerm, temporary].map((one) => [one.accessKeyId, one]));
  return {
    regions: [REGION],
    services: ['kms'],
    now: () => NOW,
    find: (accessKeyId) => known.get(accessKeyId),
    signingKeys: new SigningKeys(),
    ...change,
  };
}

/** The same request with a header set, or removed when `value` is undefined. */
export function withHeader(
  request: SignedRequest,
  name: string,
  value: string | undefined,
): SignedRequest {
  const kept: string[] = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const [sent = '', held = ''] = request.rawHeaders.slice(i, i + 2);
    if (sent.toLowerCase() !== name.toLowerCase()) kept.push(sent, held);
  }
  return { ...request, rawHeaders: value === undefined ? kept : [...kept, name, value] };
}

export function headerOf(request: SignedRequest, name: string): string {
  const at = request.rawHeaders.findIndex(
    (one, i) => i % 2 === 0 && one.toLowerCase() === name.toLowerCase(),
  );
  return request.rawHeaders[at + 1] ?? '';
}
