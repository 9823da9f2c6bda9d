import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { createKey } from '../support/kms';
import { administer, lockWaiters } from '../support/postgres';
import { killAll } from '../support/processes';
import { type RestReply, rest } from '../support/rest';
import { makeUserAllowed } from '../support/sts-client';
import { until } from '../support/until';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon({ workers: 2 });
});
afterAll(() => daemon.remove());

type Options = NonNullable<Parameters<typeof rest>[3]>;

function post(
  path: string,
  body: object,
  idempotencyKey: string,
  { on = daemon, ...options }: Options & { readonly on?: TestDaemon } = {},
): Promise<RestReply> {
  const headers = { 'idempotency-key': idempotencyKey };
  return rest(on, `POST ${path}`, body, { headers, ...options });
}

/** All that a client is told but the ids of its request. */
const told = ({ status, text, headers }: RestReply): unknown => [
  ...[status, text, headers.location, headers['content-type']],
];

const keysNamed = async (Description: string): Promise<number> =>
  (
    await administer(daemon.databaseUrl, 'select from kms_key where description = $1', [
      Description,
    ])
  ).length;

test('CreateKey, CreateGrant and CreateAlias answer a repeat with the same status, body and Location', async () => {
  const made = await post('/v1/keys', { Description: 'alike' }, 'of-alike');
  expect(made.status).toBe(201);
  const path = String(made.headers.location);
  const TargetKeyId = path.slice('/v1/keys/'.length);
  const grant = {
    ...{ GranteePrincipal: `arn:aws:iam::${daemon.accountId}:root`, Operations: ['Encrypt'] },
  };
  const creations = [
    ['/v1/keys', { Description: 'alike' }],
    [`${path}/grants`, grant],
    ['/v1/aliases', { AliasName: 'alias/alike', TargetKeyId }],
  ] as const;
  for (const [at, body] of creations) {
    const first = await post(at, body, 'of-alike');
    const [second, third] = [await post(at, body, 'of-alike'), await post(at, body, 'of-alike')];
    expect(first.status).toBe(201);
    expect([told(second), told(third)]).toEqual([told(first), told(first)]);
    expect(second.headers['x-amzn-requestid']).not.toBe(first.headers['x-amzn-requestid']);
  }
  expect(await keysNamed('alike')).toBe(1);
});

test('the same request in another order and spacing is a repeat, and another request is refused', async () => {
  const Tags = [{ TagKey: 'a', TagValue: 'b' }];
  const first = await post('/v1/keys', { Description: 'ordered', Tags }, 'of-order');
  const text = `{ "Tags": [{"TagValue":"b", "TagKey":"\\u0061"}], "Description": "ordered" }`;
  const headers = { 'idempotency-key': 'of-order' };
  const second = await rest(daemon, 'POST /v1/keys', text, { headers });
  expect(told(second)).toEqual(told(first));
  const other = await post('/v1/keys', { Description: 'disordered' }, 'of-order');
  expect(other).toMatchObject({
    ...{ status: 422 },
    body: {
      code: 'IdempotentParameterMismatchException',
      detail:
        'The same Idempotency-Key was given with another request, whose parameters differ from those of this one.',
    },
  });
  expect(await keysNamed('disordered')).toBe(0);
});

test('the same key of another caller names another request', async () => {
  const credentials = await makeUserAllowed(daemon, 'another', 'kms:CreateKey');
  const first = await post('/v1/keys', { Description: 'callers' }, 'of-callers');
  const second = await post('/v1/keys', { Description: 'callers' }, 'of-callers', { credentials });
  expect(second.status).toBe(201);
  expect(second.headers.location).not.toBe(first.headers.location);
});

test.each([
  ['empty', ''],
  ['of two words', 'two words'],
  ['too long', 'x'.repeat(256)],
])('an Idempotency-Key that is %s is refused, beside what else is wrong', async (_what, key) => {
  const reply = await post('/v1/keys', { Description: 7 }, key);
  expect([reply.status, reply.body?.['errors']]).toEqual([
    422,
    [
      { pointer: '#/Description', in: 'body', detail: 'must be a string' },
      {
        ...{ pointer: '#/Idempotency-Key', in: 'header' },
        detail: 'must be 1 to 255 visible characters of ASCII, sent once',
      },
    ],
  ]);
});

test('other operations ignore the header', async () => {
  const { id } = await createKey(daemon.client());
  for (const Plaintext of ['eA==', 'eQ==']) {
    const reply = await post(`/v1/keys/${id}/encrypt`, { Plaintext }, 'not looked at');
    expect(reply.status).toBe(200);
  }
});

test('of many at once on two workers one does it, and all are answered alike', async () => {
  const asked = Array.from({ length: 24 }, () =>
    post('/v1/keys', { Description: 'at once' }, 'of-many'),
  );
  const answers = await Promise.all(asked);
  expect(new Set(answers.map((answer) => JSON.stringify(told(answer)))).size).toBe(1);
  expect(answers[0]?.status).toBe(201);
  expect(await keysNamed('at once')).toBe(1);
});

/** Lets nobody make a key in the account until it is released: CreateKey waits at its last step. */
async function holdAccount(): Promise<{ release(): Promise<void> }> {
  const client = new Client({ connectionString: daemon.databaseUrl });
  await client.connect();
  await client.query('begin');
  await client.query('select from account where account_id = $1 for update', [daemon.accountId]);
  return { release: () => client.end() };
}

test('what a killed daemon had begun and not committed is done by the repeat, once', async () => {
  const killed = await startDaemon({ beside: daemon });
  const held = await holdAccount();
  const idempotencyKey = randomUUID();
  const body = { Description: 'killed' };
  const first = post('/v1/keys', body, idempotencyKey, { on: killed }).catch(() => 'no answer');
  await until('it waits', async () => (await lockWaiters(daemon.databaseUrl)) === 1);
  const second = post('/v1/keys', body, idempotencyKey);
  await until('the repeat waits', async () => (await lockWaiters(daemon.databaseUrl)) === 2);
  await killAll(killed.process);
  expect(await first).toBe('no answer');
  await held.release();
  const made = await second;
  expect(made.status).toBe(201);
  expect(told(await post('/v1/keys', body, idempotencyKey))).toEqual(told(made));
  expect(await keysNamed('killed')).toBe(1);
  await killed.remove();
});

test('what a killed daemon had committed is what the repeat is answered', async () => {
  const killed = await startDaemon({ beside: daemon });
  const idempotencyKey = randomUUID();
  const body = { Description: 'killed after' };
  const first = await post('/v1/keys', body, idempotencyKey, { on: killed });
  await killAll(killed.process);
  expect(told(await post('/v1/keys', body, idempotencyKey))).toEqual(told(first));
  expect(await keysNamed('killed after')).toBe(1);
  await killed.remove();
});
