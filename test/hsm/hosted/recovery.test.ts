import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  HsmError,
  openHostedToken,
  residentKey,
  type Token,
  type TokenEvent,
} from '../../../hsm/index';
import { openFurtherToken } from '../../support/further-token';
import { generateAes } from '../../support/generated-keys';
import { childrenOf, isAlive } from '../../support/processes';
import { makeSoftHsm, type SoftHsm } from '../../support/softhsm';
import { tokenOptions } from '../../support/token-options';
import { until } from '../../support/until';

const run = promisify(execFile);
const aad = Buffer.from('context');
let hsm: SoftHsm;
let token: Token;
let id: string;
let pin: string;
let logins = 0;
const events: TokenEvent[] = [];

beforeAll(async () => {
  hsm = await makeSoftHsm({ further: true });
});

afterAll(() => hsm.remove());

beforeEach(async () => {
  events.length = 0;
  logins = 0;
  pin = hsm.pin;
  token = await open();
  id = randomBytes(32).toString('hex');
  await generateAes(token, id, 'claviger/test');
});

afterEach(() => token.close());

function open(deadlineMs = 15_000): Promise<Token> {
  return openFurtherToken(hsm, {
    deadlineMs,
    readPin: () => {
      logins += 1;
      return pin;
    },
    onEvent: (event) => events.push(event),
  });
}

const startMessage = "the token's process was started";
const pids = (): number[] =>
  events
    .filter(({ message }) => message === startMessage)
    .map(({ fields }) => Number(fields?.['pid']));
const pid = (): number => pids().at(-1) ?? 0;
const told = (): string[] =>
  events.map(({ message }) => message).filter((message) => message !== startMessage);
const isState = (state: string) => (): boolean => token.status().state === state;

/** Whether the key works; what it answers instead must be an HsmError that says the token is away. */
async function works(): Promise<boolean> {
  try {
    const sealed = await token.encryptAesGcm(residentKey(id), aad, Buffer.from('load'));
    const opened = await token.decryptAesGcm(residentKey(id), { ...sealed, aad });
    expect(opened.toString()).toBe('load');
    return true;
  } catch (error) {
    expect(error).toMatchObject({ name: 'HsmError', code: 'token-unavailable' });
    return false;
  }
}

test('a process that is killed is followed by another, and its calls end', async () => {
  const key = residentKey(id);
  const sealed = await token.encryptAesGcm(key, aad, Buffer.from('before'));
  const [killed] = pids();
  process.kill(pid(), 'SIGSTOP');
  const waiting = Promise.allSettled([
    token.encryptAesGcm(key, aad, Buffer.from('x')),
    token.hasKey(id),
    generateAes(token, randomBytes(32).toString('hex'), 'never'),
  ]);
  process.kill(pid(), 'SIGKILL');
  const lost = new HsmError('token-unavailable', "the token's process ended by SIGKILL");
  expect(await waiting).toEqual(
    Array.from({ length: 3 }, () => ({ status: 'rejected', reason: lost })),
  );
  expect(token.status().state).toBe('recovering');
  expect(() => token.generateRandom(8)).toThrow(
    new HsmError('token-unavailable', 'the token is recovering'),
  );
  await expect(async () => token.encryptAesGcm(key, aad, Buffer.from('x'))).rejects.toEqual(
    new HsmError('token-unavailable', 'the token is recovering'),
  );
  await until('the token recovers', isState('ready'));
  expect(await token.decryptAesGcm(key, { ...sealed, aad })).toEqual(Buffer.from('before'));
  expect(token.generateRandom(8)).toHaveLength(8);
  expect(pids()).toEqual([killed, expect.any(Number)]);
  expect(token.counters().recoveries).toBe(1);
  expect(logins).toBe(2);
  expect(told()).toEqual(["token lost: the token's process ended by SIGKILL", 'token recovered']);
});

test('a process that crashes in the library is followed by another', async () => {
  process.kill(pid(), 'SIGSEGV');
  await until('it is noticed', isState('recovering'));
  await until('the key works again', works);
  expect(told()[0]).toMatch(/^token lost: the token's process ended by SIG(SEGV|KILL)$/);
});

test('a process that hangs costs its callers no more than the deadline, and is replaced', async () => {
  await token.close();
  token = await open(1000);
  await until('the key works', works);
  process.kill(pid(), 'SIGSTOP');
  const hanging = pid();
  await expect(
    (async () => token.encryptAesGcm(residentKey(id), aad, Buffer.from('x')))(),
  ).rejects.toEqual(new HsmError('deadline', 'encryptAesGcm: no answer within 1000 ms'));
  await until('it is given up', () => !isAlive(hanging));
  await until('the key works again', works);
  expect(told()).toContain("token lost: the token's process does not answer");
});

test('every call under load ends in a result or an error while processes die', async () => {
  const tally = { done: 0, refused: 0 };
  let loading = true;
  const load = Array.from({ length: 8 }, async () => {
    while (loading) {
      if (await works()) tally.done += 1;
      else tally.refused += 1;
      await new Promise(setImmediate);
    }
  });
  for (let deaths = 0; deaths < 2; deaths += 1) {
    const { done, refused } = { ...tally };
    await until('load runs', () => tally.done > done + 50);
    process.kill(pid(), 'SIGKILL');
    await until('calls are refused', () => tally.refused > refused);
    await until('the token recovers', isState('ready'));
  }
  loading = false;
  await Promise.all(load);
  expect(token.counters().recoveries).toBe(2);
});

test('a vanished token is served again by the same process when it returns', async () => {
  await until('the key works', works);
  await hsm.moveAway();
  await expect(token.check()).rejects.toMatchObject({ code: 'token-unavailable' });
  expect(token.status().state).toBe('recovering');
  expect(() => token.generateRandom(8)).toThrow('the token is recovering');
  expect(await works()).toBe(false);
  await hsm.restore();
  await until('the token recovers', isState('ready'));
  expect(await works()).toBe(true);
  expect(pids()).toHaveLength(1);
  expect(token.counters().recoveries).toBe(1);
});

test('a token that is away when its process dies is looked for until it returns', async () => {
  await hsm.moveAway();
  process.kill(pid(), 'SIGKILL');
  await until('attempts fail', () => pids().length > 3);
  expect(token.status().state).toBe('recovering');
  await hsm.restore();
  await until('the token recovers', isState('ready'));
  expect(await works()).toBe(true);
  const failures = told().filter((message) => message.startsWith('recovery failed'));
  expect(failures).toHaveLength(1);
});

test('another token of the same label is not served in its place', async () => {
  await token.close();
  const { serial: _, ...options } = tokenOptions(hsm, { onEvent: (event) => events.push(event) });
  token = await openHostedToken(options, { SOFTHSM2_CONF: hsm.conf });
  const { serial } = token.status();
  expect(serial).toBe(hsm.serial);
  await hsm.moveAway();
  process.kill(pid(), 'SIGKILL');
  await run('mkdir', [hsm.tokenDir]);
  await hsm.addToken(hsm.label);
  const refusal = `recovery failed: no token with label "${hsm.label}" and serial ${serial}`;
  await until('it is refused', () => told().includes(refusal));
  await run('rm', ['-r', hsm.tokenDir]);
  await hsm.restore();
  await until('the token recovers', isState('ready'));
});

describe('a PIN', () => {
  test('that is refused when the token is opened is tried once, and no process stays', async () => {
    await token.close();
    pin = 'wrong';
    logins = 0;
    await expect(open()).rejects.toEqual(
      new HsmError('pin-incorrect', 'C_Login: CKR_PIN_INCORRECT'),
    );
    expect(logins).toBe(1);
    await until('the processes are gone', () => !pids().some(isAlive));
  });

  test('that cannot be read is no login, and does not tell why', async () => {
    await token.close();
    const readPin = (): string => {
      throw new Error('/a/secret/place');
    };
    await expect(openFurtherToken(hsm, { readPin })).rejects.toEqual(
      new HsmError('failed', 'the PIN cannot be read'),
    );
  });

  test('that is refused after a death is not tried again by itself, and is when somebody says so', async () => {
    const right = pin;
    pin = 'wrong';
    process.kill(pid(), 'SIGKILL');
    const refusal = 'the PIN was refused; not tried again until told to or restarted';
    await until('it is refused', () => told().includes(refusal));
    expect(logins).toBe(2);
    await expect(token.recover()).rejects.toEqual(
      new HsmError('token-unavailable', 'C_Login: CKR_PIN_INCORRECT'),
    );
    expect(logins).toBe(3);
    pin = right;
    await token.recover();
    expect(await works()).toBe(true);
  });

  test('that a living process was refused is not tried by its successor', async () => {
    pin = 'wrong';
    await expect(token.recover()).rejects.toEqual(
      new HsmError('token-unavailable', 'C_Login: CKR_PIN_INCORRECT'),
    );
    const before = logins;
    process.kill(pid(), 'SIGKILL');
    const refusal = 'the PIN was refused; not tried again until told to or restarted';
    await until('it is known', () => told().includes(refusal));
    expect(pids()).toHaveLength(1);
    pin = hsm.pin;
    await token.recover();
    expect(await works()).toBe(true);
    expect(logins).toBe(before + 1);
  });
});

describe('the end', () => {
  test('is orderly: calls end, others are refused, no process stays', async () => {
    const [served] = pids();
    const waiting = Promise.allSettled([token.hasKey(id), token.check()]);
    await token.close();
    await waiting;
    expect(token.status().state).toBe('closed');
    await expect(token.check()).rejects.toEqual(
      new HsmError('token-unavailable', 'the token is closed'),
    );
    await expect(token.recover()).rejects.toEqual(
      new HsmError('token-unavailable', 'the token is closed'),
    );
    expect(isAlive(served ?? 0)).toBe(false);
    await token.close();
  });

  test('does not wait long for a process that hangs', async () => {
    await token.close();
    token = await open(1000);
    const hanging = pid();
    process.kill(hanging, 'SIGSTOP');
    const waiting = expect(token.hasKey(id)).rejects.toEqual(
      new HsmError('token-unavailable', 'the token is closed'),
    );
    await token.close();
    await waiting;
    expect(isAlive(hanging)).toBe(false);
  });

  test('comes while the token is away, too', async () => {
    await hsm.moveAway();
    process.kill(pid(), 'SIGKILL');
    await until('attempts fail', () => pids().length > 1);
    await token.close();
    await until('the processes are gone', () => !pids().some(isAlive));
    const count = pids().length;
    await hsm.restore();
    expect(pids()).toHaveLength(count);
  });

  /** A process that opens the token and says so; what it does then is given as code. */
  function owner(then: string): ReturnType<typeof spawn> {
    const program = `
      const { openHostedToken } = require(${JSON.stringify(join(__dirname, '../../../hsm/index.js'))});
      const { options, environment } = JSON.parse(process.argv[1]);
      openHostedToken({ ...options, readPin: () => options.pin }, environment).then(async (token) => {
        process.stdout.write('open\\n');
        ${then}
      });
    `;
    const { module, label, serial, pin: right } = hsm;
    const options = {
      ...{ module, label, serial, pin: right, local: true, lanes: 1, deadlineMs: 15_000 },
      ...{ ivSource: 'random', maxCachedKeys: 10 },
    };
    const environment = { SOFTHSM2_CONF: hsm.conf };
    return spawn(process.execPath, ['-e', program, JSON.stringify({ options, environment })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  test('of the daemon is that of the process, even of one that hangs', async () => {
    const daemon = owner('setInterval(() => undefined, 1000);');
    if (daemon.stdout === null) throw new Error('no standard output');
    await once(daemon.stdout, 'data');
    const children = childrenOf(daemon.pid);
    expect(children).toHaveLength(1);
    daemon.kill('SIGKILL');
    await until('the process is gone', () => !children.some(isAlive));
  });

  test('of a command is not kept off by a token that nobody closed', async () => {
    const command = owner('');
    expect(await once(command, 'exit')).toEqual([0, null]);
  });
});
