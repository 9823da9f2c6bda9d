import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import {
  CancelKeyDeletionCommand,
  DescribeKeyCommand,
  EnableKeyCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { type TestDaemon, serve, startDaemon } from '../support/daemon';
import { disagreements } from '../support/doctor';
import {
  type DeletionWatch,
  type DoomedKey,
  bringForward,
  deletedKeys,
  watchDeletions,
} from '../support/deletion';
import { open, plaintext } from '../support/keys';
import { ask, count } from '../support/load';
import { administer } from '../support/postgres';
import { until } from '../support/until';

jest.setTimeout(120_000);

let daemon: TestDaemon;
let watch: DeletionWatch;

describe('two daemons on one database and one token', () => {
  let second: { child: ChildProcess; endpoint: string };
  beforeAll(async () => {
    daemon = await startDaemon({ workers: 2, environment: { CLAVIGER_JOB_INTERVAL_MS: '300' } });
    second = await serve(daemon.environment);
    watch = await watchDeletions(daemon);
  });
  afterAll(async () => {
    second.child.kill('SIGTERM');
    await once(second.child, 'exit');
    await watch.close();
    await daemon.remove();
  });

  const clients = (): KMSClient[] => [
    daemon.client(),
    daemon.client({ endpoint: second.endpoint }),
  ];
  const both = <T>(work: (kms: KMSClient) => Promise<T>): Promise<T[]> =>
    Promise.all(clients().map(work));

  test('delete each key once, with one record', async () => {
    const keys: DoomedKey[] = [];
    for (let i = 0; i < 20; i += 1) keys.push(await watch.doom(daemon.client()));
    await administer(
      daemon.databaseUrl,
      `update kms_key set deletion_date = now() where state = 'PendingDeletion'`,
    );
    for (const key of keys) await watch.gone(key);
    for (const key of keys) expect(await watch.isInToken(key)).toBe(false);
    const records = (await deletedKeys(daemon)).map(({ resources }) => resources[0]?.['ARN']);
    expect(records.sort()).toEqual(keys.map(({ arn }) => arn).sort());
    expect(await disagreements(daemon)).toEqual([]);
    const failed = daemon.log.filter(({ message }) =>
      /^timed work (failed|could not)/.test(String(message)),
    );
    expect(failed).toEqual([]);
  });

  test('let either the deletion or its cancelling win, never both', async () => {
    const outcomes = { cancelled: 0, deleted: 0 };
    for (let round = 0; round < 16; round += 1) {
      const key = await watch.doom(daemon.client());
      await bringForward(daemon.databaseUrl, key.keyId);
      // Later and later, so that some come before the job, some after, and some beside it.
      await until('its moment has come', elapsed(round * 8));
      const answers = await both((kms) =>
        ask(() => kms.send(new CancelKeyDeletionCommand({ KeyId: key.keyId }))),
      );
      const won = count(answers)['ok'] ?? 0;
      expect(won).toBeLessThanOrEqual(1);
      if (won === 1) {
        outcomes.cancelled += 1;
        const [kms] = clients() as [KMSClient];
        await kms.send(new EnableKeyCommand({ KeyId: key.keyId }));
        for (const opened of await both((any) => open(any, key.blob))) {
          expect(opened).toEqual(plaintext);
        }
        expect(await deletedKeys(daemon, key.arn)).toEqual([]);
      } else {
        outcomes.deleted += 1;
        expect(answers.map(({ message }) => message)).toEqual(
          answers.map(() => `Key '${key.arn}' does not exist`),
        );
        await watch.gone(key);
        expect(await watch.isInToken(key)).toBe(false);
        expect(await deletedKeys(daemon, key.arn)).toHaveLength(1);
      }
    }
    process.stdout.write(`cancel against delete: ${JSON.stringify(outcomes)}\n`);
    expect(await disagreements(daemon)).toEqual([]);
  });
});

function elapsed(milliseconds: number): () => boolean {
  const since = performance.now();
  return () => performance.now() - since >= milliseconds;
}

describe('a daemon whose clock is forty days ahead', () => {
  let ahead: { child: ChildProcess; endpoint: string };
  beforeAll(async () => {
    // Its own jobs sleep.
    daemon = await startDaemon({ environment: { CLAVIGER_JOB_INTERVAL_MS: '3600000' } });
    watch = await watchDeletions(daemon);
    const preload = path.join(__dirname, '..', 'support', 'clock-ahead.js');
    ahead = await serve({
      ...{ ...daemon.environment, CLAVIGER_JOB_INTERVAL_MS: '100' },
      NODE_OPTIONS: `--require ${preload}`,
    });
  });
  afterAll(async () => {
    ahead.child.kill('SIGTERM');
    await once(ahead.child, 'exit');
    await watch.close();
    await daemon.remove();
  });

  test('deletes nothing before its date by the clock of the database', async () => {
    const kms = daemon.client();
    const [waits, due] = [await watch.doom(kms), await watch.doom(kms)];
    await bringForward(daemon.databaseUrl, due.keyId);
    await watch.gone(due);
    // It writes its own time, so this was it.
    const [record] = await deletedKeys(daemon, due.arn);
    const written = Date.parse((record as unknown as { eventTime: string }).eventTime);
    expect(written - Date.now()).toBeGreaterThan(39 * 24 * 3600 * 1000);
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: waits.keyId }));
    expect(KeyMetadata?.KeyState).toBe('PendingDeletion');
    await kms.send(new CancelKeyDeletionCommand({ KeyId: waits.keyId }));
    await kms.send(new EnableKeyCommand({ KeyId: waits.keyId }));
    expect(await open(kms, waits.blob)).toEqual(plaintext);
  });
});
