import { ClavigerError, createClavigerClient } from '../../../clients/typescript/src';
import type { Send } from '../../../clients/typescript/src/outgoing';
import { type RetryOptions, withRetries } from '../../../clients/typescript/src/retries';
import {
  type Answering,
  type RestStandIn,
  answering,
  hangingUp,
  refusing,
  silent,
  startRestStandIn,
} from '../../support/rest-stand-in';
import { until } from '../../support/until';

let standIn: RestStandIn | undefined;
afterEach(() => standIn?.close());

/** A client of a stand-in that gives these answers, and waits next to nothing. */
async function clientOf(answers: readonly Answering[], timeoutMs = 5000) {
  standIn = await startRestStandIn(answers);
  const retries = { baseWaitMs: 1 };
  return createClavigerClient({ baseUrl: standIn.url, token: 'clv_test', timeoutMs, retries });
}

const key = { params: { path: { KeyId: 'alias/invoices' } } };
const plaintext = { ...key, body: { Plaintext: 'aGVsbG8=' } };
const throttled = refusing(429, 'ThrottlingException', { 'retry-after': '0' });
const away = refusing(503, 'DependencyTimeoutException', { 'retry-after': '0' });
const done = answering(200, { CiphertextBlob: 'AAAA' });

describe('A request', () => {
  test.each(Object.entries({ throttled, away, hangingUp }))(
    'that changes nothing is sent again, the same, after %s',
    async (_, first) => {
      const claviger = await clientOf([first, first, done]);
      const { data } = await claviger.POST('/v1/keys/{KeyId}/encrypt', plaintext);
      expect(data).toEqual({ CiphertextBlob: 'AAAA' });
      const { body } = plaintext;
      expect(
        standIn?.received.map(({ line, body: sent }) => [line, JSON.parse(sent) as unknown]),
      ).toEqual(Array(3).fill(['POST /v1/keys/alias%2Finvoices/encrypt', body]));
    },
  );

  test('that got no answer in time is sent again', async () => {
    const claviger = await clientOf([silent, done], 200);
    await claviger.GET('/v1/keys');
    // A machine that has much to do may be late a second time.
    expect(standIn?.received.length).toBeGreaterThanOrEqual(2);
  });

  test('that cannot be repeated is sent again after 429 alone', async () => {
    const rotate = '/v1/keys/{KeyId}/rotations' as const;
    const claviger = await clientOf([throttled, away, done]);
    await expect(claviger.POST(rotate, key)).rejects.toMatchObject({ status: 503 });
    expect(standIn?.received).toHaveLength(2);
    standIn?.close();
    const other = await clientOf([hangingUp, done]);
    await expect(other.POST(rotate, key)).rejects.toMatchObject({ code: 'ConnectionFailed' });
    expect(standIn?.received).toHaveLength(1);
  });

  test('that creates has an Idempotency-Key, the same each time it is sent and another for another', async () => {
    const claviger = await clientOf([hangingUp, away, answering(201, {})]);
    await claviger.POST('/v1/keys', { body: {} });
    await claviger.POST('/v1/keys/{KeyId}/grants', {
      ...key,
      body: {
        GranteePrincipal: 'arn:aws:iam::111122223333:role/payments',
        Operations: ['Encrypt'],
      },
    });
    const keys = standIn?.received.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toEqual([keys?.[0], keys?.[0], keys?.[0], keys?.[3]]);
    expect(keys?.[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(keys?.[3]).not.toBe(keys?.[0]);
  });

  test('that creates keeps the Idempotency-Key that it is given', async () => {
    const claviger = await clientOf([answering(201, {})]);
    await claviger.POST('/v1/keys', { params: { header: { 'Idempotency-Key': 'order-7' } } });
    expect(standIn?.received[0]?.headers['idempotency-key']).toBe('order-7');
  });

  test.each([400, 401, 403, 404, 409, 422, 500])(
    'that got %i is not sent again',
    async (status) => {
      const claviger = await clientOf([refusing(status, 'SomeException', { 'retry-after': '0' })]);
      await expect(claviger.GET('/v1/keys')).rejects.toMatchObject({
        status,
        code: 'SomeException',
      });
      expect(standIn?.received).toHaveLength(1);
    },
  );

  test('is sent four times at the most', async () => {
    const claviger = await clientOf([throttled]);
    await expect(claviger.GET('/v1/keys')).rejects.toMatchObject({
      ...{ code: 'ThrottlingException', status: 429, requestId: 'r-1' },
    });
    expect(standIn?.received).toHaveLength(4);
  });

  test('is sent once where retries are off', async () => {
    standIn = await startRestStandIn([throttled]);
    const options = { baseUrl: standIn.url, retries: false } as const;
    await expect(createClavigerClient(options).GET('/v1/keys')).rejects.toThrow(ClavigerError);
    expect(standIn.received).toHaveLength(1);
  });

  test('whose signal aborts is not sent again, and fails by its reason', async () => {
    const claviger = await clientOf([
      refusing(429, 'ThrottlingException', { 'retry-after': '10' }),
      silent,
    ]);
    for (const requests of [1, 2]) {
      const stop = new AbortController();
      const reason = new Error('the caller went away');
      const call = claviger.GET('/v1/keys', { signal: stop.signal });
      const failed = expect(call).rejects.toBe(reason);
      await until('the request is there', () => standIn?.received.length === requests);
      stop.abort(reason);
      await failed;
    }
    expect(standIn?.received).toHaveLength(2);
  });
});

describe('Between two attempts', () => {
  /** Milliseconds that are waited where the answer says 429 with this header. */
  async function waits(
    retryAfter: string | undefined,
    options: RetryOptions = {},
  ): Promise<number[]> {
    const waited: number[] = [];
    const headers = new Headers(retryAfter === undefined ? {} : { 'retry-after': retryAfter });
    const send: Send = () => Promise.resolve({ status: 429, headers, text: '' });
    const world = {
      random: () => 0.5,
      wait: (ms: number) => Promise.resolve(waited.push(ms)),
    };
    const url = new URL('http://127.0.0.1/v1/keys');
    const { signal } = new AbortController();
    const outgoing = { method: 'GET', url, headers: new Headers(), body: undefined, signal };
    await withRetries(send, options, world)(outgoing);
    return waited;
  }

  test('a random part of a time that doubles is waited', async () => {
    expect(await waits(undefined, { attempts: 5 })).toEqual([50, 100, 200, 400]);
    expect(await waits(undefined, { attempts: 5, maxWaitMs: 150 })).toEqual([50, 100, 150, 150]);
  });

  test('at least what Retry-After says is waited, in seconds or until a date', async () => {
    expect(await waits('2')).toEqual([2050, 2100, 2200]);
    const [first = 0] = await waits(new Date(Date.now() + 10_000).toUTCString());
    expect(first).toBeGreaterThan(8000);
    expect(first).toBeLessThan(10_100);
    expect(await waits('soon')).toEqual([50, 100, 200]);
  });

  test('nothing is waited where Retry-After asks for more than the bound: the refusal stands', async () => {
    expect(await waits('21')).toEqual([]);
    expect(await waits('21', { maxWaitMs: 30_000 })).toEqual([21_050, 21_100, 21_200]);
  });
});
