import { setTimeout as delay } from 'node:timers/promises';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type SealedKey, createSealedKey, encrypt } from '../support/keys';
import { ask } from '../support/load';
import { administer } from '../support/postgres';
import { childrenOf } from '../support/processes';
import { until } from '../support/until';

describe('health and metrics of two workers', () => {
  let daemon: TestDaemon;
  let key: SealedKey;
  beforeAll(async () => {
    daemon = await startDaemon({ workers: 2 });
    key = await createSealedKey(daemon.client());
  });
  afterAll(() => daemon.remove());

  /** A connection of its own, so that both workers are asked in turn. */
  const get = async (path: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(daemon.endpoint + path, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(5000),
    });
    return { status: response.status, text: await response.text() };
  };
  const sample = (text: string, name: string): number =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')
        .at(-1),
    );

  test('/metrics sums both, whichever worker is asked', async () => {
    for (let i = 0; i < 20; i += 1) await ask(() => daemon.client().send(encrypt(key.keyId)));
    const name = 'claviger_requests_total{operation="Encrypt",outcome="ok"}';
    const first = await get('/metrics');
    const second = await get('/metrics');
    expect([sample(first.text, name), sample(second.text, name)]).toEqual([21, 21]);
    expect(sample(first.text, 'claviger_workers')).toBe(2);
    expect(sample(first.text, 'claviger_token_ready')).toBe(2);
    expect(first.text).toMatch(
      /^claviger_request_seconds_bucket\{le="0.001",operation="Encrypt"\} \d+$/m,
    );
    expect(first.text).toMatch(
      /^claviger_token_operation_seconds_count\{operation="encryptAesGcm",outcome="ok"\} \d+$/m,
    );
    expect(first.text).toMatch(
      /^claviger_database_query_seconds_count\{statement="audit-append",outcome="ok"\} \d+$/m,
    );
    expect(sample(first.text, 'claviger_cache_hits{cache="key"}')).toBeGreaterThan(0);
  });

  test('/metrics leaves out a worker that is frozen, and counts it again when it wakes', async () => {
    const [frozen] = childrenOf(daemon.process.pid) as [number];
    process.kill(frozen, 'SIGSTOP');
    const answers: Promise<{ status: number; text: string }>[] = [];
    try {
      answers.push(get('/metrics'), get('/metrics'));
      const { text } = await Promise.race(answers);
      expect(sample(text, 'claviger_workers')).toBe(1);
    } finally {
      process.kill(frozen, 'SIGCONT');
    }
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
    expect(sample((await get('/metrics')).text, 'claviger_workers')).toBe(2);
  });

  test('/metrics while workers die again and again ends neither the primary nor a scrape for ever', async () => {
    const scrapes: Promise<unknown>[] = [];
    for (let round = 0; round < 3; round += 1) {
      for (let i = 0; i < 10; i += 1)
        scrapes.push(get('/metrics').catch((error: unknown) => error));
      for (const pid of childrenOf(daemon.process.pid)) process.kill(pid, 'SIGKILL');
      for (let i = 0; i < 10; i += 1)
        scrapes.push(get('/metrics').catch((error: unknown) => error));
      await until('a worker serves again', async () => {
        return (await get('/healthz').catch(() => undefined))?.status === 200;
      });
    }
    await Promise.all(scrapes);
    expect(daemon.process.exitCode).toBeNull();
    await until('two workers are summed', async () => {
      return sample((await get('/metrics')).text, 'claviger_workers') === 2;
    });
  }, 60_000);

  test('/readyz asks the database once a second, however often it is asked', async () => {
    const ready = async (): Promise<void> => {
      expect(await get('/readyz')).toEqual({ status: 200, text: '{"status":"ready"}' });
    };
    const checks = async (): Promise<number> =>
      sample(
        (await get('/metrics')).text,
        'claviger_database_query_seconds_count{statement="check",outcome="ok"}',
      );
    await ready();
    await delay(1100);
    const before = await checks();
    const started = performance.now();
    await Promise.all(Array.from({ length: 40 }, ready));
    const asked = (await checks()) - before;
    const seconds = Math.ceil((performance.now() - started) / 1000);
    expect(asked).toBeGreaterThanOrEqual(1);
    expect(asked).toBeLessThanOrEqual(2 * seconds);
  });

  test('/readyz says database when that takes no writes any more, and /healthz still says ok', async () => {
    const database = new URL(daemon.databaseUrl).pathname.slice(1);
    const elsewhere = new URL('/postgres', daemon.databaseUrl).href;
    await administer(elsewhere, `alter database ${database} with allow_connections false`);
    await administer(
      elsewhere,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${database}'`,
    );
    await until('both say no', async () => {
      const answers = await Promise.all([get('/readyz'), get('/readyz')]);
      return answers.every(({ status, text }) => {
        return status === 503 && text === '{"status":"unavailable","failing":["database"]}';
      });
    });
    expect(await get('/healthz')).toEqual({ status: 200, text: '{"status":"ok"}' });
    await administer(elsewhere, `alter database ${database} with allow_connections true`);
    await until('both say yes', async () => {
      const answers = await Promise.all([get('/readyz'), get('/readyz')]);
      return answers.every(({ status }) => status === 200);
    });
  });
});
