import { randomUUID } from 'node:crypto';
import { type Database, type Transaction, inTransaction, openDatabase } from '../../src/db';
import { operations } from '../../src/operations';
import type { Operation } from '../../src/operation';
import {
  type NamedRequest,
  claimName,
  findKept,
  keepRequest,
} from '../../src/idempotency/requests';
import { type ClonedDatabase, administer, cloneDatabase, lockWaiters } from '../support/postgres';
import { until } from '../support/until';

let cloned: ClonedDatabase;
let database: Database;
beforeAll(async () => {
  cloned = await cloneDatabase();
  const limits = { poolSize: 4, statementTimeoutMs: 5000, connectTimeoutMs: 5000 };
  database = openDatabase({ url: cloned.url, ...limits });
});
afterAll(async () => {
  await database.close();
  await cloned.drop();
});

test('the operations whose answers are kept answer with no secret', () => {
  const named = Object.values(operations).filter(
    (operation) => (operation as Operation).rest?.idempotencyKey === true,
  );
  // Whoever adds one here has made sure of it: a grant token gives no permission.
  expect(named.map(({ name }) => name).sort()).toEqual(['CreateAlias', 'CreateGrant', 'CreateKey']);
});

const input = (byte: number): Buffer => Buffer.alloc(32, byte);

/** A request under a name that no other test has. */
function named(different: Partial<NamedRequest> = {}): NamedRequest {
  return {
    ...{ callerId: '111122223333', operation: 'CreateKey', idempotencyKey: randomUUID() },
    inputHash: input(1),
    ...different,
  };
}

async function done(request: NamedRequest, answer: string): Promise<string> {
  const requestId = randomUUID();
  await inTransaction(database, async (transaction) => {
    expect(await claimName(transaction, request, requestId)).toBeUndefined();
    transaction.announce({ topic: 'alias', id: answer });
    await keepRequest(transaction, request, answer);
  });
  return requestId;
}

const claimed = (request: NamedRequest) =>
  inTransaction(database, (transaction) => claimName(transaction, request, randomUUID()));

test('what was done is kept with its request id, its answer and what it announced', async () => {
  const request = named();
  expect(await findKept(database, request)).toBeUndefined();
  const requestId = await done(request, '{"GrantId":"g"}');
  const kept = {
    ...{ requestId, answer: '{"GrantId":"g"}' },
    announced: [{ topic: 'alias', id: '{"GrantId":"g"}' }],
  };
  expect(await findKept(database, request)).toEqual(kept);
  expect(await claimed(request)).toEqual(kept);
});

test.each([
  ['caller', { callerId: 'AROAEXAMPLE1234567:session' }],
  ['operation', { operation: 'CreateGrant' }],
  ['key', { idempotencyKey: 'another' }],
])('a name is of its %s alone', async (_what, different) => {
  const request = named();
  await done(request, '{}');
  expect(await findKept(database, { ...request, ...different })).toBeUndefined();
});

test('a name with another input is refused, at a look and at a claim', async () => {
  const request = named();
  await done(request, '{}');
  const other = { ...request, inputHash: input(2) };
  const refusal = {
    code: 'IdempotentParameterMismatchException',
    message:
      'The same Idempotency-Key was given with another request, whose parameters differ from those of this one.',
  };
  await expect(findKept(database, other)).rejects.toMatchObject(refusal);
  await expect(claimed(other)).rejects.toMatchObject(refusal);
});

test('after 24 hours a name is free again, for another input too', async () => {
  const request = named();
  await done(request, '{"n":1}');
  const age = async (interval: string): Promise<void> => {
    await administer(
      cloned.url,
      `update idempotent_request set expires_at = expires_at - $2::interval where idempotency_key = $1`,
      [request.idempotencyKey, interval],
    );
  };
  await age('23 hours 59 minutes');
  expect(await findKept(database, request)).toMatchObject({ answer: '{"n":1}' });
  await age('1 minute');
  expect(await findKept(database, request)).toBeUndefined();
  const other = { ...request, inputHash: input(2) };
  const requestId = await done(other, '{"n":2}');
  expect(await findKept(database, other)).toMatchObject({ requestId, answer: '{"n":2}' });
  await expect(findKept(database, request)).rejects.toMatchObject({
    code: 'IdempotentParameterMismatchException',
  });
});

/** Another claim of the name, which waits for the first. */
async function waiting(request: NamedRequest): Promise<{ second: ReturnType<typeof claimed> }> {
  const before = await lockWaiters(cloned.url);
  const second = claimed(request);
  second.catch(() => undefined);
  await until('the second waits', async () => (await lockWaiters(cloned.url)) > before);
  return { second };
}

async function begunFirst(request: NamedRequest): Promise<Transaction> {
  const first = await database.begin();
  expect(await claimName(first, request, randomUUID())).toBeUndefined();
  return first;
}

test('of two at once the second waits for the first, and is given what that did', async () => {
  const request = named();
  const first = await begunFirst(request);
  const { second } = await waiting(request);
  await keepRequest(first, request, '{"n":1}');
  await first.commit();
  expect(await second).toMatchObject({ answer: '{"n":1}' });
});

test('of two at once the second has the name when the first fails', async () => {
  const request = named();
  const first = await begunFirst(request);
  const { second } = await waiting(request);
  await first.rollback();
  expect(await second).toBeUndefined();
});

test('of two at once the second waits no longer than a statement may take', async () => {
  const request = named();
  const first = await begunFirst(request);
  const limits = { poolSize: 1, statementTimeoutMs: 200, connectTimeoutMs: 5000 };
  const hasty = openDatabase({ url: cloned.url, ...limits });
  const second = inTransaction(hasty, (transaction) =>
    claimName(transaction, request, randomUUID()),
  );
  await expect(second).rejects.toMatchObject({ code: 'timeout' });
  await hasty.close();
  await first.rollback();
});
