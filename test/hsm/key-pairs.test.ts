import { createPublicKey, randomBytes } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { HsmError } from '../../hsm/errors';
import { KeyPairs } from '../../hsm/key-pairs';
import type { TaskName } from '../../hsm/lane-tasks';
import { toBuffer } from '../../hsm/formats';
import { aesKind } from '../../hsm/kinds';
import { Link } from '../../hsm/link';
import { mostOfOne, SlowTurn } from '../../hsm/slow-turn';
import { Turn } from '../../hsm/turn';
import { intruder } from '../support/intruder';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

/** A token as it is, but for what a test holds up or refuses on the way to it. */
let hsm: SoftHsm;
let link: Link;
let turn: Turn;
let pairs: KeyPairs;
let ran: TaskName[];
let told: string[];
let before: (task: TaskName) => Promise<void> | undefined;
let refusals: Partial<Record<TaskName, unknown>>;

beforeAll(async () => {
  hsm = await makeSoftHsm();
  link = new Link(tokenOptions(hsm), () => undefined);
  await link.connect(false);
});
afterAll(async () => {
  await link.close();
  await hsm.remove();
});

beforeEach(() => {
  [ran, told, refusals, before] = [[], [], {}, () => undefined];
  turn = new Turn();
  pairs = new KeyPairs({
    options: tokenOptions(hsm, { onEvent: ({ message }) => void told.push(message) }),
    link: {
      get live() {
        return link.live;
      },
      run: async (task, args, options) => {
        ran.push(task);
        await before(task);
        return task in refusals ? (refusals[task] as never) : link.run(task, args, options);
      },
    },
    slow: new SlowTurn(),
    inTurn: (work) => turn.take(work),
  });
});
afterEach(() => jest.restoreAllMocks());

const newPair = () =>
  ({
    id: randomBytes(32).toString('hex'),
    label: 'pair',
    spec: { purpose: 'import', bits: 2048 },
  }) as const;

const whole: readonly TaskName[] = ['preparePair', 'storePair', 'dropPrepared'];

function hold(): { readonly held: Promise<void>; readonly release: () => void } {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { held, release: () => release() };
}

/** Sent to a lane of its own, as a CreateKey's. */
async function generateKey(): Promise<void> {
  const key = { id: randomBytes(32).toString('hex'), label: 'key', modifiable: true } as const;
  await turn.take(() =>
    link.run('generateSecret', {
      ...key,
      kind: aesKind,
      ivSource: 'random',
      durableDirectory: undefined,
    }),
  );
}

test('keys are generated in turn while a pair is prepared', async () => {
  const order: string[] = [];
  before = async (task) => {
    if (task !== 'preparePair') return;
    await generateKey();
    order.push('key');
  };
  const { publicKey } = await pairs.generate(newPair(), async (work) => {
    order.push('exclusively');
    return work();
  });
  expect(order).toEqual(['key', 'exclusively']);
  expect(ran).toEqual(whole);
  const key = createPublicKey({ key: toBuffer(publicKey), format: 'der', type: 'spki' });
  expect(key.asymmetricKeyDetails).toEqual({ modulusLength: 2048, publicExponent: 65537n });
});

test('until it is stored, a pair is in the token by no means, and afterwards only there', async () => {
  const pair = newPair();
  const other = intruder(hsm);
  await pairs.generate(pair, (work) => {
    expect(other.find(pair.id)).toEqual([]);
    expect(other.all({ token: false })).toHaveLength(1);
    return work();
  });
  expect(other.find(pair.id)).toHaveLength(1);
  expect(other.all({ token: false })).toEqual([]);
});

test('pairs are generated one after the other, so that a lane stays free', async () => {
  const { held, release } = hold();
  before = () => held;
  const both = Promise.all([pairs.generate(newPair()), pairs.generate(newPair())]);
  await generateKey();
  expect(ran).toEqual(['preparePair']);
  release();
  await both;
  expect(ran.filter((task) => task === 'preparePair')).toHaveLength(2);
  expect(ran).toHaveLength(2 * whole.length);
});

test('a pair that may not be stored is gone, and the next is generated', async () => {
  const pair = newPair();
  const refusing = pairs.generate(pair, () => Promise.reject(new Error('not now')));
  await expect(refusing).rejects.toThrow('not now');
  const other = intruder(hsm);
  expect([other.find(pair.id), other.all({ token: false })]).toEqual([[], []]);
  await pairs.generate(pair);
  expect(other.find(pair.id)).toHaveLength(1);
});

test('a token that copies no private key generates the pair in turn, and is not asked again', async () => {
  refusals = { preparePair: undefined };
  const [first, second] = [newPair(), newPair()];
  await pairs.generate(first);
  await pairs.generate(second);
  expect(ran).toEqual(['preparePair', 'generatePair', 'generatePair']);
  expect(told).toEqual([
    'the token copies no private keys: others wait while it generates RSA pairs',
  ]);
  const other = intruder(hsm);
  for (const { id } of [first, second]) {
    const [key, second] = other.find(id);
    expect(second).toBeUndefined();
    expect(other.read(key, pkcs11.CKA_NEVER_EXTRACTABLE)).toEqual(Buffer.of(1));
  }
});

test('whoever would hold something meanwhile has his turn before, and keeps it', async () => {
  refusals = { preparePair: undefined };
  const { spec } = newPair();
  const first = await pairs.prepare(spec, 'resident');
  const order: string[] = [];
  const second = pairs.prepare(spec, 'resident').then((prepared) => {
    order.push('the turn of the second');
    return prepared;
  });
  await pairs.generate({ ...newPair(), prepared: first });
  order.push('the first is made');
  await first.discard();
  await pairs.generate({ ...newPair(), prepared: await second });
  await (await second).discard();
  expect(order).toEqual(['the first is made', 'the turn of the second']);
  expect(ran).toEqual(['preparePair', 'generatePair', 'generatePair']);
  await pairs.generate(newPair());
});

test('so does one that copies private keys, but not into the token', async () => {
  refusals = { storePair: undefined };
  await pairs.generate(newPair());
  await pairs.generate(newPair());
  expect(ran).toEqual([
    ...['preparePair', 'storePair', 'generatePair', 'dropPrepared'],
    'generatePair',
  ]);
  expect(intruder(hsm).all({ token: false })).toEqual([]);
});

test('a pair does not outlive the connection that it was prepared in', async () => {
  const pair = newPair();
  const generating = pairs.generate(pair, async (work) => {
    await link.recovery.now();
    return work();
  });
  await expect(generating).rejects.toMatchObject({
    code: 'token-unavailable',
    message: 'the token was connected anew meanwhile',
  });
  expect(ran).toEqual(['preparePair']);
  expect(intruder(hsm).find(pair.id)).toEqual([]);
});

test('what waited too long is not generated any more', async () => {
  const { held, release } = hold();
  before = () => held;
  const first = pairs.generate(newPair());
  const second = pairs.generate(newPair());
  jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000);
  release();
  await expect(second).rejects.toMatchObject({
    code: 'deadline',
    message: 'the generation of a key pair did not begin within 60000 ms',
  });
  await first;
  expect(ran).toEqual(whole);
});

test('more than can have their turn are refused at once', async () => {
  const { held, release } = hold();
  before = async () => {
    await held;
    throw new HsmError('failed', 'enough');
  };
  const waiting = Array.from({ length: mostOfOne }, () => pairs.generate(newPair()));
  await expect(pairs.generate(newPair())).rejects.toMatchObject({
    code: 'busy',
    message: 'too many key pairs are waiting to be generated',
  });
  release();
  const outcomes = await Promise.allSettled(waiting);
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toEqual([]);
  before = () => undefined;
  await pairs.generate(newPair());
});
