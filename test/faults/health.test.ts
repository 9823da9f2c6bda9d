import { setTimeout as delay } from 'node:timers/promises';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type SealedKey, createSealedKey, encrypt } from '../support/keys';
import { ask } from '../support/load';
import { metricsOf, scrape } from '../support/metrics';
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
      signal: AbortSignal.timeout(30_000),
    });
    return { status: response.status, text: await response.text() };
  };

  test('/metrics sums both, whichever worker is asked', async () => {
    for (let i = 0; i < 20; i += 1) await ask(() => daemon.client().send(encrypt(key.keyId)));
    const name = 'claviger_requests_total{operation="Encrypt",outcome="ok"}';
    const first = await metricsOf(daemon);
    const second = await metricsOf(daemon);
    expect([first.get(name), second.get(name)]).toEqual([21, 21]);
    expect(first.get('claviger_workers')).toBe(2);
    expect(first.get('claviger_token_ready')).toBe(2);
    for (const shown of [
      'claviger_request_seconds_bucket{le="0.001",operation="Encrypt"}',
      'claviger_token_operation_seconds_count{operation="encryptAesGcm",outcome="ok"}',
      'claviger_database_query_seconds_count{statement="audit-append",outcome="ok"}',
    ]) {
      expect(first.get(shown)).toBeGreaterThanOrEqual(0);
    }
    expect(first.get('claviger_cache_hits{cache="key"}')).toBeGreaterThan(0);
  });

  test('/metrics leaves out a worker that is frozen, and counts it again when it wakes', async () => {
    const [frozen] = childrenOf(daemon.process.pid) as [number];
    process.kill(frozen, 'SIGSTOP');
    const waiting = [scrape(daemon), scrape(daemon)];
    try {
      // One came to each; from now on new connections are dealt to the other, which took its own.
      await Promise.race(waiting);
      await until('it is told of alone', async () => {
        return (await scrape(daemon)).get('claviger_workers') === 1;
      });
    } finally {
      process.kill(frozen, 'SIGCONT');
    }
    expect((await Promise.all(waiting)).map(({ size }) => size > 0)).toEqual([true, true]);
    expect((await metricsOf(daemon)).get('claviger_workers')).toBe(2);
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
    expect((await metricsOf(daemon)).get('claviger_workers')).toBe(2);
  });

  test('/readyz asks the database once a second, however often it is asked', async () => {
    const ready = async (): Promise<void> => {
      expect(await get('/readyz')).toEqual({ status: 200, text: '{"status":"ready"}' });
    };
    const checks = async (): Promise<number> =>
      (await metricsOf(daemon)).get(
        'claviger_database_query_seconds_count{statement="check",outcome="ok"}',
      ) ?? 0;
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
