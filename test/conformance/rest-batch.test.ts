import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  CreateGrantCommand,
  DescribeKeyCommand,
  PutKeyPolicyCommand,
  RotateKeyOnDemandCommand,
} from '@aws-sdk/client-kms';
import type { Problem } from '../../src/rest/problems';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { auditTexts, createKey } from '../support/kms';
import { type TestUser, newUser } from '../support/principals';
import { type RestReply, rest } from '../support/rest';
import { makeUserAllowed } from '../support/sts-client';

let daemon: TestDaemon;
let directory: string;
/** A key, and one that another user may not use. */
let key: string;
let other: string;
beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'claviger-rates-'));
  const CLAVIGER_RATES_FILE = path.join(directory, 'rates.json');
  const rules = [{ principals: ['*:user/slow'], groups: { symmetric: 1 } }];
  writeFileSync(CLAVIGER_RATES_FILE, JSON.stringify({ preset: 'unlimited', rules }));
  daemon = await startDaemon({ environment: { CLAVIGER_RATES_FILE } });
  key = (await createKey(daemon.client())).id;
  other = (await createKey(daemon.client())).id;
});
afterAll(async () => {
  await daemon.remove();
  rmSync(directory, { recursive: true });
});

interface Result {
  readonly Status: number;
  readonly RequestId: string;
  readonly Output?: Readonly<Record<string, unknown>>;
  readonly Problem?: Problem;
}

interface Answer {
  readonly reply: RestReply;
  readonly results: readonly Result[];
  readonly failed: unknown;
}

type Options = Parameters<typeof rest>[3];

async function post(line: string, Entries: readonly object[], options?: Options): Promise<Answer> {
  const reply = await rest(daemon, `POST ${line}`, { Entries }, options);
  const { Results = [], Failed } = (reply.body ?? {}) as { Results?: Result[]; Failed?: number };
  return { reply, results: Results, failed: Failed };
}
const batch = (entries: readonly object[], options?: Options): Promise<Answer> =>
  post('/v1/batch', entries, options);

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const encrypt = (text: string, KeyId = key): object => ({
  ...{ Operation: 'Encrypt', Input: { KeyId, Plaintext: base64(text) } },
});
const blobOf = ({ Output }: Result): string => String(Output?.['CiphertextBlob']);
const outcomes = ({ results }: Answer): unknown[] =>
  results.map(({ Status, Problem }) => (Problem === undefined ? Status : [Status, Problem.code]));

async function recordsOf({ reply }: Pick<Answer, 'reply'>): Promise<Record<string, unknown>[]> {
  const id = String(reply.headers['x-amzn-requestid']);
  const texts = (await auditTexts(daemon)).filter((text) => text.includes(id));
  return texts.map((text) => JSON.parse(text) as Record<string, unknown>);
}

test('a hundred entries of every kind are done, each at its place', async () => {
  const sealed = await batch(Array.from({ length: 50 }, (_, n) => encrypt(`number ${n}`)));
  expect([sealed.reply.status, sealed.failed]).toEqual([200, 0]);
  expect(sealed.reply.headers).toMatchObject({
    ...{ 'content-type': 'application/json', 'cache-control': 'no-store' },
  });
  const blobs = sealed.results.map(blobOf);
  const mixed = await batch([
    ...blobs.slice(0, 25).map((CiphertextBlob) => ({
      ...{ Operation: 'Decrypt', Input: { CiphertextBlob } },
    })),
    ...blobs.slice(25).map((CiphertextBlob) => ({
      ...{ Operation: 'ReEncrypt', Input: { CiphertextBlob, DestinationKeyId: other } },
    })),
    ...Array.from({ length: 25 }, (_, n) => encrypt(`more ${n}`, other)),
    ...Array.from({ length: 25 }, () => ({
      ...{ Operation: 'GenerateDataKey', Input: { KeyId: key, KeySpec: 'AES_256' } },
    })),
  ]);
  expect([mixed.results.length, mixed.failed]).toEqual([100, 0]);
  for (const [n, { Output }] of mixed.results.slice(0, 25).entries()) {
    expect(Output?.['Plaintext']).toBe(base64(`number ${n}`));
  }
  const again = await batch(
    mixed.results.slice(25, 75).map((result) => ({
      ...{ Operation: 'Decrypt', Input: { CiphertextBlob: blobOf(result) } },
    })),
  );
  expect(again.results.map(({ Output }) => Output?.['Plaintext'])).toEqual([
    ...Array.from({ length: 25 }, (_, n) => base64(`number ${n + 25}`)),
    ...Array.from({ length: 25 }, (_, n) => base64(`more ${n}`)),
  ]);
  const dataKeys = mixed.results.slice(75).map(({ Output }) => Output?.['Plaintext']);
  expect(new Set(dataKeys).size).toBe(25);
});

test('what fails, fails by itself, and says why as a request of its own would', async () => {
  const answer = await batch([
    encrypt('fine'),
    encrypt('x', 'alias/nowhere'),
    { Operation: 'Decrypt', Input: { CiphertextBlob: base64('no ciphertext') } },
    { Operation: 'Encrypt', Input: { KeyId: 7, Plaintexts: 'x' } },
    { Operation: 'Decrypt', Input: 'x' },
    encrypt('fine too'),
  ]);
  expect([answer.reply.status, answer.failed]).toEqual([200, 4]);
  expect(outcomes(answer)).toEqual([
    ...[200, [404, 'NotFoundException'], [422, 'InvalidCiphertextException']],
    ...[[422, 'ValidationException'], [422, 'ValidationException'], 200],
  ]);
  const [, missing, , invalid, shapeless] = answer.results;
  const single = await rest(daemon, 'POST /v1/keys/alias%2Fnowhere/encrypt', {
    Plaintext: base64('x'),
  });
  const requestId = missing?.RequestId;
  expect(missing?.Problem).toEqual({
    ...{ ...single.body, requestId, instance: `urn:uuid:${requestId}` },
  });
  expect(invalid?.Problem?.errors).toEqual([
    { pointer: '#/Entries/3/Input/KeyId', in: 'body', detail: 'must be a string' },
    { pointer: '#/Entries/3/Input/Plaintext', in: 'body', detail: 'is required' },
    { pointer: '#/Entries/3/Input/Plaintexts', in: 'body', detail: 'is not known here' },
  ]);
  expect(shapeless?.Problem?.errors).toEqual([
    { pointer: '#/Entries/4/Input', in: 'body', detail: 'must be an object' },
  ]);
});

test('each entry is authorized and recorded by itself, those that are denied too', async () => {
  const { credentials } = await userAllowedOn(key, 'half');
  const secret = 'never in a record';
  const answer = await batch([encrypt(secret), encrypt(secret, other)], { credentials });
  expect(outcomes(answer)).toEqual([200, [403, 'AccessDeniedException']]);
  const BatchRequestId = answer.reply.headers['x-amzn-requestid'];
  const records = await recordsOf(answer);
  const byId = new Map(records.map((record) => [record['requestID'], record]));
  expect([...byId.keys()].sort()).toEqual(answer.results.map(({ RequestId }) => RequestId).sort());
  expect(answer.results.map(({ RequestId }) => byId.get(RequestId))).toMatchObject([
    { eventName: 'Encrypt', additionalEventData: { batchRequestId: BatchRequestId } },
    {
      ...{ eventName: 'Encrypt', errorCode: 'AccessDenied' },
      additionalEventData: { batchRequestId: BatchRequestId },
    },
  ]);
  expect(byId.get(answer.results[0]?.RequestId)).not.toHaveProperty('errorCode');
  expect(JSON.stringify(records)).not.toContain(base64(secret));
});

/** A user whom the key's policy alone lets use it. */
async function userAllowedOn(KeyId: string, name: string): Promise<TestUser> {
  const user = await newUser(daemon, name);
  const statement = (principal: string, Action: string) => ({
    ...{ Effect: 'Allow', Principal: { AWS: principal }, Action, Resource: '*' },
  });
  const root = `arn:aws:iam::${daemon.accountId}:root`;
  const Statement = [statement(root, 'kms:*'), statement(user.arn, 'kms:Encrypt')];
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
  await daemon.client().send(new PutKeyPolicyCommand({ KeyId, Policy }));
  return user;
}

test('an entry may bring grant tokens of its own', async () => {
  const user = await newUser(daemon, 'granted');
  const { GrantToken } = await daemon.client().send(
    new CreateGrantCommand({
      ...{ KeyId: other, GranteePrincipal: user.arn, Operations: ['Encrypt'] },
    }),
  );
  const Input = { KeyId: other, Plaintext: base64('x') };
  const answer = await batch(
    [
      { Operation: 'Encrypt', Input: { ...Input, GrantTokens: [GrantToken] } },
      { Operation: 'Encrypt', Input: { ...Input, GrantTokens: ['none'] } },
    ],
    { credentials: user.credentials },
  );
  expect(outcomes(answer)).toEqual([200, [422, 'InvalidGrantTokenException']]);
});

test('each entry counts in its caller’s rate', async () => {
  const credentials = await makeUserAllowed(daemon, 'slow', 'kms:*');
  const answer = await batch(
    Array.from({ length: 40 }, () => encrypt('x')),
    { credentials },
  );
  const throttled = outcomes(answer).filter((outcome) => outcome !== 200);
  expect(new Set(throttled.map(String))).toEqual(new Set(['429,ThrottlingException']));
  expect(throttled.length).toBeGreaterThanOrEqual(30);
  expect(answer.failed).toBe(throttled.length);
});

const unsent = { Entries: [encrypt('never')] };

test.each([
  ['is no JSON', '{', {}, [400, 'SerializationException']],
  ['is not said to be JSON', JSON.stringify(unsent), 'text/plain', [415, 'UnsupportedMediaType']],
  ['has an unknown operation', { Entries: [{ Operation: 'Sign', Input: {} }] }, {}, [422, 'Val']],
  ['has no entries', { Entries: [] }, {}, [422, 'ValidationException']],
  ['has too many', { Entries: Array(101).fill(encrypt('x')) }, {}, [422, 'ValidationException']],
  ['is too large', `{"Entries":"${'x'.repeat(1 << 20)}"}`, {}, [413, 'RequestEntityTooLarge']],
] as const)(
  'a batch that %s is refused as a whole, with one record',
  async (_what, body, type, [status, code]) => {
    const headers = typeof type === 'string' ? { 'content-type': type } : {};
    const reply = await rest(daemon, 'POST /v1/batch', body, { headers });
    expect([reply.status, reply.headers['content-type']]).toEqual([
      status,
      'application/problem+json',
    ]);
    expect(reply.body?.['code']).toMatch(code);
    expect(await recordsOf({ reply })).toMatchObject([
      { eventName: 'Batch', eventSource: 'claviger.amazonaws.com' },
    ]);
  },
);

test('a batch whose signature is wrong does nothing and leaves one record', async () => {
  const { reply, results } = await batch([encrypt('never')], { secret: 'another secret' });
  expect([reply.status, results]).toEqual([401, []]);
  expect(reply.headers['www-authenticate']).toBe('Bearer, AWS4-HMAC-SHA256');
  expect(await recordsOf({ reply })).toMatchObject([
    { eventName: 'Batch', errorCode: 'InvalidSignatureException' },
  ]);
});

test('a batch is posted', async () => {
  const reply = await rest(daemon, 'GET /v1/batch');
  expect([reply.status, reply.headers.allow]).toEqual([405, 'POST']);
  expect(await recordsOf({ reply })).toHaveLength(1);
});

test('a hundred of the largest ciphertexts fit into one body', async () => {
  const CiphertextBlob = Buffer.alloc(6144, 1).toString('base64');
  const entry = { Operation: 'Decrypt', Input: { KeyId: key, CiphertextBlob } };
  const answer = await batch(Array.from({ length: 100 }, () => entry));
  expect([answer.reply.status, answer.failed]).toEqual([200, 100]);
});

const rewrap = (entries: readonly object[], options?: Options): Promise<Answer> =>
  post(`/v1/keys/${key}/re-encrypt`, entries, options);

test('a table of data keys is encrypted anew after a rotation', async () => {
  const Input = { KeyId: key, KeySpec: 'AES_256' };
  const made = await batch(
    Array.from({ length: 20 }, () => ({ Operation: 'GenerateDataKey', Input })),
  );
  await daemon.client().send(new RotateKeyOnDemandCommand({ KeyId: key }));
  const { KeyMetadata } = await daemon.client().send(new DescribeKeyCommand({ KeyId: key }));
  const answer = await rewrap(
    made.results.map((result) => ({ CiphertextBlob: blobOf(result), SourceKeyId: key })),
  );
  expect([answer.reply.status, answer.failed]).toEqual([200, 0]);
  const materials = new Set(
    answer.results.map(({ Output }) => Output?.['DestinationKeyMaterialId']),
  );
  expect([...materials]).toEqual([KeyMetadata?.CurrentKeyMaterialId]);
  const opened = await batch(
    answer.results.map((result) => ({
      ...{ Operation: 'Decrypt', Input: { CiphertextBlob: blobOf(result) } },
    })),
  );
  expect(opened.results.map(({ Output }) => Output?.['Plaintext'])).toEqual(
    made.results.map(({ Output }) => Output?.['Plaintext']),
  );
  const records = await recordsOf(answer);
  expect(records).toHaveLength(20);
  expect(new Set(records.map(({ eventName }) => eventName))).toEqual(new Set(['ReEncrypt']));
});

test('the same route takes one ReEncrypt, and answers that as every route does', async () => {
  const sealed = await rest(daemon, `POST /v1/keys/${other}/encrypt`, { Plaintext: base64('x') });
  const { CiphertextBlob } = sealed.body as { CiphertextBlob: string };
  const one = await rest(daemon, `POST /v1/keys/${key}/re-encrypt`, { CiphertextBlob });
  expect([one.status, Object.keys(one.body ?? {}).sort()]).toEqual([
    200,
    [
      ...['CiphertextBlob', 'DestinationEncryptionAlgorithm', 'DestinationKeyMaterialId', 'KeyId'],
      ...['SourceEncryptionAlgorithm', 'SourceKeyId', 'SourceKeyMaterialId'],
    ],
  ]);
  const [record, ...more] = await recordsOf({ reply: one });
  expect(more).toEqual([]);
  expect(record?.['additionalEventData']).not.toHaveProperty('batchRequestId');
  const bad = await rest(daemon, `POST /v1/keys/${key}/re-encrypt`, { CiphertextBlob: 7, X: 1 });
  expect(bad).toMatchObject({
    ...{ status: 422 },
    body: { errors: [{ pointer: '#/CiphertextBlob' }, { pointer: '#/X' }] },
  });
  expect(await recordsOf({ reply: bad })).toMatchObject([{ eventName: 'ReEncrypt' }]);
});

test('what is wrong with a list of ReEncrypt is said as of a batch', async () => {
  const CiphertextBlob = base64('x');
  const entries = [{ CiphertextBlob, DestinationKeyId: other }, { CiphertextBlob }];
  const answer = await rewrap(entries);
  expect(outcomes(answer)).toEqual([
    ...[
      [422, 'ValidationException'],
      [422, 'InvalidCiphertextException'],
    ],
  ]);
  expect(answer.results[0]?.Problem?.errors?.[0]?.pointer).toBe('#/Entries/0/DestinationKeyId');
  const refused = await rewrap([]);
  expect(refused.reply).toMatchObject({
    ...{ status: 422 },
    body: {
      errors: [{ pointer: '#/Entries', in: 'body', detail: 'must have at least 1 element' }],
    },
  });
  const unsigned = await rewrap(entries, { secret: 'another secret' });
  expect(unsigned.reply.status).toBe(401);
  expect(await recordsOf(unsigned)).toMatchObject([
    { eventName: 'ReEncrypt', errorCode: 'InvalidSignatureException' },
  ]);
});
