import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Secret } from '../../src/auth/secret';
import { canonicalUri, payloadHash } from '../../src/auth/sigv4-canonical';
import { basicIso } from '../../src/auth/sigv4-clock';
import { SigningKey } from '../../src/auth/sigv4-keys';
import { TERMINATOR } from '../../src/auth/sigv4-signer';
import { type AccessKey, readCredentials } from './credentials';
import { writePrivateFile } from './files';

/** An API token of the administrator's, as clients of the REST API take it. */
export interface TokenFiles {
  /** The token and a line end. */
  readonly token: string;
  /** The header, for `curl -H @file`: so the token is in no argument that others on the machine can see. */
  readonly header: string;
}

export function tokenFiles(dataDir: string): TokenFiles {
  return {
    token: path.join(dataDir, 'api-token'),
    header: path.join(dataDir, 'api-token.header'),
  };
}

interface Service {
  readonly url: string;
  readonly region: string;
}

/** The longest that there is. */
const durationSeconds = 31_536_000;

/** Keeps the token of an earlier run while it is accepted, and else makes one. Rejects when there is none in the end. */
export async function ensureApiToken(
  files: TokenFiles,
  service: Service,
  credentialsFile: string,
): Promise<void> {
  if (existsSync(files.token) && existsSync(files.header)) {
    const token = readFileSync(files.token, 'utf8').trim();
    const headers = { authorization: `Bearer ${token}` };
    if ((await fetch(`${service.url}${route}?limit=1`, { headers })).ok) return;
  }
  const token = await makeToken(service, readCredentials(credentialsFile));
  writePrivateFile(files.token, `${token}\n`);
  writePrivateFile(files.header, `Authorization: Bearer ${token}\n`);
}

const route = '/v1/api-tokens';

async function makeToken(service: Service, key: AccessKey): Promise<string> {
  const body = JSON.stringify({ Name: 'scripts/dev', DurationSeconds: durationSeconds });
  const answer = await fetch(`${service.url}${route}`, {
    method: 'POST',
    headers: { ...signed(service, key, Buffer.from(body)), 'content-type': 'application/json' },
    body,
  });
  if (answer.status !== 201) throw new Error(`no API token was made (${answer.status})`);
  const { Token } = (await answer.json()) as { Token: string };
  return Token;
}

/** SigV4 of a POST to the route, for the service `kms`; host and x-amz-date are signed. */
function signed(
  { url, region }: Service,
  { AccessKeyId, SecretAccessKey }: AccessKey,
  body: Buffer,
): Record<string, string> {
  const iso = basicIso(Math.floor(Date.now() / 1000));
  const scope = { date: iso.slice(0, 8), region, service: 'kms' };
  const { host } = new URL(url);
  const names = 'host;x-amz-date';
  const canonicalRequest = [
    ...['POST', canonicalUri(route), ''],
    ...[`host:${host}`, `x-amz-date:${iso}`, ''],
    ...[names, payloadHash(body)],
  ].join('\n');
  const signature = new SigningKey(new Secret(SecretAccessKey), scope).sign(iso, canonicalRequest);
  const credential = [AccessKeyId, ...Object.values(scope), TERMINATOR].join('/');
  return {
    'x-amz-date': iso,
    authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`,
  };
}
