import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { type TestDaemon, commandLine, startDaemon } from '../support/daemon';
import { recordedRequests } from '../support/audit';
import { obstructToken } from '../support/deletion';
import { listensNoMore } from '../support/listening';
import { ask } from '../support/load';
import { childrenOf, isAlive } from '../support/processes';
import { until } from '../support/until';

/** Longer than any machine takes to finish a few requests. */
const graceMs = 60_000;

describe('a daemon that is told to stop', () => {
  let daemon: TestDaemon;
  beforeEach(async () => {
    const environment = { CLAVIGER_SHUTDOWN_GRACE_MS: String(graceMs) };
    daemon = await startDaemon({ workers: 2, environment });
  });
  afterEach(() => daemon.remove());

  const stops: readonly (readonly [string, (pid: number) => void])[] = [
    ['SIGTERM', (pid) => process.kill(pid, 'SIGTERM')],
    ['SIGINT', (pid) => process.kill(pid, 'SIGINT')],
    [
      'SIGTERM twice',
      (pid) => {
        process.kill(pid, 'SIGTERM');
        process.kill(pid, 'SIGTERM');
      },
    ],
    [
      'SIGINT to every process, as a terminal sends it',
      (pid) => {
        for (const each of [pid, ...childrenOf(pid)]) process.kill(each, 'SIGINT');
      },
    ],
  ];

  test.each(stops)(
    'by %s finishes what is in flight and ends with 0, within its grace',
    async (_name, stop) => {
      const kms = daemon.client();
      const workers = childrenOf(daemon.process.pid);
      const waiting = await obstructToken(daemon.databaseUrl, daemon.token.serial);
      // Not more than one worker's database connections: both or one may get them.
      const requests = Array.from({ length: 6 }, () =>
        ask(() => kms.send(new CreateKeyCommand({}))),
      );
      await waiting.reached(requests.length);
      const asked = performance.now();
      const exited = once(daemon.process, 'exit');
      stop(daemon.process.pid ?? 0);
      await until('it listens no more', () => listensNoMore(daemon.endpoint));
      await waiting.release();
      await exited;
      const took = performance.now() - asked;
      const answers = await Promise.all(requests);
      expect(daemon.process.exitCode).toBe(0);
      expect(took).toBeLessThan(graceMs);
      expect(answers.map(({ outcome }) => outcome)).toEqual(answers.map(() => 'ok'));
      const recorded = await recordedRequests(daemon.databaseUrl);
      expect(answers.filter(({ requestId = '' }) => !recorded.has(requestId))).toEqual([]);
      expect(workers.filter(isAlive)).toEqual([]);
      process.stdout.write(`stopped after ${Math.round(took)} ms\n`);
    },
  );
});

describe('the process group of a terminal', () => {
  test('gets SIGINT as one, and the daemon still ends with 0 and says that it stopped', async () => {
    const daemon = await startDaemon({ workers: 2 });
    const child: ChildProcess = spawn(process.execPath, [commandLine, 'serve'], {
      env: daemon.environment,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let log = '';
    child.stderr?.on('data', (text: Buffer) => (log += text.toString()));
    await once(child.stdout ?? child, 'data');
    const workers = childrenOf(child.pid);
    const closed = once(child, 'close');
    process.kill(-(child.pid ?? 0), 'SIGINT');
    await closed;
    expect(child.exitCode).toBe(0);
    expect(log).toContain('"message":"stopped"');
    await until('no worker is left', () => !workers.some(isAlive));
    await daemon.remove();
  });
});
