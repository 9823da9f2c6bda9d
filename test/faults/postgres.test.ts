import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { setTimeout as delay } from 'node:timers/promises';
import { unrecorded } from '../support/audit';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type SealedKey, broken, createSealedKey, encrypt, open, plaintext } from '../support/keys';
import { type Answer, startLoad } from '../support/load';
import { type ThrowawayPostgres, administer, startThrowawayPostgres } from '../support/postgres';
import { childrenOf } from '../support/processes';
import { until } from '../support/until';

describe('a Postgres that goes away under load and comes back', () => {
  let postgres: ThrowawayPostgres;
  let daemon: TestDaemon;
  let key: SealedKey;
  beforeAll(async () => {
    postgres = await startThrowawayPostgres();
    daemon = await startDaemon({ workers: 2, databaseUrl: postgres.url });
    key = await createSealedKey(daemon.client());
  });
  afterAll(async () => {
    await daemon.remove();
    await postgres.remove();
  });

  const readiness = async (): Promise<unknown> => (await fetch(`${daemon.endpoint}/readyz`)).json();

  /** Every answer is a success, or an internal error in AWS's shape: nothing is refused, lost or cut. */
  function expectAnswers(answers: readonly Answer[]): void {
    for (const { outcome, status, requestId } of answers) {
      expect(['ok', 'KMSInternalException', 'DependencyTimeoutException']).toContain(outcome);
      expect([200, 500]).toContain(status);
      expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
    }
  }

  const listeners = async (): Promise<number[]> => {
    const found = await administer<{ pid: number }>(
      postgres.url,
      `select pid from pg_stat_activity where application_name like 'claviger-listener/%'`,
    );
    return found.map(({ pid }) => pid);
  };

  /** Each worker has met the outage, and has been let in again since. */
  const bothListen = (earlier: readonly number[] = []): Promise<void> =>
    until('both workers listen', async () => {
      return (await listeners()).filter((pid) => !earlier.includes(pid)).length === 2;
    });

  test.each(['fast', 'immediate'] as const)(
    'a %s restart: all are answered, service resumes, nothing is half done',
    async (mode) => {
      const kms = daemon.client();
      const workers = childrenOf(daemon.process.pid);
      const created: string[] = [];
      const load = startLoad(() => kms.send(encrypt(key.keyId)));
      const creating = startLoad(
        async () => {
          const answer = await kms.send(new CreateKeyCommand({}));
          created.push(answer.KeyMetadata?.KeyId ?? '');
          return answer;
        },
        { lines: 3 },
      );
      await Promise.all([load.served(20), creating.served(10)]);
      await postgres.restart(mode);
      const back = performance.now();
      await load.served(1);
      const resumed = performance.now() - back;
      await Promise.all([load.served(30), creating.served(10)]);
      await Promise.all([load.stop(), creating.stop()]);

      await bothListen();
      expectAnswers([...load.answers, ...creating.answers]);
      expect(await unrecorded(postgres.url, [...load.answers, ...creating.answers])).toEqual([]);
      const rows = await administer<{ key_id: string }>(postgres.url, 'select key_id from kms_key');
      const stored = rows.map(({ key_id }) => key_id);
      expect(created.filter((id) => !stored.includes(id))).toEqual([]);
      expect(await broken([daemon.client(), daemon.client()], stored)).toEqual([]);
      expect(childrenOf(daemon.process.pid)).toEqual(workers);
      process.stdout.write(
        `${mode} restart: served again after ${Math.round(resumed)} ms; ${JSON.stringify(load.counts())}; ` +
          `CreateKey ${JSON.stringify(creating.counts())}, ${stored.length} keys\n`,
      );
    },
  );

  test('an outage of seconds: errors at once, /readyz names it, and nothing cached is used', async () => {
    const kms = daemon.client();
    const load = startLoad(() => kms.send(encrypt(key.keyId)), { pauseMs: 20 });
    await load.served(20);
    await postgres.stop();
    const gone = performance.now();
    await until('/readyz says no', async () => {
      const body = await readiness();
      return JSON.stringify(body) === '{"status":"unavailable","failing":["database"]}';
    });
    await delay(2000);
    const duringOutage = load.answers.filter(({ sentAt }) => sentAt > gone);
    expect(duringOutage.length).toBeGreaterThan(10);
    // Without a database there is no audit record, and so no answer but this one.
    expect(new Set(duringOutage.map(({ outcome }) => outcome))).toEqual(
      new Set(['KMSInternalException']),
    );
    await postgres.restart();
    const back = performance.now();
    await load.served(1);
    const resumed = performance.now() - back;
    await until('/readyz says yes', async () => {
      return JSON.stringify(await readiness()) === '{"status":"ready"}';
    });
    await bothListen();
    await load.served(30);
    await load.stop();
    expectAnswers(load.answers);
    expect(await unrecorded(postgres.url, load.answers)).toEqual([]);
    expect(await open(kms, key.blob)).toEqual(plaintext);
    const slowest = Math.max(...load.answers.map(({ sentAt, endedAt }) => endedAt - sentAt));
    process.stdout.write(
      `outage: served again after ${Math.round(resumed)} ms, slowest answer ${Math.round(slowest)} ms\n`,
    );
  });

  test('a change made while the caches were blind is seen: a key disabled in SQL encrypts no more', async () => {
    const kms = daemon.client();
    const { keyId } = await createSealedKey(kms);
    await bothListen();
    const before = await listeners();
    await administer(
      postgres.url,
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'claviger-listener/%'`,
    );
    await administer(postgres.url, `update kms_key set state = 'Disabled' where key_id = $1`, [
      keyId,
    ]);
    await bothListen(before);
    for (let i = 0; i < 20; i += 1) {
      await expect(daemon.client().send(encrypt(keyId))).rejects.toMatchObject({
        name: 'DisabledException',
        message: `arn:aws:kms:us-east-1:111122223333:key/${keyId} is disabled.`,
      });
    }
  });
});
