import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import {
  CancelKeyDeletionCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EnableKeyCommand,
  type KMSClient,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { type Token, openToken } from '../../hsm';
import { type TestDaemon, serve, startDaemon } from '../support/daemon';
import {
  type Obstacle,
  bringForward,
  deletedKeys,
  obstruct,
  obstructToken,
} from '../support/deletion';
import { type SealedKey, createSealedKey, open, plaintext } from '../support/keys';
import { ask, count } from '../support/load';
import { administer } from '../support/postgres';
import { childrenOf, isAlive } from '../support/processes';
import { tokenOptions } from '../support/token-options';
import { until } from '../support/until';

jest.setTimeout(120_000);

const eager = {
  CLAVIGER_JOB_INTERVAL_MS: '100',
  // A statement that a test holds up must not end by itself.
  CLAVIGER_DATABASE_STATEMENT_TIMEOUT_MS: '60000',
};

let daemon: TestDaemon;
let token: Token;

interface Doomed extends SealedKey {
  readonly materialId: string;
}

async function materialOf(keyId: string): Promise<string | undefined> {
  const [row] = await administer<{ id: string }>(
    daemon.databaseUrl,
    'select material_id as id from key_material where key_id = $1',
    [keyId],
  );
  return row?.id;
}

async function doomedKey(kms: KMSClient): Promise<Doomed> {
  const key = await createSealedKey(kms);
  await kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.keyId, PendingWindowInDays: 7 }));
  return { ...key, materialId: (await materialOf(key.keyId)) ?? '' };
}

async function rows({ keyId }: SealedKey): Promise<number> {
  const found = await administer(
    daemon.databaseUrl,
    'select key_id from kms_key where key_id = $1 union all select key_id from key_material where key_id = $1',
    [keyId],
  );
  return found.length;
}

const begun = async ({ keyId }: SealedKey): Promise<boolean> =>
  (
    await administer(
      daemon.databaseUrl,
      'select from kms_key where key_id = $1 and deleting_since is not null',
      [keyId],
    )
  ).length === 1;
const isInToken = async ({ materialId }: Doomed): Promise<boolean> =>
  (await token.listKeys('claviger:key:')).includes(materialId);
const arnOf = ({ keyId }: SealedKey): string =>
  `arn:aws:kms:${daemon.region}:${daemon.accountId}:key/${keyId}`;
const gone = (key: SealedKey): Promise<void> =>
  until('the key is deleted', async () => (await rows(key)) === 0, 30_000);

/** No row, no material, one record, and nothing that only one of the two knows. */
async function expectDeleted(key: Doomed): Promise<void> {
  await gone(key);
  expect(await isInToken(key)).toBe(false);
  expect(await deletedKeys(daemon, arnOf(key))).toHaveLength(1);
  expect(await daemon.run('token', 'reap')).toBe('');
}

async function killAll(primary: ChildProcess): Promise<void> {
  const processes = [...childrenOf(primary.pid), primary.pid ?? 0];
  const exited = once(primary, 'exit');
  for (const pid of processes) process.kill(pid, 'SIGKILL');
  await exited;
  await until('they are dead', () => !processes.some(isAlive));
}

describe('a daemon that is killed while it deletes a key', () => {
  let serving: ChildProcess;
  let kms: KMSClient;
  beforeAll(async () => {
    daemon = await startDaemon({ environment: eager });
    serving = daemon.process;
    kms = daemon.client();
    token = await openToken(tokenOptions(daemon.token));
  });
  afterAll(async () => {
    await killAll(serving);
    await token.close();
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
      const [key, bystander] = [await doomedKey(kms), await createSealedKey(kms)];
      const waiting = await obstacle();
      await bringForward(daemon.databaseUrl, key.keyId);
      await waiting.reached();
      await killAll(serving);
      expect(await begun(key)).toBe(held.begun);
      expect(await isInToken(key)).toBe(held.inToken);
      await waiting.release();
      const next = await serve({ ...daemon.environment });
      serving = next.child;
      kms = daemon.client({ endpoint: next.endpoint });
      await expectDeleted(key);
      expect(await open(kms, bystander.blob)).toEqual(plaintext);
    },
  );

  test('before it begins leaves a key whose deletion can be cancelled until another daemon comes', async () => {
    const key = await doomedKey(kms);
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
    expect(await deletedKeys(daemon, arnOf(key))).toEqual([]);
  });
});

describe('a token that is away when a key is to be deleted', () => {
  beforeAll(async () => {
    daemon = await startDaemon({ workers: 2, environment: eager });
    token = await openToken(tokenOptions(daemon.token));
  });
  afterAll(async () => {
    await token.close();
    await daemon.remove();
  });

  const failures = (): unknown[] =>
    daemon.log.filter(({ message }) => message === 'timed work failed and will be tried again');
  const metric = async (name: string): Promise<string | undefined> => {
    const text = await (await fetch(`${daemon.endpoint}/metrics`)).text();
    return text
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.split(' ')[1];
  };
  const inToken = async (key: Doomed): Promise<boolean> => {
    await token.recover();
    return isInToken(key);
  };

  test('loses nothing: the attempts fail, can be seen, and the key is deleted when it is back', async () => {
    const key = await doomedKey(daemon.client());
    const before = failures().length;
    await daemon.token.moveAway();
    await bringForward(daemon.databaseUrl, key.keyId);
    await until('attempts fail', () => failures().length >= before + 2);
    expect(failures().at(-1)).toMatchObject({
      job: 'delete-key',
      subject: key.keyId,
      level: 'warn',
    });
    expect(await begun(key)).toBe(false);
    await until('it is overdue', async () => (await metric('claviger_jobs_overdue')) === '1');
    expect(
      Number(await metric('claviger_jobs_total{job="delete-key",outcome="failed"}')),
    ).toBeGreaterThanOrEqual(2);
    await daemon.token.restore();
    await gone(key);
    expect(await inToken(key)).toBe(false);
    expect(await deletedKeys(daemon, arnOf(key))).toHaveLength(1);
    await until('nothing is overdue', async () => (await metric('claviger_jobs_overdue')) === '0');
    expect(await administer(daemon.databaseUrl, 'select from job_attempt')).toEqual([]);
  });

  test('and vanishes in the middle of it: the key is found by nobody, and goes when it is back', async () => {
    const key = await doomedKey(daemon.client());
    const waiting = await obstructToken(daemon.databaseUrl, daemon.token.serial);
    await bringForward(daemon.databaseUrl, key.keyId);
    await waiting.reached();
    const before = failures().length;
    await daemon.token.moveAway();
    await waiting.release();
    await until('an attempt fails', () => failures().length > before);
    expect(await begun(key)).toBe(true);
    expect(await rows(key)).toBe(2);
    const answer = await ask(() =>
      daemon.client().send(new CancelKeyDeletionCommand({ KeyId: key.keyId })),
    );
    expect(answer).toMatchObject({
      outcome: 'NotFoundException',
      message: `Key '${arnOf(key)}' does not exist`,
    });
    await daemon.token.restore();
    await gone(key);
    expect(await inToken(key)).toBe(false);
    expect(await deletedKeys(daemon, arnOf(key))).toHaveLength(1);
  });
});

describe('two daemons on one database and one token', () => {
  let second: { child: ChildProcess; endpoint: string };
  beforeAll(async () => {
    daemon = await startDaemon({ workers: 2, environment: { CLAVIGER_JOB_INTERVAL_MS: '50' } });
    second = await serve(daemon.environment);
    token = await openToken(tokenOptions(daemon.token));
  });
  afterAll(async () => {
    second.child.kill('SIGTERM');
    await once(second.child, 'exit');
    await token.close();
    await daemon.remove();
  });

  const clients = (): KMSClient[] => [
    daemon.client(),
    daemon.client({ endpoint: second.endpoint }),
  ];
  const both = <T>(work: (kms: KMSClient) => Promise<T>): Promise<T[]> =>
    Promise.all(clients().map(work));

  test('delete each key once, with one record', async () => {
    const keys: Doomed[] = [];
    for (let i = 0; i < 20; i += 1) keys.push(await doomedKey(daemon.client()));
    await administer(
      daemon.databaseUrl,
      `update kms_key set deletion_date = now() where state = 'PendingDeletion'`,
    );
    for (const key of keys) await gone(key);
    const listed = await token.listKeys('claviger:key:');
    expect(keys.filter(({ materialId }) => listed.includes(materialId))).toEqual([]);
    const records = (await deletedKeys(daemon)).map(({ resources }) => resources[0]?.['ARN']);
    expect(records.sort()).toEqual(keys.map(arnOf).sort());
    expect(await daemon.run('token', 'reap')).toBe('');
    const unhappy = daemon.log.filter(({ level }) => level === 'error' || level === 'warn');
    expect(unhappy).toEqual([]);
  });

  test('let either the deletion or its cancelling win, never both', async () => {
    const outcomes = { cancelled: 0, deleted: 0 };
    for (let round = 0; round < 16; round += 1) {
      const key = await doomedKey(daemon.client());
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
        expect(await deletedKeys(daemon, arnOf(key))).toEqual([]);
      } else {
        outcomes.deleted += 1;
        expect(answers.map(({ message }) => message)).toEqual(
          answers.map(() => `Key '${arnOf(key)}' does not exist`),
        );
        await gone(key);
        expect(await isInToken(key)).toBe(false);
        expect(await deletedKeys(daemon, arnOf(key))).toHaveLength(1);
      }
    }
    process.stdout.write(`cancel against delete: ${JSON.stringify(outcomes)}\n`);
    expect(await daemon.run('token', 'reap')).toBe('');
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
    const preload = path.join(__dirname, '..', 'support', 'clock-ahead.js');
    ahead = await serve({
      ...{ ...daemon.environment, CLAVIGER_JOB_INTERVAL_MS: '100' },
      NODE_OPTIONS: `--require ${preload}`,
    });
  });
  afterAll(async () => {
    ahead.child.kill('SIGTERM');
    await once(ahead.child, 'exit');
    await daemon.remove();
  });

  test('deletes nothing before its date by the clock of the database', async () => {
    const kms = daemon.client();
    const [waits, due] = [await doomedKey(kms), await doomedKey(kms)];
    await bringForward(daemon.databaseUrl, due.keyId);
    await gone(due);
    // It writes its own time, so this was it.
    const [record] = await deletedKeys(daemon, arnOf(due));
    const written = Date.parse((record as unknown as { eventTime: string }).eventTime);
    expect(written - Date.now()).toBeGreaterThan(39 * 24 * 3600 * 1000);
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: waits.keyId }));
    expect(KeyMetadata?.KeyState).toBe('PendingDeletion');
    await kms.send(new CancelKeyDeletionCommand({ KeyId: waits.keyId }));
    await kms.send(new EnableKeyCommand({ KeyId: waits.keyId }));
    const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob: waits.blob }));
    expect(Buffer.from(Plaintext ?? [])).toEqual(plaintext);
  });
});
