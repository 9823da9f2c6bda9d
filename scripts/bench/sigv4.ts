/**
 * Microseconds to verify one Encrypt-sized signed request, against the four hashes alone made with
 * createHash and createHmac. Run: node dist/scripts/bench/sigv4.js [iterations]
 */
import { createHash, createHmac } from 'node:crypto';
import { authenticate, SigningKeys } from '../../src/auth/sigv4';
import type { SignedRequest, SigV4Options } from '../../src/auth/sigv4';
import { canonicalHeaders, payloadHash, readHeaders } from '../../src/auth/sigv4-canonical';
import { SigningKey } from '../../src/auth/sigv4-keys';
import { Secret } from '../../src/auth/secret';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const ISO = '20260102T030405Z';
const SCOPE = { date: '20260102', region: 'eu-central-1', service: 'kms' };
const SIGNED = [
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
const secret = new Secret('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
const body = Buffer.from(
  JSON.stringify({ KeyId: `alias/${'k'.repeat(40)}`, Plaintext: 'A'.repeat(126) }),
);

function signedRequest(): { request: SignedRequest; canonical: string } {
  const payload = payloadHash(body);
  const headers = [
    ['host', '127.0.0.1:4599'],
    ['content-type', 'application/x-amz-json-1.1'],
    ['content-length', String(body.length)],
    ['x-amz-target', 'TrentService.Encrypt'],
    ['x-amz-user-agent', 'aws-sdk-js/3.1164.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#20.20.2'],
    ['user-agent', 'aws-sdk-js/3.1164.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#20.20.2'],
    ['amz-sdk-invocation-id', '4bfeed0f-2b56-4a3e-a6f5-6a8a4d0f4bd0'],
    ['amz-sdk-request', 'attempt=1; max=3'],
    ['x-amz-date', ISO],
    ['x-amz-content-sha256', payload],
    ['connection', 'keep-alive'],
  ].flat();
  const lines = canonicalHeaders(SIGNED, readHeaders(headers)) ?? '';
  const canonical = `POST\n/\n\n${lines}\n${SIGNED.join(';')}\n${payload}`;
  const signature = new SigningKey(secret, SCOPE).sign(ISO, canonical);
  const authorization =
    `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-central-1/kms/aws4_request, ` +
    `SignedHeaders=${SIGNED.join(';')}, Signature=${signature}`;
  const rawHeaders = [...headers, 'authorization', authorization];
  return { request: { method: 'POST', url: '/', rawHeaders, body }, canonical };
}

const { request, canonical } = signedRequest();
const credential = { accessKeyId: 'AKIDEXAMPLE', secret, principal: 'arn:aws:iam::1:user/bench' };
const options: SigV4Options<string> = {
  regions: [SCOPE.region],
  services: ['kms'],
  now: () => NOW,
  find: (id) => (id === credential.accessKeyId ? credential : undefined),
  signingKeys: new SigningKeys(),
};
const signingKey = createHmac('sha256', 'any key of 32 bytes').update('bench').digest();

/** The hashing of one verification and nothing else: no parsing, no canonical form. */
function hashesOnly(): string {
  createHash('sha256').update(body).digest('hex');
  const hashed = createHash('sha256').update(canonical).digest('hex');
  return createHmac('sha256', signingKey)
    .update(`AWS4-HMAC-SHA256\n${ISO}\n20260102/eu-central-1/kms/aws4_request\n${hashed}`)
    .digest('hex');
}

function measure(title: string, iterations: number, work: () => unknown): void {
  for (let i = 0; i < iterations / 5; i++) work();
  const rounds = Array.from({ length: 5 }, () => {
    const start = process.hrtime.bigint();
    for (let i = 0; i < iterations; i++) work();
    return Number(process.hrtime.bigint() - start) / 1000 / iterations;
  });
  process.stdout.write(`${title.padEnd(48)} ${Math.min(...rounds).toFixed(2)} us\n`);
}

const iterations = Number(process.argv[2] ?? 100_000);
process.stdout.write(
  `body ${body.length} B, ${SIGNED.length} signed headers, node ${process.version}\n`,
);
measure('createHash + createHmac, hashing only', iterations, hashesOnly);
measure('authenticate, whole', iterations, () => authenticate(request, options));
