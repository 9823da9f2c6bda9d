import type { XksCaller, XksCredential, XksReply, XksSigning } from '../support/xks-client';
import {
  about,
  authenticationFailed,
  refused,
  succeeded,
  unknownPath,
} from '../support/xks-requests';
import {
  type XksTarget,
  issueCredential,
  makeKey,
  makeStore,
  openXksTarget,
} from '../support/xks-target';

/** Who may call an XKS proxy, and in which order it looks (xks-proxy §1.2, §1.10, §1.11). */
let target: XksTarget;
let kms: XksCaller;
let other: XksCaller;

beforeAll(async () => {
  target = await openXksTarget();
  [kms, other] = [await makeStore(target, 'mine'), await makeStore(target, 'others')];
  await makeKey(target, kms, 'one');
});
afterAll(async () => {
  for (const caller of [kms, other]) caller.close();
  await target.remove();
});

const body = { requestMetadata: about('CreateKey') };
const tails = ['health', 'keys/one/metadata', 'keys/one/encrypt', 'keys/one/decrypt'];

const metadata = (signing: XksSigning = {}): Promise<XksReply> =>
  kms.call('keys/one/metadata', body, signing);

describe('A signature', () => {
  test('over host and x-amz-date alone is enough', async () => {
    const sent = await kms.signed(`${kms.prefix}/kms/xks/v1/keys/one/metadata`, body);
    expect(sent.rawHeaders.join()).toContain('SignedHeaders=host;x-amz-date,');
    expect(succeeded(await kms.send(sent))).toHaveProperty('keyStatus');
  });

  test('may be over more headers, as other clients have it', async () => {
    const headers = { 'content-type': 'application/json', 'x-amz-extra': ' two  words ' };
    expect(succeeded(await metadata({ headers }))).toHaveProperty('keyStatus');
  });

  const minute = 60_000;
  test.each([
    ['4 minutes ago', -4 * minute],
    ['4 minutes ahead', 4 * minute],
  ])('of %s is taken', async (_when, skew) => {
    expect(succeeded(await metadata({ at: Date.now() + skew }))).toHaveProperty('keyStatus');
  });

  const wrong: readonly (readonly [string, () => XksSigning])[] = [
    ['of 6 minutes ago', () => ({ at: Date.now() - 6 * minute })],
    ['of 6 minutes ahead', () => ({ at: Date.now() + 6 * minute })],
    ['of yesterday', () => ({ at: Date.now() - 1440 * minute })],
    ['for another Region', () => ({ region: 'eu-west-9' })],
    ['for another service', () => ({ service: 'kms' })],
    ['with another secret', () => ({ secret: 'x'.repeat(43) })],
    ['with an unknown access key id', () => ({ accessKeyId: 'A'.repeat(20) })],
    ['with an access key id of other characters', () => ({ accessKeyId: 'a{}0189*' })],
    ['with a session token', () => ({ sessionToken: 'token' })],
    ['with the credential of another store', () => ({ credential: other.credential })],
  ];
  test.each(wrong)('%s is refused, and nobody is told why', async (_what, signing) => {
    for (const tail of tails) {
      expect(refused(await kms.call(tail, body, signing()))).toEqual(authenticationFailed);
    }
  });

  type Sent = Awaited<ReturnType<XksCaller['signed']>>;
  const withHeaders = (sent: Sent, change: (name: string, value: string) => string[]): Sent => ({
    ...sent,
    rawHeaders: sent.rawHeaders.flatMap((name, i, all) =>
      i % 2 === 0 ? change(name.toLowerCase(), all[i + 1] ?? '') : [],
    ),
  });
  const tampered: readonly (readonly [string, (sent: Sent) => Sent])[] = [
    [
      'no Authorization',
      (sent) => withHeaders(sent, (n, v) => (n === 'authorization' ? [] : [n, v])),
    ],
    [
      'two of them',
      (sent) => withHeaders(sent, (n, v) => (n === 'authorization' ? [n, v, n, v] : [n, v])),
    ],
    [
      'another scheme',
      (sent) => withHeaders(sent, (n, v) => [n, n === 'authorization' ? `Bearer ${v}` : v]),
    ],
    ['an empty one', (sent) => withHeaders(sent, (n, v) => [n, n === 'authorization' ? '' : v])],
    [
      'its last digit changed',
      (sent) => withHeaders(sent, (n, v) => [n, n === 'authorization' ? flipped(v) : v]),
    ],
    [
      'x-amz-date left unsigned',
      (sent) =>
        withHeaders(sent, (n, v) => [
          n,
          n === 'authorization' ? v.replace('host;x-amz-date', 'host') : v,
        ]),
    ],
    [
      'host left unsigned',
      (sent) =>
        withHeaders(sent, (n, v) => [
          n,
          n === 'authorization' ? v.replace('host;x-amz-date', 'x-amz-date') : v,
        ]),
    ],
    ['no x-amz-date', (sent) => withHeaders(sent, (n, v) => (n === 'x-amz-date' ? [] : [n, v]))],
    [
      'a Date in place of x-amz-date',
      (sent) =>
        withHeaders(sent, (n, v) =>
          n === 'x-amz-date'
            ? ['date', v]
            : [n, n === 'authorization' ? v.replace('x-amz-date', 'date') : v],
        ),
    ],
    [
      'another x-amz-date',
      (sent) => withHeaders(sent, (n, v) => [n, n === 'x-amz-date' ? later(v) : v]),
    ],
    ['another host', (sent) => withHeaders(sent, (n, v) => [n, n === 'host' ? 'xks.example' : v])],
    [
      'another body',
      (sent) => ({
        ...sent,
        body: Buffer.from(sent.body.toString().replace('CreateKey', 'DeleteKey')),
      }),
    ],
    ['another key in its path', (sent) => ({ ...sent, url: sent.url.replace('/one/', '/two/') })],
    [
      'another operation in its path',
      (sent) => ({ ...sent, url: sent.url.replace('metadata', 'encrypt') }),
    ],
  ];
  test.each(tampered)('with %s is refused', async (_what, change) => {
    const sent = await kms.signed(`${kms.prefix}/kms/xks/v1/keys/one/metadata`, body);
    expect(refused(await kms.send(change(sent)))).toEqual(authenticationFailed);
    expect(succeeded(await kms.send(sent))).toHaveProperty('keyStatus');
  });
});

function flipped(text: string): string {
  return `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`;
}

/** A second later, or earlier. */
function later(iso: string): string {
  return iso.replace(
    /(\d)Z$/,
    (_all, digit: string) => `${digit === '0' ? 1 : Number(digit) - 1}Z`,
  );
}

describe('Credentials', () => {
  test('of a store may be several, and come and go without a restart', async () => {
    const rotating = await makeStore(target, 'rotating');
    const call = (credential: XksCredential): Promise<XksReply> =>
      rotating.call('health', body, { credential });
    const old = rotating.credential;
    const fresh = await issueCredential(target, rotating.prefix);
    for (const credential of [old, fresh]) {
      expect(succeeded(await call(credential))).toHaveProperty('ekmVendor');
    }
    await target.run('credential', 'disable', rotating.prefix, old.accessKeyId);
    expect(refused(await call(old))).toEqual(authenticationFailed);
    expect(succeeded(await call(fresh))).toHaveProperty('ekmVendor');
    await target.run('credential', 'enable', rotating.prefix, old.accessKeyId);
    expect(succeeded(await call(old))).toHaveProperty('ekmVendor');
    await target.run('credential', 'delete', rotating.prefix, old.accessKeyId);
    expect(refused(await call(old))).toEqual(authenticationFailed);
    expect(succeeded(await call(fresh))).toHaveProperty('ekmVendor');
    rotating.close();
  });

  test('have the form that AWS KMS demands', () => {
    expect(kms.credential.accessKeyId).toMatch(/^[A-Z2-7]{20,30}$/);
    expect(kms.credential.secret).toMatch(/^[a-zA-Z0-9/+=]{43,64}$/);
  });
});

describe('What is looked at first', () => {
  test.each(['GET', 'PUT', 'DELETE', 'PATCH'])(
    '%s of each URI is 405, whoever asks',
    async (method) => {
      for (const tail of tails) {
        const reply = await kms.call(tail, '', { method, secret: 'nobody’s' });
        expect([reply.status, reply.headers.allow, reply.text]).toEqual([405, 'POST', '']);
      }
    },
  );

  test.each([
    ['another prefix', '/nobody-has-this', 'health'],
    ['no prefix', '', 'keys/one/metadata'],
  ])('%s is no path, even with a good signature', async (_what, prefix, tail) => {
    for (const method of ['POST', 'GET']) {
      const sent = await kms.signed(`${prefix}/kms/xks/v1/${tail}`, body, { method });
      expect(refused(await kms.send(sent))).toEqual(unknownPath);
    }
  });

  test.each([
    'keys/one/nothing',
    'keys/one',
    'keys/a:b/encrypt',
    `keys/${'k'.repeat(129)}/encrypt`,
    'health/',
    'health?a=b',
    'nothing',
  ])('%s is no path', async (tail) => {
    const sent = await kms.signed(`${kms.prefix}/kms/xks/v1/${tail}`, body);
    expect(refused(await kms.send(sent))).toEqual(unknownPath);
  });

  test('Another version of the API is no path', async () => {
    const sent = await kms.signed(`${kms.prefix}/kms/xks/v2/health`, body);
    expect(refused(await kms.send(sent))).toEqual(unknownPath);
  });

  test('Who is not authenticated is told so, whatever else is wrong', async () => {
    for (const tail of ['keys/missing/encrypt', 'keys/one/encrypt', 'health']) {
      for (const nonsense of ['', '{', '{"requestMetadata":{}}', 'x'.repeat(20_000)]) {
        const reply = await kms.call(tail, nonsense, { secret: 'x'.repeat(43) });
        expect(refused(reply)).toEqual(authenticationFailed);
      }
    }
  });
});
