import type { ChildProcess } from 'node:child_process';
import { CancelKeyDeletionCommand, EnableKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { type TestDaemon, serve, startDaemon } from '../support/daemon';
import { disagreements } from '../support/doctor';
import {
  type DeletionWatch,
  type DoomedKey,
  type Obstacle,
  bringForward,
  deletedKeys,
  obstruct,
  obstructToken,
  watchDeletions,
} from '../support/deletion';
import { createSealedKey, open, plaintext } from '../support/keys';
import { listensNoMore } from '../support/listening';
import { ask } from '../support/load';
import { metricsOf } from '../support/metrics';
import { putTokenBack, takeTokenAway } from '../support/outage';
import { administer } from '../support/postgres';
import { killAll } from '../support/processes';
import { until } from '../support/until';

jest.setTimeout(120_000);

const eager = {
  CLAVIGER_JOB_INTERVAL_MS: '100',
  // A statement that a test holds up must not end by itself.
  CLAVIGER_DATABASE_STATEMENT_TIMEOUT_MS: '60000',
};

let daemon: TestDaemon;
let watch: DeletionWatch;

/** No row, no material, one record, and nothing that only one of the two knows. */
async function expectDeleted(key: DoomedKey): Promise<void> {
  await watch.gone(key);
  expect(await watch.isInToken(key)).toBe(false);
  expect(await deletedKeys(daemon, key.arn)).toHaveLength(1);
  expect(await disagreements(daemon)).toEqual([]);
}

describe('a daemon that is killed while it deletes a key', () => {
  let serving: ChildProcess;
  let kms: KMSClient;
  beforeAll(async () => {
    daemon = await startDaemon({ environment: eager });
    serving = daemon.process;
    kms = daemon.client();
    watch = await watchDeletions(daemon);
  });
  afterAll(async () => {
    await killAll(serving);
    await watch.close();
    await daemon.remove();
  });

  interface Step {
    readonly where: string;
    readonly obstacle: () => Promise<Obstacle>;
    /** What is so while it is held up there, and stays so when it is killed. */
    readonly held: { readonly begun: boolean; readonly inToken: boolean };
  }
  const trigger = (created: string) => () => obstruct(daemon.databaseUrl, created);
  const forEach = 'for each row execute function stumble()';
  const beginning = `create trigger stumble before update of deleting_since on kms_key ${forEach}`;
  const steps: readonly Step[] = [
    {
      where: 'before it begins',
      obstacle: trigger(beginning),
      held: { begun: false, inToken: true },
    },
    {
      where: 'between beginning and the token',
      obstacle: () => obstructToken(daemon.databaseUrl, daemon.token.serial),
      held: { begun: true, inToken: true },
    },
    {
      where: 'between the token and the row',
      obstacle: trigger(`create trigger stumble before delete on kms_key ${forEach}`),
      held: { begun: true, inToken: false },
    },
    {
      where: 'between the row and its record',
      obstacle: trigger(
        `create trigger stumble before insert on audit_record for each row
           when (new.record like '%"DeleteKey"%') execute function stumble()`,
      ),
      held: { begun: true, inToken: false },
    },
    {
      where: 'in the middle of the commit',
      obstacle: trigger(
        `create constraint trigger stumble after delete on kms_key deferrable initially deferred ${forEach}`,
      ),
      held: { begun: true, inToken: false },
    },
  ];

  test.each(steps)(
    '$where leaves it to the next daemon, which finishes it once',
    async ({ obstacle, held }) => {
      const [key, bystander] = [await watch.doom(kms), await createSealedKey(kms)];
      const waiting = await obstacle();
      await bringForward(daemon.databaseUrl, key.keyId);
      await waiting.reached();
      await killAll(serving);
      expect(await watch.begun(key)).toBe(held.begun);
      expect(await watch.isInToken(key)).toBe(held.inToken);
      await waiting.release();
      const next = await serve({ ...daemon.environment });
      serving = next.child;
      kms = daemon.client({ endpoint: next.endpoint });
      await expectDeleted(key);
      expect(await open(kms, bystander.blob)).toEqual(plaintext);
    },
  );

  test('before it begins leaves a key whose deletion can be cancelled until another daemon comes', async () => {
    const key = await watch.doom(kms);
    const waiting = await trigger(beginning)();
    await bringForward(daemon.databaseUrl, key.keyId);
    await waiting.reached();
    await killAll(serving);
    await waiting.release();
    await until('the lock of the dead is gone', async () => {
      const held = `select from kms_key where key_id = $1 for update skip locked`;
      return (await administer(daemon.databaseUrl, held, [key.keyId])).length === 1;
    });
    const next = await serve({ ...daemon.environment, CLAVIGER_JOB_INTERVAL_MS: '3600000' });
    serving = next.child;
    kms = daemon.client({ endpoint: next.endpoint });
    await kms.send(new CancelKeyDeletionCommand({ KeyId: key.keyId }));
    await kms.send(new EnableKeyCommand({ KeyId: key.keyId }));
    expect(await open(kms, key.blob)).toEqual(plaintext);
    expect(await deletedKeys(daemon, key.arn)).toEqual([]);
  });
});

describe('a daemon that is told to stop while it deletes a key', () => {
  beforeAll(async () => {
    daemon = await startDaemon({ environment: eager });
    watch = await watchDeletions(daemon);
  });
  afterAll(async () => {
    await watch.close();
    await daemon.remove();
  });

  test('finishes that one, begins no other, and ends with 0', async () => {
    const kms = daemon.client();
    const keys = [await watch.doom(kms), await watch.doom(kms)];
    const waiting = await obstructToken(daemon.databaseUrl, daemon.token.serial);
    for (const { keyId } of keys) await bringForward(daemon.databaseUrl, keyId);
    await waiting.reached();
    const stopped = daemon.stop();
    await until('it listens no more', () => listensNoMore(daemon.endpoint));
    await waiting.release();
    expect(await stopped).toBe(0);
    const left = (await Promise.all(keys.map(watch.rows))).filter((count) => count > 0);
    expect(left).toHaveLength(1);
    expect(await deletedKeys(daemon)).toHaveLength(1);
    const inToken = await Promise.all(keys.map(watch.isInToken));
    expect(inToken.filter(Boolean)).toHaveLength(1);
  });
});

describe('a token that is away when a key is to be deleted', () => {
  beforeAll(async () => {
    // What a worker knows of its callers must outlive a moment in which nobody hears of it.
    const environment = { ...eager, CLAVIGER_REVOCATION_WAIT_MS: '15000' };
    daemon = await startDaemon({ workers: 2, environment });
    watch = await watchDeletions(daemon);
  });
  afterAll(async () => {
    await watch.close();
    await daemon.remove();
  });

  const failures = (): unknown[] =>
    daemon.log.filter(({ message }) => message === 'timed work failed and will be tried again');
  const metric = async (name: string): Promise<number | undefined> =>
    (await metricsOf(daemon)).get(name);
  const overdue = (): Promise<number | undefined> =>
    metric('claviger_jobs_overdue{job="delete-key"}');
  const inToken = async (key: DoomedKey): Promise<boolean> => {
    await watch.reopenToken();
    return watch.isInToken(key);
  };

  test('loses nothing: the attempts fail, can be seen, and the key is deleted when it is back', async () => {
    const key = await watch.doom(daemon.client());
    const before = failures().length;
    await takeTokenAway(daemon);
    await bringForward(daemon.databaseUrl, key.keyId);
    await until('attempts fail', () => failures().length >= before + 2);
    expect(failures().at(-1)).toMatchObject({
      job: 'delete-key',
      subject: key.keyId,
      level: 'warn',
    });
    expect(await watch.begun(key)).toBe(false);
    await until('it is overdue', async () => (await overdue()) === 1);
    expect(
      await metric('claviger_jobs_total{job="delete-key",outcome="failed"}'),
    ).toBeGreaterThanOrEqual(2);
    await putTokenBack(daemon);
    await watch.gone(key);
    expect(await inToken(key)).toBe(false);
    expect(await deletedKeys(daemon, key.arn)).toHaveLength(1);
    await until('nothing is overdue', async () => (await overdue()) === 0);
    await until('no attempt is remembered', async () => {
      return (await administer(daemon.databaseUrl, 'select from job_attempt')).length === 0;
    });
  });

  test('and vanishes in the middle of it: the key is found by nobody, and goes when it is back', async () => {
    // Kept, and with it the worker: without a token another may not be able to tell who asks.
    const kms = daemon.client();
    const key = await watch.doom(kms);
    const waiting = await obstructToken(daemon.databaseUrl, daemon.token.serial);
    await bringForward(daemon.databaseUrl, key.keyId);
    await waiting.reached();
    const before = failures().length;
    await daemon.token.moveAway();
    await waiting.release();
    await until('an attempt fails', () => failures().length > before);
    expect(await watch.begun(key)).toBe(true);
    expect(await watch.rows(key)).toBe(2);
    const answer = await ask(() => kms.send(new CancelKeyDeletionCommand({ KeyId: key.keyId })));
    expect(answer).toMatchObject({
      outcome: 'NotFoundException',
      message: `Key '${key.arn}' does not exist`,
    });
    await putTokenBack(daemon);
    await watch.gone(key);
    expect(await inToken(key)).toBe(false);
    expect(await deletedKeys(daemon, key.arn)).toHaveLength(1);
  });
});
