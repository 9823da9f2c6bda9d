import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ClavigerError } from '../../clients/typescript/src';
import { Claviger, clavigerProblem } from '../../examples/document-store/claviger';
import { Documents } from '../../examples/document-store/documents';
import type { Problem } from '../../examples/document-store/problems';
import type { Rows } from '../../examples/document-store/rows';
import {
  type Answering,
  type RestStandIn,
  answering,
  hangingUp,
  refusing,
  startRestStandIn,
} from '../support/rest-stand-in';

/** What Claviger says seldom is said here by what stands in for it. */
let standIn: RestStandIn | undefined;
let directory: string;
let tokenFile: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'claviger-token-'));
  tokenFile = path.join(directory, 'api-token');
  await writeFile(tokenFile, 'clv_one\n');
});
afterEach(() => standIn?.close());
afterAll(() => rm(directory, { recursive: true, force: true }));

async function clavigerThat(...answers: Answering[]): Promise<Claviger> {
  standIn = await startRestStandIn(answers);
  return new Claviger({ url: standIn.url, tokenFile });
}

const wrapped = { wrapped: Buffer.from('wrapped'), context: { tenant: 'acme' } };
const opened = answering(200, { Plaintext: 'AAAA', KeyMaterialId: 'm-1' });

test.each<[string, Answering, Partial<Problem>]>([
  ['no answer', hangingUp, { code: 'Unavailable', status: 503, retryAfterSeconds: 2 }],
  [
    'too many requests',
    refusing(429, 'ThrottlingException', { 'retry-after': '30' }),
    { code: 'Unavailable', status: 503, retryAfterSeconds: 30 },
  ],
  [
    'a token that does not answer',
    refusing(503, 'DependencyTimeoutException', { 'retry-after': '5' }),
    { code: 'Unavailable', status: 503, retryAfterSeconds: 5 },
  ],
  ['a fault', refusing(500, 'KMSInternalException'), { code: 'Unavailable', status: 503 }],
  [
    'an unknown token',
    refusing(401, 'UnrecognizedClientException'),
    { code: 'KeyDenied', status: 502 },
  ],
  ['a denied key', refusing(403, 'AccessDeniedException'), { code: 'KeyDenied', status: 502 }],
  ['a disabled key', refusing(409, 'DisabledException'), { code: 'KeyDisabled', status: 409 }],
  [
    'a key that is to be deleted',
    refusing(409, 'KMSInvalidStateException'),
    { code: 'TenantShredded', status: 410 },
  ],
  [
    'a key that is gone',
    refusing(404, 'NotFoundException'),
    { code: 'TenantShredded', status: 410 },
  ],
  ['another key', refusing(422, 'IncorrectKeyException'), { code: 'Damaged', status: 500 }],
  [
    'another context',
    refusing(422, 'InvalidCiphertextException'),
    { code: 'Damaged', status: 500 },
  ],
  ['a wrong request', refusing(422, 'ValidationException'), { code: 'Internal', status: 500 }],
])(
  '%s is one problem of ours, and the log has the id of the request',
  async (_, answer, problem) => {
    const claviger = await clavigerThat(answer);
    const refused: unknown = await claviger
      .decrypt('key', wrapped)
      .catch((error: unknown) => error);
    const told = clavigerProblem(refused as ClavigerError);
    expect(told).toMatchObject(problem);
    const { message } = told.cause as Error;
    expect(message).toMatch(/^Claviger: \w+ \(request (r-1|unanswered)\): /);
  },
);

test('Claviger that is throttled for a moment is asked again', async () => {
  const throttled = refusing(429, 'ThrottlingException', { 'retry-after': '0' });
  const claviger = await clavigerThat(throttled, throttled, opened);
  expect(await claviger.decrypt('key', wrapped)).toMatchObject({ materialId: 'm-1' });
});

test('A key whose deletion is scheduled already has the date that it has', async () => {
  const DeletionDate = '2026-12-03T00:00:00.000Z';
  const claviger = await clavigerThat(
    refusing(409, 'KMSInvalidStateException'),
    answering(200, { KeyMetadata: { KeyId: 'key', DeletionDate } }),
  );
  expect(await claviger.scheduleDeletion('key')).toEqual(new Date(DeletionDate));
});

test('Another token in the file is the one that is sent from then on', async () => {
  const claviger = await clavigerThat(opened);
  await claviger.decrypt('key', wrapped);
  await writeFile(tokenFile, 'clv_two\n');
  await claviger.decrypt('key', wrapped);
  expect(standIn?.received.map(({ headers }) => headers.authorization)).toEqual([
    ...['Bearer clv_one', 'Bearer clv_two'],
  ]);
});

const Output = { CiphertextBlob: 'AAAA', DestinationKeyMaterialId: 'm-2' };

test('A data key that Claviger does not wrap anew is told apart from those that it does', async () => {
  const claviger = await clavigerThat(
    answering(200, {
      Results: [
        { Status: 200, Output },
        { Status: 422, Problem: {} },
        { Status: 429, Problem: { retryAfterSeconds: 3 } },
      ],
      Failed: 2,
    }),
  );
  expect(await claviger.reEncrypt('key', [wrapped, wrapped, wrapped])).toEqual([
    { wrapped: Buffer.alloc(3), materialId: 'm-2' },
    undefined,
    { retryAfterSeconds: 3 },
  ]);
});

test('A page of which Claviger puts off a part is not done: what came is kept, and the rest is to be asked for again', async () => {
  const claviger = await clavigerThat(
    answering(200, { KeyMetadata: { CurrentKeyMaterialId: 'm-2' } }),
    answering(200, {
      Results: [
        { Status: 200, Output },
        { Status: 429, Problem: { retryAfterSeconds: 1 } },
        { Status: 429, Problem: { retryAfterSeconds: 3 } },
      ],
      Failed: 2,
    }),
  );
  const replaced: unknown[] = [];
  const stored = ['a', 'b', 'c'].map((name) => ({
    ...{ wrapped: Buffer.from(name), keyFor: 'document', document: name },
  }));
  const rows = {
    tenant: () => Promise.resolve({ keyId: 'key', shreddedAt: null }),
    keysNotUnder: () => Promise.resolve(stored),
    replaceKeys: (tenant: string, replacements: readonly unknown[]) => {
      replaced.push(tenant, ...replacements);
      return Promise.resolve();
    },
  } as unknown as Rows;
  const limits = { uses: 1, ageMs: 1000, entries: 1, scope: 'document' } as const;
  await expect(new Documents(claviger, rows, limits).rewrap('acme', '')).rejects.toMatchObject({
    ...{ code: 'Unavailable', status: 503, retryAfterSeconds: 3 },
    message: 'Claviger has put off a part of the page',
  });
  expect(replaced).toEqual([
    'acme',
    { old: Buffer.from('a'), wrapped: Buffer.alloc(3), materialId: 'm-2' },
  ]);
});
