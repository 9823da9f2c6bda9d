import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { unrecorded } from '../support/audit';
import { type TestDaemon, commandLine, startDaemon } from '../support/daemon';
import { type SealedKey, createSealedKey, encrypt } from '../support/keys';
import { startLoad } from '../support/load';
import { childrenOf, isAlive } from '../support/processes';
import { until } from '../support/until';

/** How long the primary may wait before it replaces a worker that had served. */
const promptMs = 1000;

const served = { $metadata: { httpStatusCode: 200 } };

describe('a worker that dies under load', () => {
  let daemon: TestDaemon;
  let key: SealedKey;
  beforeAll(async () => {
    daemon = await startDaemon({ workers: 2 });
    key = await createSealedKey(daemon.client());
  });
  afterAll(() => daemon.remove());

  const messages = (text: string): Readonly<Record<string, unknown>>[] =>
    daemon.log.filter(({ message }) => message === text);

  test.each(['SIGSEGV', 'SIGKILL'] as const)(
    'of %s is replaced at once, the other serves on, and no answer lacks its record',
    async (signal) => {
      const kms = daemon.client();
      const load = startLoad(() => kms.send(encrypt(key.keyId)), { lines: 8, pauseMs: 2 });
      await load.served(50);
      const [victim, survivor] = childrenOf(daemon.process.pid) as [number, number];
      const announced = messages('a new worker serves').length;
      process.kill(victim, signal);
      const killed = performance.now();
      const deaths = () =>
        messages('a worker died and is replaced').filter(({ pid }) => pid === victim);
      await until('the primary knows', () => deaths().length > 0);
      const known = performance.now();
      await until('the primary started another', () => {
        const now = childrenOf(daemon.process.pid);
        return now.length === 2 && !now.includes(victim);
      });
      const forked = performance.now() - killed;
      await load.served(50);
      await until('the log says so', () => messages('a new worker serves').length > announced);
      const serving = performance.now() - killed;
      await load.stop();

      expect(deaths()).toEqual([expect.objectContaining({ level: 'error', pid: victim, signal })]);
      expect(Number(deaths()[0]?.['delayMs'])).toBeLessThan(promptMs);
      expect(childrenOf(daemon.process.pid)).toContain(survivor);
      // Requests that the dead worker held are cut, and connections that it was dealt before its death was known.
      const cut = load.answers.filter(({ status }) => status === undefined);
      expect(cut.filter(({ sentAt }) => sentAt > known)).toEqual([]);
      expect(load.answers.every(({ status }) => status === undefined || status === 200)).toBe(true);
      expect(await unrecorded(daemon.databaseUrl, load.answers)).toEqual([]);
      process.stdout.write(
        `${signal}: forked after ${Math.round(forked)} ms, served after ${Math.round(serving)} ms; ` +
          `${JSON.stringify(load.counts())}\n`,
      );
    },
  );

  test('both at once: the service is back without a restart of the primary', async () => {
    const announced = messages('a new worker serves').length;
    for (const pid of childrenOf(daemon.process.pid)) process.kill(pid, 'SIGKILL');
    await until(
      'two new workers serve',
      () => messages('a new worker serves').length === announced + 2,
    );
    expect(await daemon.client().send(encrypt(key.keyId))).toMatchObject(served);
  });

  test('one that cannot start again is tried again with growing pauses, and the rest serve on', async () => {
    await rm(daemon.token.pinFile);
    const delays = (): unknown[] =>
      messages('a worker died and is replaced').map(({ delayMs }) => delayMs);
    const before = delays().length;
    const [victim] = childrenOf(daemon.process.pid) as [number];
    process.kill(victim, 'SIGKILL');
    await until('three tries failed', () => delays().length >= before + 4, 60_000);
    expect(await daemon.client().send(encrypt(key.keyId))).toMatchObject(served);
    const [first = 0, second = 0, third = 0] = delays()
      .slice(before + 1)
      .map(Number);
    expect(second).toBe(Math.min(Math.max(100, first * 2), 5000));
    expect(third).toBe(Math.min(second * 2, 5000));
    await writeFile(daemon.token.pinFile, daemon.token.pin);
    const announced = messages('a new worker serves').length;
    await until('it serves', () => messages('a new worker serves').length > announced);
  });

  test('whose PIN the token refuses is not started again until SIGHUP: real tokens lock', async () => {
    const refusals = (): unknown[] =>
      messages('the token refuses the PIN: no worker is started until SIGHUP');
    await writeFile(daemon.token.pinFile, 'wrong-pin');
    const [victim, survivor] = childrenOf(daemon.process.pid) as [number, number];
    process.kill(victim, 'SIGKILL');
    await until('the PIN was refused', () => refusals().length === 1);
    await delay(1000);
    expect(refusals()).toEqual([expect.objectContaining({ level: 'error', code: 77 })]);
    expect(childrenOf(daemon.process.pid)).toEqual([survivor]);
    await writeFile(daemon.token.pinFile, daemon.token.pin);
    daemon.process.kill('SIGHUP');
    await until('two workers serve again', () => {
      const now = childrenOf(daemon.process.pid);
      return now.length === 2 && !now.includes(survivor);
    });
    expect(await daemon.client().send(encrypt(key.keyId))).toMatchObject(served);
  });
});

describe('the primary', () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await startDaemon({ workers: 2 });
  });
  afterAll(() => daemon.remove());

  const serve = (different: NodeJS.ProcessEnv): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)(process.execPath, [commandLine, 'serve'], {
      env: { ...daemon.environment, ...different },
      timeout: 60_000,
    });

  test.each([
    [
      'a token that is not there',
      { CLAVIGER_TOKEN_LABEL: 'nobody', CLAVIGER_TOKEN_SERIAL: '' },
      'claviger: HsmError: no token with label "nobody"',
    ],
    [
      'a database that refuses',
      { DATABASE_URL: 'postgres://nobody:nothing@127.0.0.1:1/none' },
      'claviger: DatabaseError: The database cannot be reached: connect ECONNREFUSED 127.0.0.1:1',
    ],
  ])('ends with exit code 1 and a clear line for %s', async (_what, different, line) => {
    const failure = await serve(different).then(
      () => undefined,
      (error: unknown) => error as { code: number; stderr: string; stdout: string },
    );
    expect(failure).toMatchObject({ code: 1, stdout: '' });
    expect(failure?.stderr.split('\n')).toContain(line);
    expect(failure?.stderr.split('\n')).toContain(
      'claviger: Error: a worker ended before it served (exit code 1)',
    );
  });

  test('that is killed leaves no worker behind', async () => {
    const child = spawn(process.execPath, [commandLine, 'serve'], {
      env: daemon.environment,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    const workers = childrenOf(child.pid);
    expect(workers).toHaveLength(2);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await until('the workers ended', () => !workers.some((pid) => isAlive(pid)));
  });

  test('that is told to stop while its workers start ends with exit code 0', async () => {
    const child = spawn(process.execPath, [commandLine, 'serve'], {
      env: { ...daemon.environment, CLAVIGER_DATA_DIR: path.dirname(daemon.token.conf) },
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    await until('a worker was started', () => childrenOf(child.pid).length > 0);
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
    expect(child.exitCode).toBe(0);
  });
});
