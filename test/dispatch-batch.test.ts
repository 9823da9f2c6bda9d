import { randomUUID } from 'node:crypto';
import { BatchRoom } from '../src/batch-room';
import type { Corridor, DoorRequest, RequestBatch, RequestEvent } from '../src/corridor';
import { handleBatch } from '../src/dispatch-batch';
import { KmsError } from '../src/errors';
import type { Principal } from '../src/policy/principal';
import { OwnRates } from '../src/rates/own-rates';
import { RequestRates } from '../src/request-rates/request-rates';
import { type OperationName, parseInput, writeOutput } from '../src/shapes';
import { administer } from './support/postgres';
import { accountId, callFacts, otherAccountId, rootOf } from './support/sample-keys';
import { type Site, openSite, perform } from './support/site';
import { until } from './support/until';

let site: Site;
let corridor: Corridor;
const events: RequestEvent[] = [];
let KeyId = '';
beforeAll(async () => {
  site = await openSite();
  corridor = { ...site.worker(), onRequest: (event) => void events.push(event) };
  const made = await perform<{ KeyMetadata: { KeyId: string } }>(corridor, 'CreateKey', {});
  KeyId = made.KeyMetadata.KeyId;
});
afterAll(() => site.close());
beforeEach(() => void events.splice(0));

const { origin } = callFacts;

function batchOf(
  inputs: readonly (readonly [OperationName, object])[],
  different: Partial<RequestBatch> = {},
): RequestBatch {
  const requestId = randomUUID();
  return {
    ...{ requestId, origin, service: 'claviger', eventName: 'Batch' },
    authenticate: () => rootOf(accountId),
    requests: (caller) =>
      inputs.map(([name, input]): DoorRequest => ({
        ...{ requestId: randomUUID(), batchRequestId: requestId, origin, service: 'kms' },
        operation: () => name,
        authenticate: () => caller,
        input: (operation) => parseInput(operation, input),
        write: writeOutput,
      })),
    ...different,
  };
}

async function recordsOf({ requestId }: RequestBatch): Promise<Record<string, unknown>[]> {
  const rows = await administer<{ record: string }>(
    site.url,
    `select record from audit_record where record::json #>> '{additionalEventData,batchRequestId}' = $1
       or record::json ->> 'requestID' = $1 order by seq`,
    [requestId],
  );
  return rows.map(({ record }) => JSON.parse(record) as Record<string, unknown>);
}

test('each request of a batch has an answer, a record and an event of its own, refused ones too', async () => {
  const Plaintext = Buffer.from('p').toString('base64');
  const batch = batchOf([
    ['Encrypt', { KeyId, Plaintext }],
    ['Encrypt', { KeyId: 'alias/nowhere', Plaintext }],
    ['GenerateDataKey', { KeyId, KeySpec: 'AES_256' }],
  ]);
  const answered = await handleBatch(corridor, batch);
  if (!answered.ok) throw answered.error;
  const outcomes = answered.answers.map((answer) => (answer.ok ? 'ok' : answer.error.code));
  expect(outcomes).toEqual(['ok', 'NotFoundException', 'ok']);
  expect(events.map(({ outcome }) => outcome).sort()).toEqual(['NotFoundException', 'ok', 'ok']);
  const records = await recordsOf(batch);
  expect(records.map(({ eventName, errorCode }) => [eventName, errorCode]).sort()).toEqual([
    ['Encrypt', undefined],
    ['Encrypt', 'NotFoundException'],
    ['GenerateDataKey', undefined],
  ]);
  expect(new Set(records.map(({ requestID }) => requestID)).size).toBe(3);
});

test.each([
  [
    'nobody proved to have sent',
    {
      authenticate: () => {
        throw new KmsError('InvalidSignatureException', 'The signature does not match.');
      },
    },
    'InvalidSignatureException',
    undefined,
  ],
  [
    'that has nothing to do',
    {
      requests: () => {
        throw new KmsError('ValidationException', 'There is nothing to do.');
      },
    },
    'ValidationException',
    accountId,
  ],
  [
    'whose sender is there no more',
    {
      authenticate: () => ({
        ...rootOf(accountId),
        ...{ kind: 'user' as const, principalId: 'AIDAGONE' },
      }),
    },
    'UnrecognizedClientException',
    accountId,
  ],
])('a batch %s is refused as a whole, with one record and one event', async (...row) => {
  const [, different, code, account] = row;
  const batch = batchOf([['Encrypt', {}]], different);
  expect(await handleBatch(corridor, batch)).toMatchObject({ ok: false, error: { code } });
  expect(events.map(({ outcome }) => outcome)).toEqual([code]);
  const [record, ...others] = await recordsOf(batch);
  expect(others).toEqual([]);
  expect(record).toMatchObject({
    ...{ eventName: 'Batch', eventSource: 'claviger.amazonaws.com', errorCode: code },
    requestID: batch.requestId,
  });
  expect((record?.['userIdentity'] as { accountId?: string }).accountId).toBe(account);
});

test('a batch of one operation is recorded by its name where it is refused as a whole', async () => {
  const refuse = (): never => {
    throw new KmsError('SerializationException');
  };
  const batch = batchOf([], { service: 'kms', eventName: 'ReEncrypt', requests: refuse });
  await handleBatch(corridor, batch);
  expect(await recordsOf(batch)).toMatchObject([
    { eventName: 'ReEncrypt', eventSource: 'kms.amazonaws.com', readOnly: true },
  ]);
});

test('every request of a batch is authorized by itself', async () => {
  const stranger = rootOf(otherAccountId);
  const batch = batchOf(
    [['DescribeKey', { KeyId: `arn:aws:kms:us-east-1:${accountId}:key/${KeyId}` }]],
    {
      authenticate: () => stranger,
    },
  );
  const answered = await handleBatch(corridor, batch);
  expect(answered).toMatchObject({
    ok: true,
    answers: [{ ok: false, error: { code: 'AccessDeniedException' } }],
  });
});

test('a batch that is refused as a whole counts as one request of its sender', async () => {
  const requestRates = new RequestRates({
    limits: { rules: [], others: new Map([['symmetric', 0.001]]) },
    rates: new OwnRates(),
    onThrottled: () => undefined,
  });
  const requests = (): never => {
    throw new KmsError('ValidationException', 'There is nothing to do.');
  };
  const codes: unknown[] = [];
  for (const batch of [batchOf([], { requests }), batchOf([], { requests })]) {
    const answered = await handleBatch({ ...corridor, requestRates }, batch);
    codes.push(!answered.ok && answered.error.code);
    const [record] = await recordsOf(batch);
    expect(record?.['errorCode']).toBe(codes.at(-1));
  }
  expect(codes).toEqual(['ValidationException', 'ThrottlingException']);
});

test('a batch for which a worker has no room is refused as a whole, until those under way are answered', async () => {
  const crowded = { ...corridor, batchRoom: new BatchRoom(3) };
  let goOn = (): void => undefined;
  const waiting = new Promise<void>((resolve) => void (goOn = resolve));
  const Plaintext = Buffer.from('p').toString('base64');
  const two = batchOf([
    ['Encrypt', { KeyId, Plaintext }],
    ['Encrypt', { KeyId: 'alias/nowhere', Plaintext }],
  ]);
  const slow = (caller: Principal): DoorRequest[] =>
    two.requests(caller).map((request) => ({
      ...request,
      authenticate: async () => {
        await waiting;
        return caller;
      },
    }));
  const underWay = handleBatch(crowded, { ...two, requests: slow });
  await until('its entries have begun', () => crowdedBy(crowded.batchRoom, 2));
  const late = { ...two, requestId: randomUUID() };
  expect(await handleBatch(crowded, late)).toMatchObject({
    ok: false,
    error: {
      ...{ code: 'ThrottlingException', message: 'Too many batches are being answered.' },
      retryAfterSeconds: 1,
    },
  });
  expect(await recordsOf(late)).toMatchObject([
    { eventName: 'Batch', errorCode: 'ThrottlingException' },
  ]);
  goOn();
  expect(await underWay).toMatchObject({ ok: true, answers: [{ ok: true }, { ok: false }] });
  expect(await handleBatch(crowded, { ...two, requestId: randomUUID() })).toMatchObject({
    ok: true,
  });
});

/** Whether there is no room for as many. */
function crowdedBy(room: BatchRoom, entries: number): boolean {
  try {
    room.enter(rootOf(otherAccountId), entries);
  } catch {
    return true;
  }
  room.leave(rootOf(otherAccountId), entries);
  return false;
}
