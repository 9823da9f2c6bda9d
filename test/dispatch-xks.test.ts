import { Secret } from '../src/auth/secret';
import { type XksCorridor, type XksDoorRequest, handleXks } from '../src/dispatch-xks';
import { Deadlines } from '../src/xks/deadlines';
import { XksError } from '../src/xks/errors';
import type { XksRequestEvent } from '../src/xks/request-event';
import { XksSignatures } from '../src/xks/signatures';
import type { ExternalKey, XksStore } from '../src/xks/store';
import { sign } from './auth/sigv4-signing';
import { keyWith } from './support/sample-keys';
import { until } from './support/until';
import { encryptBody } from './support/xks-requests';

/** What hangs cannot be made to hang in a real token or database: here it does, at each step of the way. */
const credential = { accessKeyId: 'A'.repeat(20), secret: 'x'.repeat(43) };
const store: XksStore = {
  prefix: '/acme',
  accountId: '111122223333',
  region: 'us-east-1',
  status: 'ENABLED',
  rate: undefined,
  rules: undefined,
  credentials: new Map([[credential.accessKeyId, new Secret(credential.secret)]]),
};
const key = keyWith();
const externalKey: ExternalKey = {
  ...{ prefix: store.prefix, externalKeyId: 'one', keyId: key.keyId },
  ...{ usages: ['ENCRYPT', 'DECRYPT'], status: 'ENABLED', rules: undefined },
};

const sealed = { iv: Buffer.alloc(12, 1), ciphertext: Buffer.alloc(21, 2) };
const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

interface Stage {
  readonly corridor: XksCorridor;
  readonly lines: string[];
  readonly events: XksRequestEvent[];
  readonly unrecorded: unknown[];
  /** Requests that were let in and have not left. */
  present: number;
  overloads: number;
}

function stage(change: Partial<XksCorridor> = {}, deadlineMs = 20): Stage {
  const [lines, events, unrecorded]: [string[], XksRequestEvent[], unknown[]] = [[], [], []];
  const set: Stage = {
    lines,
    events,
    unrecorded,
    present: 0,
    overloads: 0,
    corridor: {
      stores: { find: () => store },
      externalKeys: { find: () => externalKey },
      signatures: new XksSignatures(Date.now),
      finder: { byId: () => key },
      keyring: { seal: () => sealed, open: () => Buffer.from('hello') },
      keyUses: { note: () => undefined },
      health: {
        status: () => {
          throw new Error('nobody asked for health');
        },
      },
      rates: { take: () => true },
      admission: {
        enter: () => ({ place: (set.present += 1), since: 0 }),
        leave: () => (set.present -= 1),
      },
      deadlines: new Deadlines(deadlineMs),
      audit: {
        append: (line) => Promise.resolve(void lines.push(line)),
        commitWith: never,
        close: never,
      },
      service: { region: 'us-east-1', accountId: '000000000000' },
      onRequest: (event) => events.push(event),
      onOverload: () => (set.overloads += 1),
      onUnrecorded: (error) => unrecorded.push(error),
      ...change,
    },
  };
  return set;
}

interface Different extends Partial<XksDoorRequest> {
  /** Asks for a ciphertextDataIntegrityValue. */
  readonly checked?: boolean;
}

async function request({ checked, ...change }: Different = {}): Promise<XksDoorRequest> {
  const text = JSON.stringify(
    encryptBody({ plaintext: Buffer.from('hello'), checked: checked === true }),
  );
  const signed = await sign(
    { path: '/acme/kms/xks/v1/keys/one/encrypt', body: text },
    {
      ...credential,
      at: Date.now(),
      region: 'us-east-1',
      service: 'kms-xks-proxy',
      checksum: false,
    },
  );
  return {
    ...signed,
    requestId: 'request',
    origin: { sourceIp: '192.0.2.1', secureTransport: true, userAgent: undefined, tls: undefined },
    body: () => Promise.resolve(signed.body),
    ...change,
  };
}

const late = { ok: false, error: { errorName: 'DependencyTimeoutException' } };
const named = ({ lines }: Stage): unknown[] =>
  lines.map((line) => (JSON.parse(line) as { errorCode?: string }).errorCode);

test('What hangs nowhere is answered, recorded once and told of once', async () => {
  const set = stage({}, 60_000);
  expect(await handleXks(set.corridor, await request())).toMatchObject({ ok: true });
  expect(named(set)).toEqual([undefined]);
  expect(set.events.map(({ outcome }) => outcome)).toEqual(['ok']);
  expect(set.present).toBe(0);
});

const hanging: readonly (readonly [string, Partial<XksCorridor>])[] = [
  ['the look-up of a store', { stores: { find: never } }],
  ['the look-up of an external key', { externalKeys: { find: never } }],
  ['the look-up of a KMS key', { finder: { byId: never } }],
  ['the token', { keyring: { seal: never, open: never } }],
];

test.each(hanging)(
  'When %s hangs, the answer is in time and the record says why',
  async (_what, change) => {
    const set = stage(change);
    expect(await handleXks(set.corridor, await request())).toMatchObject(late);
    expect(named(set)).toEqual(['DependencyTimeoutException']);
    expect(set.events.map(({ outcome }) => outcome)).toEqual(['DependencyTimeoutException']);
    expect(set.present).toBe(0);
  },
);

test('When the body never comes, the answer is in time, and it takes nobody’s place', async () => {
  const set = stage();
  expect(await handleXks(set.corridor, await request({ body: never }))).toMatchObject(late);
  expect(named(set)).toEqual(['DependencyTimeoutException']);
});

test('When the body comes too late, nothing is done with it', async () => {
  let arrive: (body: Buffer) => void = () => undefined;
  const set = stage();
  const body = new Promise<Buffer>((resolve) => (arrive = resolve));
  const given = await request({ body: () => body });
  expect(await handleXks(set.corridor, given)).toMatchObject(late);
  arrive(await (await request()).body());
  await body;
  await new Promise((resolve) => setImmediate(resolve));
  expect([set.present, named(set), set.events.length]).toEqual([
    0,
    ['DependencyTimeoutException'],
    1,
  ]);
});

test('When the audit log hangs, the answer is in time', async () => {
  const set = stage({ audit: { append: never, commitWith: never, close: never } });
  expect(await handleXks(set.corridor, await request())).toMatchObject(late);
  expect(set.present).toBe(0);
});

test('When the token answers too late, nothing is told of it, and its plaintext is not kept', async () => {
  let answer: (plaintext: Buffer) => void = () => undefined;
  const opening = new Promise<Buffer>((resolve) => (answer = resolve));
  // Long enough to come as far as the token on any machine.
  const set = stage({ keyring: { seal: () => sealed, open: () => opening } }, 500);
  const given = await request({ checked: true });
  expect(await handleXks(set.corridor, given)).toMatchObject(late);
  const plaintext = Buffer.from('hello');
  answer(plaintext);
  await until('the plaintext is wiped', () => plaintext.every((byte) => byte === 0));
  expect([named(set), set.events.length]).toEqual([['DependencyTimeoutException'], 1]);
});

test('Without a record there is no answer: of a success that cannot be recorded the failure is told', async () => {
  const lines: string[] = [];
  const failing = (line: string): Promise<void> => {
    lines.push(line);
    return Promise.reject(new Error('no database'));
  };
  const set = stage({ audit: { append: failing, commitWith: never, close: never } }, 60_000);
  expect(await handleXks(set.corridor, await request())).toMatchObject({
    ok: false,
    error: { errorName: 'InternalException' },
  });
  expect(lines).toHaveLength(2);
});

test('A record of a late answer that cannot be written is told to the operator', async () => {
  const set = stage({
    stores: { find: never },
    audit: {
      append: () => Promise.reject(new Error('no database')),
      commitWith: never,
      close: never,
    },
  });
  expect(await handleXks(set.corridor, await request())).toMatchObject(late);
  await until('it is told', () => set.unrecorded.length === 1);
});

test('A request that is one too many is refused at once, without a record', async () => {
  const set = stage({ admission: { enter: () => undefined, leave: () => undefined } }, 60_000);
  expect(await handleXks(set.corridor, await request())).toMatchObject({
    error: { errorName: 'ThrottlingException', message: 'Too many requests are being answered.' },
  });
  expect([set.lines, set.events, set.overloads]).toEqual([[], [], 1]);
});

test('A key that decrypts to something else makes no promise that it can be decrypted', async () => {
  const set = stage({ keyring: { seal: () => sealed, open: () => Buffer.from('hallo') } }, 60_000);
  const given = await request({ checked: true });
  const answer = await handleXks(set.corridor, given);
  expect(answer).toMatchObject({ ok: false, error: { errorName: 'InternalException' } });
  expect(named(set)).toEqual(['InternalException']);
  expect(!answer.ok && answer.error instanceof XksError && answer.error.cause).toBeInstanceOf(
    Error,
  );
});
