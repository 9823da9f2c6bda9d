import type { Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';
import type { Ports } from '../src/ports';
import { Supervisor } from '../src/supervisor';
import type { ToWorker } from '../src/worker-messages';
import { recordingLog } from './support/log';

/** A worker that does nothing by itself: a test says when it serves and how it ends. */
class StandIn extends EventEmitter {
  readonly told: ToWorker[] = [];
  readonly process = { pid: 0, kill: (signal: string) => this.end(null, signal) };
  private dead = false;

  constructor(readonly environment: NodeJS.ProcessEnv) {
    super();
  }

  isDead = (): boolean => this.dead;
  isConnected = (): boolean => !this.dead;

  send(message: ToWorker): void {
    this.told.push(message);
  }

  serve(port = 4599, others: Omit<Ports, 'port'> = {}): void {
    this.emit('message', { kind: 'ready', ports: { port, ...others } });
  }

  end(code: number | null, signal: string | null = null): void {
    if (this.dead) return;
    this.dead = true;
    this.emit('exit', code, signal);
  }
}

function supervise(workers: number): {
  supervisor: Supervisor;
  made: StandIn[];
  messages: () => string[];
} {
  const made: StandIn[] = [];
  const { log, events } = recordingLog();
  const fork = (environment: NodeJS.ProcessEnv): Worker => {
    const worker = new StandIn(environment);
    made.push(worker);
    return worker as unknown as Worker;
  };
  const supervisor = new Supervisor({ workers, shutdownGraceMs: 1000, log, fork });
  return { supervisor, made, messages: () => events.map(({ message }) => message) };
}

const turn = (): Promise<void> => jest.advanceTimersByTimeAsync(0).then(() => undefined);

async function serving(workers: number): Promise<ReturnType<typeof supervise>> {
  const all = supervise(workers);
  const started = all.supervisor.start();
  all.made[0]?.serve();
  await turn();
  for (const worker of all.made.slice(1)) worker.serve();
  expect(await started).toEqual({ port: 4599 });
  expect(all.made).toHaveLength(workers);
  return all;
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test('the rest start when the first serves, so that a refused PIN is tried once', async () => {
  const { supervisor, made } = supervise(4);
  const started = supervisor.start();
  expect(made).toHaveLength(1);
  made[0]?.end(77);
  await expect(started).rejects.toThrow('a worker ended before it served (exit code 77)');
  expect(made).toHaveLength(1);
});

test('a start that fails for a later worker stops those that serve', async () => {
  const { supervisor, made } = supervise(2);
  const started = supervisor.start();
  made[0]?.serve();
  await turn();
  made[1]?.end(null, 'SIGSEGV');
  await turn();
  expect(made[0]?.told).toEqual([{ kind: 'stop', lingerMs: 250 }]);
  made[0]?.end(0);
  await expect(started).rejects.toThrow('a worker ended before it served (SIGSEGV)');
});

test('workers that die as soon as they start are replaced with growing pauses', async () => {
  const { made } = await serving(1);
  await jest.advanceTimersByTimeAsync(60_000);
  made[0]?.end(null, 'SIGSEGV');
  await turn();
  expect(made).toHaveLength(2);
  for (const [i, delayMs] of [100, 200, 400].entries()) {
    made[i + 1]?.end(1);
    await jest.advanceTimersByTimeAsync(delayMs - 1);
    expect(made).toHaveLength(i + 2);
    await jest.advanceTimersByTimeAsync(1);
    expect(made).toHaveLength(i + 3);
  }
});

test('a worker that took long to start and never served counts as one that dies at once', async () => {
  const { made } = await serving(1);
  made[0]?.end(1);
  await jest.advanceTimersByTimeAsync(100);
  await jest.advanceTimersByTimeAsync(30_000);
  made[1]?.end(1);
  await jest.advanceTimersByTimeAsync(199);
  expect(made).toHaveLength(2);
  await jest.advanceTimersByTimeAsync(1);
  expect(made).toHaveLength(3);
});

test('the port stays when the last worker, and the listening socket with it, is gone', async () => {
  const { made, messages } = await serving(1);
  made[0]?.end(null, 'SIGKILL');
  await jest.advanceTimersByTimeAsync(100);
  expect(made[1]?.environment).toEqual({});
  made[1]?.serve(4600);
  await turn();
  expect(made[1]?.isDead()).toBe(true);
  expect(messages()).not.toContain('a new worker serves');
  await jest.advanceTimersByTimeAsync(1000);
  expect(made[2]?.environment).toEqual({ CLAVIGER_PORT: '4599' });
  made[2]?.serve();
  await turn();
  expect(messages().at(-1)).toBe('a new worker serves');
});

test('all the ports stay, and one that is another is enough for a worker to go', async () => {
  const ports = { xksPort: 4600, xksPingPort: 8080 };
  const { supervisor, made, messages } = supervise(1);
  const started = supervisor.start();
  made[0]?.serve(4599, ports);
  expect(await started).toEqual({ port: 4599, ...ports });
  made[0]?.end(null, 'SIGKILL');
  await jest.advanceTimersByTimeAsync(100);
  made[1]?.serve(4599, { ...ports, xksPingPort: 8081 });
  await turn();
  expect(made[1]?.isDead()).toBe(true);
  await jest.advanceTimersByTimeAsync(1000);
  expect(made[2]?.environment).toEqual({
    CLAVIGER_PORT: '4599',
    CLAVIGER_XKS_PORT: '4600',
    CLAVIGER_XKS_PING_PORT: '8080',
  });
  made[2]?.serve(4599, ports);
  await turn();
  expect(messages().at(-1)).toBe('a new worker serves');
});

test('a reload replaces one after the other: the new one serves before the old one is told to stop', async () => {
  const { supervisor, made, messages } = await serving(2);
  const reloaded = supervisor.reload();
  await turn();
  expect(made).toHaveLength(3);
  expect(made[0]?.told).toEqual([]);
  made[2]?.serve();
  await turn();
  expect(made[0]?.told).toEqual([{ kind: 'stop', lingerMs: 5000 }]);
  expect(made).toHaveLength(3);
  made[0]?.end(0);
  await turn();
  made[3]?.serve();
  await turn();
  made[1]?.end(0);
  await reloaded;
  expect(made).toHaveLength(4);
  expect(messages().at(-1)).toBe('every worker was replaced');
});

test('a reload whose new worker cannot start leaves the old ones', async () => {
  const { supervisor, made, messages } = await serving(2);
  const reloaded = supervisor.reload();
  await turn();
  made[2]?.end(1);
  await reloaded;
  expect(made.slice(0, 2).flatMap(({ told }) => told)).toEqual([]);
  expect(messages()).toEqual(['a new worker cannot start; the old ones serve on']);
  made[0]?.end(null, 'SIGSEGV');
  await jest.advanceTimersByTimeAsync(100);
  expect(made).toHaveLength(4);
});

test('an old worker that dies during its own replacement is not replaced twice', async () => {
  const { supervisor, made } = await serving(1);
  const reloaded = supervisor.reload();
  await turn();
  made[0]?.end(null, 'SIGSEGV');
  made[1]?.serve();
  await reloaded;
  await jest.advanceTimersByTimeAsync(10_000);
  expect(made).toHaveLength(2);
});

test('a worker that does not end in time is killed, and the log says so', async () => {
  const { supervisor, made, messages } = await serving(1);
  const stopped = supervisor.stop();
  await jest.advanceTimersByTimeAsync(2999);
  expect(made[0]?.isDead()).toBe(false);
  await jest.advanceTimersByTimeAsync(1);
  await stopped;
  expect(made[0]?.isDead()).toBe(true);
  expect(messages()).toEqual(['a worker did not end in time and is killed']);
});

test('nothing is started any more once it stops', async () => {
  const { supervisor, made } = await serving(2);
  made[0]?.end(null, 'SIGSEGV');
  const stopped = supervisor.stop();
  made[1]?.end(0);
  await stopped;
  await jest.advanceTimersByTimeAsync(10_000);
  expect(made).toHaveLength(2);
});

test('a message that a dying worker cannot take does not end the primary', async () => {
  const { made } = await serving(1);
  expect(() => made[0]?.emit('error', new Error('write EPIPE'))).not.toThrow();
});

test('the workers share rates: who is short gets what the others do not use', async () => {
  const { made } = await serving(2);
  const rate = { key: 'k', perSecond: 100 };
  made[0]?.emit('message', { kind: 'rates-held', held: [{ ...rate, amount: 0 }] });
  await jest.advanceTimersByTimeAsync(15);
  expect(made[0]?.told).toEqual([
    { kind: 'rates-granted', granted: [{ ...rate, amount: expect.closeTo(1.5) as number }] },
  ]);
  expect(made[1]?.told).toEqual([]);
});

test('what a dead worker had of a rate holds up nobody', async () => {
  const { made } = await serving(2);
  const rate = { key: 'k', perSecond: 100 };
  made[0]?.emit('message', { kind: 'rates-held', held: [{ ...rate, amount: 0 }] });
  made[1]?.emit('message', { kind: 'rates-held', held: [{ ...rate, amount: 0 }] });
  made[1]?.end(null, 'SIGSEGV');
  await jest.advanceTimersByTimeAsync(15);
  expect(made[0]?.told).toEqual([
    { kind: 'rates-granted', granted: [{ ...rate, amount: expect.closeTo(1.5) as number }] },
  ]);
});
