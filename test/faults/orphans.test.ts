import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { CreateKeyCommand, type CreateKeyCommandInput } from '@aws-sdk/client-kms';
import { type Token, openToken } from '../../hsm';
import { type TestDaemon, serve, startDaemon } from '../support/daemon';
import { type Obstacle, obstruct, obstructToken } from '../support/deletion';
import { diagnose, disagreements, runDoctor } from '../support/doctor';
import { generateAes } from '../support/generated-keys';
import { type SealedKey, createSealedKey, open, plaintext } from '../support/keys';
import { ask, startLoad } from '../support/load';
import { administer } from '../support/postgres';
import { childrenOf, killAll } from '../support/processes';
import { tokenOptions } from '../support/token-options';
import { until } from '../support/until';

jest.setTimeout(120_000);

/** Of each sort of object, and of each way to come to be. */
const kinds: readonly CreateKeyCommandInput[] = [
  {},
  { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
  { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' },
];

describe('objects of the token that no row names', () => {
  let daemon: TestDaemon;
  let key: SealedKey;
  let token: Token;
  beforeAll(async () => {
    // Its own jobs sleep.
    daemon = await startDaemon({
      ...{ workers: 2, environment: { CLAVIGER_JOB_INTERVAL_MS: '3600000' } },
    });
    key = await createSealedKey(daemon.client());
    token = await openToken(tokenOptions(daemon.token));
  });
  afterAll(async () => {
    await token.close();
    await daemon.remove();
  });

  const inToken = async (): Promise<string[]> =>
    (await token.listObjects('claviger:key:')).map(({ id }) => id);
  const ids = async (text: string): Promise<string[]> =>
    (await administer<{ id: string }>(daemon.databaseUrl, text)).map(({ id }) => id);
  const rows = (): Promise<string[]> => ids('select material_id as id from key_material');
  const entries = (): Promise<string[]> => ids('select token_key_id as id from doomed_object');

  test('are not left by a CreateKey that fails after the key was made', async () => {
    const before = await inToken();
    // The row refers to its material by a constraint that is checked at the commit, when the key is already made.
    await administer(
      daemon.databaseUrl,
      `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
       create constraint trigger refuse after insert on kms_key deferrable initially deferred
         for each row execute function refuse()`,
    );
    const answer = await ask(() => daemon.client().send(new CreateKeyCommand({})));
    await administer(daemon.databaseUrl, 'drop trigger refuse on kms_key');
    expect(answer).toMatchObject({ status: 500, outcome: 'KMSInternalException' });
    expect(await inToken()).toEqual(before);
    expect(await rows()).toHaveLength(1);
    // A token that hangs may still make it: it is looked for again in an hour.
    expect(await entries()).toHaveLength(1);
  });

  test('of killed workers are entered as doomed, and destroyed by the next daemon when that is due', async () => {
    const kms = daemon.client();
    let asked = 0;
    const create = () => kms.send(new CreateKeyCommand(kinds[(asked += 1) % kinds.length] ?? {}));
    const load = startLoad(create, { lines: 6, pauseMs: 0 });
    await load.served(6);
    for (const pid of childrenOf(daemon.process.pid)) process.kill(pid, 'SIGKILL');
    await load.stop();
    await until('the database forgot the dead', async () => {
      const [open] = await administer<{ n: number }>(
        daemon.databaseUrl,
        `select count(*)::int as n from pg_stat_activity where state like 'idle in transaction%'`,
      );
      return open?.n === 0;
    });
    const [known, doomed] = [await rows(), await entries()];
    for (const id of await inToken()) expect([...known, ...doomed]).toContain(id);
    for (const id of doomed) expect(known).not.toContain(id);
    expect(await disagreements(daemon)).toEqual([]);

    await administer(
      daemon.databaseUrl,
      `update doomed_object set due_at = now() - interval '1 s'`,
    );
    const next = await serve({ ...daemon.environment, CLAVIGER_JOB_INTERVAL_MS: '100' });
    await until('nothing is entered', async () => (await entries()).length === 0);
    next.child.kill('SIGTERM');
    await once(next.child, 'exit');
    expect((await inToken()).sort()).toEqual((await rows()).sort());
    expect(await disagreements(daemon)).toEqual([]);
    await until('a worker serves', async () => {
      return (await ask(async () => daemon.client().send(new CreateKeyCommand({})))).status === 200;
    });
    expect(await open(daemon.client(), key.blob)).toEqual(plaintext);
  });

  test('are explained by the doctor, entered to be destroyed in seven days when it is told to, and nothing else is', async () => {
    const id = randomBytes(32).toString('hex');
    const label = 'claviger:key:00000000-0000-4000-8000-000000000000';
    await generateAes(token, id, label);
    const details = { label, object: 'secret-key', serial: daemon.token.serial };
    const { code, out, err } = await runDoctor(daemon);
    expect([code, err]).toEqual([1, '']);
    expect(out).toMatch(
      /^orphan-object \(1\): objects of the token that nothing in the database names\n {2}why {5}A commit/,
    );
    expect(out).toContain(
      `  - ${id} label=${label} object=secret-key serial=${daemon.token.serial}\n`,
    );
    expect(out).toMatch(/\n\nclaviger doctor: 1 found, 0 mended, 1 left\n$/);
    expect(await diagnose(daemon)).toMatchObject({
      ...{ code: 1, remaining: 1, tokenAway: null },
      findings: [
        {
          kind: 'orphan-object',
          subject: id,
          details,
          repairable: true,
          mended: null,
          failed: null,
        },
      ],
    });

    expect(await diagnose(daemon, '--repair')).toMatchObject({
      ...{ code: 0, remaining: 0 },
      findings: [
        {
          ...{ kind: 'orphan-object', subject: id, failed: null },
          mended:
            'entered into doomed_object: destroyed in 7 days, unless something names it by then',
        },
      ],
    });
    expect(await entries()).toEqual([id]);
    expect(await inToken()).toContain(id);
    const healthy = await runDoctor(daemon, '--repair');
    expect(healthy).toEqual({ code: 0, err: '', out: 'claviger doctor: nothing found\n' });
  });

  test('are not looked for in a token that is away, or by a database that is, and exit code 2 says so', async () => {
    await daemon.token.moveAway();
    const away = await diagnose(daemon, '--repair');
    await daemon.token.restore();
    await token.recover();
    expect(away).toMatchObject({ code: 2, findings: [], remaining: 0 });
    expect(away.tokenAway).toMatch(/^HsmError: /);
    expect(await disagreements(daemon)).toEqual([]);
    const environment = { ...daemon.environment, DATABASE_URL: 'postgres://127.0.0.1:1/none' };
    const blind = await runDoctor({ environment });
    expect([blind.code, blind.out]).toEqual([2, '']);
    const misunderstood = await runDoctor(daemon, '--destroy');
    expect(misunderstood).toMatchObject({ code: 2, err: "error: unknown option '--destroy'\n" });
    expect(blind.err).toMatch(/^claviger: DatabaseError: The database cannot be reached: /);
  });
});

describe('a daemon that is killed while it destroys an object that nothing names', () => {
  let daemon: TestDaemon;
  let serving: ChildProcess;
  let token: Token;
  beforeAll(async () => {
    daemon = await startDaemon({
      environment: {
        CLAVIGER_JOB_INTERVAL_MS: '100',
        // A statement that a test holds up must not end by itself.
        CLAVIGER_DATABASE_STATEMENT_TIMEOUT_MS: '60000',
      },
    });
    serving = daemon.process;
    token = await openToken(tokenOptions(daemon.token));
  });
  afterAll(async () => {
    await killAll(serving);
    await token.close();
    await daemon.remove();
  });

  const entered = async (): Promise<boolean> =>
    (await administer(daemon.databaseUrl, 'select from doomed_object')).length > 0;

  const trigger = (created: string) => () => obstruct(daemon.databaseUrl, created);
  const forEach = 'for each row execute function stumble()';
  const steps: readonly {
    readonly where: string;
    readonly obstacle: () => Promise<Obstacle>;
    readonly inToken: boolean;
  }[] = [
    {
      where: 'before the token',
      obstacle: () => obstructToken(daemon.databaseUrl, daemon.token.serial),
      inToken: true,
    },
    {
      where: 'between the token and its entry',
      obstacle: trigger(`create trigger stumble before delete on doomed_object ${forEach}`),
      inToken: false,
    },
    {
      where: 'in the middle of the commit',
      obstacle: trigger(
        `create constraint trigger stumble after delete on doomed_object deferrable initially deferred ${forEach}`,
      ),
      inToken: false,
    },
  ];

  test.each(steps)(
    '$where leaves the entry to the next daemon, which finishes it',
    async ({ obstacle, inToken }) => {
      const id = randomBytes(32).toString('hex');
      await generateAes(token, id, 'claviger:key:forgotten');
      const waiting = await obstacle();
      await administer(
        daemon.databaseUrl,
        `insert into doomed_object (token_key_id, token_serial, kind, due_at) values ($1, $2, 'secret-key', now())`,
        [id, daemon.token.serial],
      );
      await waiting.reached();
      await killAll(serving);
      expect(await entered()).toBe(true);
      expect((await token.listKeys('claviger:key:')).includes(id)).toBe(inToken);
      await waiting.release();
      serving = (await serve({ ...daemon.environment })).child;
      await until('it is done', async () => !(await entered()));
      expect(await token.listKeys('claviger:key:')).toEqual([]);
      expect(await disagreements(daemon)).toEqual([]);
    },
  );
});
