import { readFileSync } from 'node:fs';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type JWTPayload, type KeyLike, SignJWT, exportJWK, generateKeyPair } from 'jose';
import type { CertificateFiles } from './certificates';

/** How a test wants a document answered. */
export type Answering = (request: IncomingMessage, response: ServerResponse) => void;

/** An OpenID Connect issuer on this machine. */
export interface OidcIssuer {
  /** `http://127.0.0.1:<port><path>`; `https` with a certificate. */
  readonly url: string;
  /** The issuer as ARNs and condition keys have it, without its scheme. */
  readonly name: string;
  /** Paths that were asked for. */
  readonly requests: readonly string[];
  /** The public keys that it serves, as JWKs. */
  readonly keys: readonly Readonly<Record<string, unknown>>[];
  /** A token with its newest key; what a test gives wins over the usual claims and header. */
  token(claims?: JWTPayload, header?: { readonly kid?: string }): Promise<string>;
  /** Makes a new key and serves it alone, or beside the older ones. */
  rotate(different?: { readonly alg?: string; readonly keep?: boolean }): Promise<void>;
  /** Answers one of its documents differently; undefined: as usual again. */
  answer(document: 'configuration' | 'keys', answering: Answering | undefined): void;
  close(): Promise<void>;
}

interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: KeyLike;
  readonly jwk: Readonly<Record<string, unknown>>;
}

export const audience = 'sts.amazonaws.com';

export async function startIssuer(
  path = '/cluster',
  certificate?: CertificateFiles,
): Promise<OidcIssuer> {
  const requests: string[] = [];
  const different = new Map<string, Answering>();
  let keys: SigningKey[] = [await newKey('RS256')];
  const documents: Readonly<Record<string, () => object>> = {
    [`${path}/.well-known/openid-configuration`]: () => ({
      issuer: url,
      jwks_uri: `${origin}${path}/keys`,
    }),
    [`${path}/keys`]: () => ({ keys: keys.map(({ jwk }) => jwk) }),
  };
  const [configuration, keysPath] = Object.keys(documents);
  const answerTo: Answering = (request, response) => {
    const asked = request.url ?? '';
    requests.push(asked);
    const answering = different.get(asked);
    if (answering !== undefined) {
      answering(request, response);
      return;
    }
    const document = documents[asked];
    response.statusCode = document === undefined ? 404 : 200;
    response.end(JSON.stringify(document?.() ?? {}));
  };
  const server =
    certificate === undefined
      ? createServer(answerTo)
      : createTlsServer(
          { cert: readFileSync(certificate.certFile), key: readFileSync(certificate.keyFile) },
          answerTo,
        );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const scheme = certificate === undefined ? 'http' : 'https';
  const origin = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = `${origin}${path}`;
  return {
    url,
    name: url.replace(`${scheme}://`, ''),
    requests,
    get keys() {
      return keys.map(({ jwk }) => jwk);
    },
    token: (claims = {}, header = {}) => {
      const [key] = keys;
      if (key === undefined) throw new Error('the issuer has no key');
      return sign(key, { iss: url, ...claims }, header);
    },
    rotate: async ({ alg = 'RS256', keep = false } = {}) => {
      keys = [await newKey(alg), ...(keep ? keys : [])];
    },
    answer: (document, answering) => {
      const asked = (document === 'keys' ? keysPath : configuration) ?? '';
      if (answering === undefined) different.delete(asked);
      else different.set(asked, answering);
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

let made = 0;

async function newKey(alg: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const kid = `key-${(made += 1)}`;
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig' } };
}

function sign(key: SigningKey, claims: JWTPayload, header: object): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const usual = { sub: 'system:serviceaccount:shop:till', aud: audience, iat: now, exp: now + 600 };
  return new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
    .sign(key.privateKey);
}

/** A token of any header and claims, with a signature of any bytes. */
export function handMade(header: object, claims: object, signature = Buffer.from('x')): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.${signature.toString('base64url')}`;
}
