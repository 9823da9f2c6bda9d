import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openToken, residentKey, type Token, type TokenEvent } from '../../hsm/index';
import { Lanes, type LanesOptions } from '../../hsm/lanes';
import { generateAes } from '../support/generated-keys';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';
import { until } from '../support/until';

/**
 * Makes SoftHSM hang for as long as it runs: C_GetTokenInfo and key generation wait for the fcntl lock of the token's
 * `generation` file, inside the library, as calls to a dead network HSM do. Node has no fcntl locks; Python has.
 */
async function hang(hsm: SoftHsm): Promise<ChildProcess> {
  const [directory] = readdirSync(hsm.tokenDir);
  const file = join(hsm.tokenDir, directory ?? '', 'generation');
  const code =
    'import fcntl,sys; f=open(sys.argv[1],"r+b"); fcntl.lockf(f,fcntl.LOCK_EX); print("held",flush=True); sys.stdin.read()';
  const holder = spawn('python3', ['-c', code, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  return holder;
}

async function release(holder: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => holder.once('exit', resolve));
  holder.stdin?.end();
  await ended;
}

describe('a call that hangs inside the library', () => {
  const aad = Buffer.from('context');
  /** Long enough for calls that do not hang, on a machine that has much to do; waited for by those that do. */
  const deadlineMs = 1500;
  const events: TokenEvent[] = [];
  const failures: string[] = [];
  let hsm: SoftHsm;
  let token: Token;
  let id: string;

  beforeEach(async () => {
    events.length = 0;
    failures.length = 0;
    hsm = await makeSoftHsm();
    token = await openToken(
      tokenOptions(hsm, {
        // Inline calls would wait for SoftHSM's own mutex, which the hanging call holds.
        local: false,
        deadlineMs,
        onEvent: (event) => events.push(event),
        onFailed: (reason) => failures.push(reason),
      }),
    );
    id = randomBytes(32).toString('hex');
    await generateAes(token, id, 'claviger/test');
    await token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
  });

  afterEach(async () => {
    await token.close();
    await hsm.remove();
  });

  test('meets its deadline, and another lane takes over', async () => {
    const holder = await hang(hsm);
    await expect(token.check()).rejects.toMatchObject({
      name: 'HsmError',
      code: 'deadline',
      message: `check: no answer within ${deadlineMs} ms`,
    });
    expect(token.counters().blockedLanes).toBe(1);
    await release(holder);
    await token.check();
    expect((await token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'))).iv).toHaveLength(12);
    await until('the hanging call comes back', () => token.counters().blockedLanes === 0);
    expect(events.map(({ message }) => message)).toContain(
      `lane abandoned: check: no answer within ${deadlineMs} ms`,
    );
    expect(token.status().state).toBe('ready');
    expect(failures).toEqual([]);
  });

  test('fails the token for good when it happens too often', async () => {
    const holder = await hang(hsm);
    await until('too many hang', async () => {
      await expect(token.check()).rejects.toMatchObject({ name: 'HsmError' });
      return token.status().state === 'failed';
    });
    expect(failures).toEqual(['3 calls hang inside the PKCS#11 module']);
    expect(() => token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'))).toThrow(
      'the token is failed',
    );
    await release(holder);
    await until('the hanging calls come back', () => token.counters().blockedLanes === 0);
  });
});

/** What follows no real token can be made to do, so the thread behind the lane is a stand-in. */
describe('lanes before a stand-in worker', () => {
  const events: string[] = [];
  const exhausted: string[] = [];

  function make(different: Partial<LanesOptions>): Lanes {
    events.length = 0;
    exhausted.length = 0;
    return new Lanes({
      module: 'stand-in',
      count: 2,
      deadlineMs: 30_000,
      onEvent: ({ message }) => events.push(message),
      onExhausted: (reason) => exhausted.push(reason),
      workerFile: join(__dirname, '..', 'support', 'lane-stand-in.js'),
      ...different,
    });
  }

  const random = (lanes: Lanes, length: number): Promise<Uint8Array> =>
    lanes.run('random', { length }, { token: undefined });

  test('refuses calls beyond a bounded queue and answers the ones it took', async () => {
    const lanes = make({ count: 1 });
    const calls = await Promise.allSettled(Array.from({ length: 300 }, () => random(lanes, 1)));
    const refused = calls.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(300 - 257);
    expect(refused[0]).toMatchObject({
      reason: { code: 'token-unavailable', message: 'too many calls are waiting for the token' },
    });
    await lanes.close();
  });

  test('does with fewer lanes when the token refuses another session', async () => {
    const lanes = make({ count: 3 });
    const answers = await Promise.all(
      ['one', 'two', 'three', 'four'].map((labelPrefix) =>
        lanes.run('list', { labelPrefix }, { token: undefined }),
      ),
    );
    expect(answers).toEqual([['one'], ['two'], ['three'], ['four']]);
    expect(events).toEqual([
      'the token refuses another session: one lane fewer',
      'the token refuses another session: one lane fewer',
    ]);
    await lanes.close();
  });

  test('starts a crashed lane again and tells its caller', async () => {
    const lanes = make({ count: 1 });
    await random(lanes, 1);
    await expect(
      lanes.run('destroy', { id: 'aa', durableDirectory: undefined }, { token: undefined }),
    ).rejects.toMatchObject({
      code: 'failed',
      message: 'lane ended: the stand-in crashed',
    });
    expect(await random(lanes, 3)).toHaveLength(3);
    await lanes.close();
  });

  test('gives up when no lane can be started', async () => {
    const lanes = make({ workerFile: join(__dirname, 'no-such-worker.js') });
    await until('both ended', () => exhausted.length > 0);
    expect(exhausted).toEqual(['no lane can be started']);
    await expect(random(lanes, 1)).rejects.toMatchObject({
      code: 'token-unavailable',
      message: 'no lane can be started',
    });
    await lanes.close();
  });

  test('while paused takes urgent calls only', async () => {
    const lanes = make({ count: 1 });
    await lanes.pause('the token is away', 100);
    await expect(random(lanes, 1)).rejects.toMatchObject({
      code: 'token-unavailable',
      message: 'the token is away',
    });
    const urgent = { token: undefined, urgent: true };
    expect(await lanes.run('random', { length: 2 }, urgent)).toHaveLength(2);
    lanes.resume();
    expect(await random(lanes, 1)).toHaveLength(1);
    await lanes.close();
  });

  test('a call that began late costs its caller the deadline and no lane', async () => {
    const lanes = make({ count: 1 });
    await random(lanes, 1);
    // What is before it takes two seconds, and it half a second: it meets its deadline while it runs, early in its time.
    const before = lanes.run(
      'inspect',
      { ivSource: 'random', softwareUnwrap: true },
      { token: undefined },
    );
    await expect(
      lanes.run('check', undefined, { token: undefined, deadlineMs: 2200 }),
    ).rejects.toMatchObject({ code: 'deadline', message: 'check: no answer within 2200 ms' });
    await before;
    expect(await random(lanes, 1)).toHaveLength(1);
    expect(lanes.blocked).toBe(0);
    expect(events).toEqual([]);
    await lanes.close();
  });

  test('a call that waits past its deadline leaves the queue without costing a lane', async () => {
    const lanes = make({ count: 1, deadlineMs: 60 });
    const busy = lanes.run('check', undefined, { token: undefined, deadlineMs: 30_000 });
    await expect(random(lanes, 1)).rejects.toMatchObject({
      code: 'deadline',
      message: 'random: no answer within 60 ms',
    });
    expect(lanes.blocked).toBe(0);
    await busy;
    await lanes.close();
  });
});
