import { format, inspect } from 'node:util';
import { Secret } from '../../src/auth/secret';

const TEXT = 'correct horse battery staple';

test('a secret says (redacted) however it is printed', () => {
  const secret = new Secret(TEXT);
  const printed = [
    String(secret),
    [secret].join(),
    JSON.stringify({ secret }),
    inspect({ secret }, { showHidden: true, depth: 9 }),
    format('%s %o %j', secret, secret, secret),
    inspect(Object.assign(new Error('x'), { secret })),
  ];
  for (const text of printed) {
    expect(text).toContain('(redacted)');
    expect(text).not.toContain('horse');
  }
  expect(Object.keys(secret)).toEqual([]);
});

test('a secret gives back what it was given, as bytes and as text', () => {
  expect(new Secret(TEXT).reveal()).toEqual(Buffer.from(TEXT));
  expect(new Secret('schlüssel').revealText()).toBe('schlüssel');
  expect(new Secret(Buffer.from([0, 255, 128])).reveal()).toEqual(Buffer.from([0, 255, 128]));
  expect(new Secret('äö').length).toBe(4);
});

test('a secret keeps its own copy, outside the slab that other buffers share', () => {
  const bytes = Buffer.from(TEXT);
  const secret = new Secret(bytes);
  bytes.fill(0);
  expect(secret.revealText()).toBe(TEXT);
  expect(secret.reveal().buffer.byteLength).toBe(TEXT.length);
});

test('secrets are equal when their bytes are', () => {
  const secret = new Secret(TEXT);
  expect(secret.equals(secret)).toBe(true);
  expect(secret.equals(new Secret(Buffer.from(TEXT)))).toBe(true);
  expect(secret.equals(new Secret(TEXT.replace('h', 'H')))).toBe(false);
  expect(secret.equals(new Secret(`${TEXT} `))).toBe(false);
});

test('a wiped secret holds zeros only', () => {
  const secret = new Secret(TEXT);
  secret.wipe();
  expect(secret.reveal().every((byte) => byte === 0)).toBe(true);
});
