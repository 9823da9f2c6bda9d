import { Metrics } from '../src/metrics';
import { Trail } from '../src/trail';

const origin = {
  sourceIp: '127.0.0.1',
  secureTransport: false,
  userAgent: undefined,
  tls: undefined,
};
const trail = (claimed: string): Trail => {
  const one = new Trail(
    { requestId: 'r', origin, service: 'kms' },
    { region: 'us-east-1', accountId: '111122223333' },
  );
  one.claimedOperation = claimed;
  return one;
};

const metrics = new Metrics();

async function lines(name: string): Promise<string[]> {
  const { body } = await metrics.text();
  return body.split('\n').filter((line) => line.startsWith(name));
}

test('requests are counted by operation and outcome', async () => {
  const encrypt = trail('Encrypt');
  encrypt.operation = 'Encrypt';
  metrics.request({ trail: encrypt, seconds: 0.001, outcome: 'ok', cause: undefined });
  metrics.request({ trail: encrypt, seconds: 0.001, outcome: 'ok', cause: undefined });
  expect(await lines('claviger_requests_total')).toEqual([
    'claviger_requests_total{operation="Encrypt",outcome="ok"} 2',
  ]);
  expect(await lines('claviger_request_seconds_count')).toEqual([
    'claviger_request_seconds_count{operation="Encrypt"} 2',
  ]);
});

test('a client cannot make a series of its own by naming operations', async () => {
  for (let i = 0; i < 100; i++) {
    const outcome = 'UnknownOperationException';
    metrics.request({ trail: trail(`Name${i}`), seconds: 0, outcome, cause: undefined });
  }
  const counted = await lines('claviger_requests_total{operation="unknown"');
  expect(counted).toEqual([
    'claviger_requests_total{operation="unknown",outcome="UnknownOperationException"} 100',
  ]);
  expect((await metrics.text()).body).not.toContain('Name1');
});

test('token operations and statements are timed, those without a name together', async () => {
  metrics.tokenOperation('encrypt', 0.00002, 'ok');
  metrics.databaseQuery('key-find', 0.001, 'ok');
  metrics.databaseQuery(undefined, 0.001, 'timeout');
  expect(await lines('claviger_token_operation_seconds_count')).toEqual([
    'claviger_token_operation_seconds_count{operation="encrypt",outcome="ok"} 1',
  ]);
  expect(await lines('claviger_database_query_seconds_count')).toEqual([
    'claviger_database_query_seconds_count{statement="key-find",outcome="ok"} 1',
    'claviger_database_query_seconds_count{statement="unnamed",outcome="timeout"} 1',
  ]);
});

test('what is observed is read when a scrape asks', async () => {
  let ready = true;
  const stores = new Map([
    ['cks-1', true],
    ['cks-2', false],
  ]);
  metrics.observe({
    caches: () => ({ key: { hits: 3, misses: 1 } }),
    tokenSessions: () => 4,
    tokenReady: () => ready,
    storeTokensReady: () => stores,
  });
  expect(await lines('claviger_cache')).toEqual([
    'claviger_cache_hits{cache="key"} 3',
    'claviger_cache_misses{cache="key"} 1',
  ]);
  expect(await lines('claviger_token_sessions')).toEqual(['claviger_token_sessions 4']);
  expect(await lines('claviger_token_ready')).toEqual(['claviger_token_ready 1']);
  ready = false;
  expect(await lines('claviger_token_ready')).toEqual(['claviger_token_ready 0']);
  const ofStores = 'claviger_custom_key_store_token_ready';
  expect(await lines(ofStores)).toEqual([
    `${ofStores}{store="cks-1"} 1`,
    `${ofStores}{store="cks-2"} 0`,
  ]);
  // One that is disconnected is seen no more, and no number of them makes more than so many series.
  stores.clear();
  for (let i = 0; i < 200; i++) stores.set(`cks-${i}`, i < 150);
  const many = await lines(ofStores);
  expect(many).toHaveLength(101);
  expect(many.at(-1)).toBe(`${ofStores}{store="other"} 0`);
});

test('timed work is counted by job and outcome, and shows before there was any', async () => {
  metrics.jobKnown('delete-key');
  expect(await lines('claviger_jobs')).toEqual([
    'claviger_jobs_total{job="delete-key",outcome="done"} 0',
    'claviger_jobs_total{job="delete-key",outcome="failed"} 0',
    'claviger_jobs_overdue{job="delete-key"} 0',
  ]);
  metrics.jobEnded('delete-key', 'done');
  metrics.jobEnded('delete-key', 'failed');
  metrics.jobEnded('delete-key', 'failed');
  metrics.jobsOverdue('delete-key', 3);
  metrics.jobsOverdue('delete-key', 2);
  expect(await lines('claviger_jobs')).toEqual([
    'claviger_jobs_total{job="delete-key",outcome="done"} 1',
    'claviger_jobs_total{job="delete-key",outcome="failed"} 2',
    'claviger_jobs_overdue{job="delete-key"} 2',
  ]);
});

test('the text is Prometheus’s', async () => {
  expect((await metrics.text()).contentType).toMatch(/^text\/plain; version=0\.0\.4/);
});
