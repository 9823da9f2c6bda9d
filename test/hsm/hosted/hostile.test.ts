import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { Duplex, Transform } from 'node:stream';
import { HsmError, residentKey } from '../../../hsm/index';
import { Channel } from '../../../hsm/hosted/channel';
import type { FromHost, Opened, ToHost } from '../../../hsm/hosted/messages';
import * as processes from '../../../hsm/hosted/start-process';
import { HostedToken } from '../../../hsm/hosted/token';
import { until } from '../../support/until';

const key = residentKey('ab'.repeat(32));
const aad = Buffer.from('context');
const opened = {
  status: { state: 'ready', label: 'one', serial: '0001', manufacturer: 'A', model: 'B' },
  counters: {
    ...{ sessions: 1, cachedKeys: 0, cacheHits: 0, cacheMisses: 0, keySearches: 0 },
    ...{ recoveries: 0, queued: 0, blockedLanes: 0 },
  },
  pinRefused: false,
  capabilities: {},
} as unknown as Opened;

type Call = Extract<ToHost, { is: 'call' }>;
type Say = (message: unknown) => void;

/** A token's process that a vendor's library has taken over: what it says to each call is the test's. */
class Stage {
  readonly says: Say[] = [];
  answer: (call: Call, say: Say) => void = () => undefined;
  serials: string[] = ['0001'];

  constructor() {
    jest.spyOn(processes, 'startProcess').mockImplementation(() => this.start());
  }

  async open(): Promise<HostedToken> {
    const readPin = (): string => 'not asked for';
    const given = { module: 'm.so', label: 'one', lanes: 1, deadlineMs: 20_000, maxCachedKeys: 1 };
    const token = await HostedToken.open(
      {
        ...given,
        readPin,
        onEvent: ({ level }) => levels.push(level),
        local: true,
        ivSource: 'random',
      },
      {},
    );
    open.push(token);
    return token;
  }

  private start(): processes.Started {
    const [there, back] = [copying(), copying()];
    const child = Object.assign(new EventEmitter(), {
      ...{ pid: 1, ref: () => undefined },
      kill: () => child.emit('exit', null, 'SIGKILL'),
    });
    const channel: Channel<FromHost, ToHost> = new Channel(
      Duplex.from({ readable: there, writable: back }),
      {
        onMessage: (message) => this.hear(message, say, () => child.kill()),
        onEnd: () => undefined,
      },
    );
    const say: Say = (message) => channel.send(message as FromHost);
    this.says.push(say);
    const pipe = Duplex.from({ readable: back, writable: there });
    return { child: child as unknown as ChildProcess, pipe };
  }

  private hear(message: ToHost, say: Say, end: () => void): void {
    if (message.is === 'open') {
      const serial = this.serials.shift() ?? '0001';
      say({ is: 'opened', opened: { ...opened, status: { ...opened.status, serial } } });
    } else if (message.is === 'close') end();
    else if (message.is !== 'call') return;
    else if (message.method !== 'generateRandom') this.answer(message, say);
    else say({ is: 'answer', seq: message.seq, value: Buffer.alloc(Number(message.args[0])) });
  }
}

/** As a pipe between processes does: who writes wipes what was written. */
function copying(): Transform {
  return new Transform({ transform: (chunk: Buffer, _, done) => done(null, Buffer.from(chunk)) });
}

let stage: Stage;
const open: HostedToken[] = [];
const levels: string[] = [];
beforeEach(() => (stage = new Stage()));
afterEach(async () => {
  await Promise.all(open.splice(0).map((token) => token.close()));
  jest.restoreAllMocks();
});

test.each<[string, unknown]>([
  ['nothing', null],
  ['no event', { is: 'event' }],
  ['no state', { is: 'state' }],
  ['a state without counters', { is: 'state', snapshot: { status: opened.status } }],
  ['a state of no token', { is: 'state', snapshot: { ...opened, status: { state: 'ready' } } }],
  [
    'counters that do not count',
    { is: 'state', snapshot: { ...opened, counters: { queued: {} } } },
  ],
])('a process that says %s is replaced, and the daemon lives', async (_what, message) => {
  const token = await stage.open();
  await until('it serves', () => token.status().state === 'ready');
  stage.says[0]?.(message);
  await until('the next one is there', () => stage.says.length === 2);
  await until('it serves again', () => token.status().state === 'ready');
});

test.each(['constructor', '__defineGetter__', '__proto__', 'valueOf', 'unheard of'])(
  'a message of the kind %s is passed over',
  async (is) => {
    const token = await stage.open();
    stage.answer = ({ seq }, say) => {
      say({ is });
      say({ is: 'answer', seq, value: true });
    };
    expect(await token.hasKey('ab'.repeat(32))).toBe(true);
    expect(stage.says).toHaveLength(1);
  },
);

test.each(['constructor', 'unheard of', {}, undefined])(
  'a failure of the code %p is one without a code of its own',
  async (code) => {
    const token = await stage.open();
    const failure = { code, message: 'C_Encrypt: CKR_DEVICE_ERROR' };
    stage.answer = ({ seq }, say) => say({ is: 'failure', seq, failure });
    const thrown: unknown = await token.check().catch((error: unknown) => error);
    expect(thrown).toEqual(new HsmError('failed', 'C_Encrypt: CKR_DEVICE_ERROR'));
    expect(thrown).toMatchObject({ code: 'failed' });
  },
);

const short = { code: 'failed', message: "the token's process did not answer with 12 bytes" };

test.each<[string, unknown, object]>([
  ['no initialisation vector', { ciphertext: Buffer.alloc(21) }, short],
  ['a text', { iv: 'twelve bytes', ciphertext: Buffer.alloc(21) }, short],
  [
    'a ciphertext without its tag',
    { iv: Buffer.alloc(12), ciphertext: Buffer.alloc(5) },
    { ...short, message: "the token's process did not answer with 21 bytes" },
  ],
])('what is sealed with %s is a failure', async (_what, value, failure) => {
  const token = await stage.open();
  stage.answer = ({ seq }, say) => say({ is: 'answer', seq, value });
  await expect(token.encryptAesGcm(key, aad, Buffer.from('plain'))).rejects.toMatchObject(failure);
});

test.each([
  ['a text', 'plain'],
  ['more than was sealed', Buffer.alloc(6)],
])('a plaintext that is %s is a failure', async (_what, value) => {
  const token = await stage.open();
  stage.answer = ({ seq }, say) => say({ is: 'answer', seq, value });
  const sealed = { iv: Buffer.alloc(12), ciphertext: Buffer.alloc(21), aad };
  await expect(token.decryptAesGcm(key, sealed)).rejects.toMatchObject({
    code: 'failed',
    message: "the token's process did not answer with 5 bytes",
  });
});

test('a process cannot say later that its token is another', async () => {
  const token = await stage.open();
  const status = { ...opened.status, serial: 'of the daemon', state: 'recovering' };
  stage.says[0]?.({ is: 'state', snapshot: { ...opened, status } });
  await until('it is told', () => token.status().state === 'recovering');
  expect(token.status().serial).toBe('0001');
});

test('a process that opens another token than the one before is not served', async () => {
  stage.serials = ['0001', 'of the daemon'];
  const token = await stage.open();
  stage.says[0]?.(null);
  await until('a third one is there', () => stage.says.length === 3);
  await until('it serves', () => token.status().state === 'ready');
  expect(token.status().serial).toBe('0001');
});
