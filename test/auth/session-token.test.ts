import {
  accountOfSessionKeyId,
  isSessionKeyId,
  newSessionKeyId,
} from '../../src/auth/access-key-ids';
import { formatToken, parseToken } from '../../src/auth/session-token';

const sealed = { sealingKeyId: 'ab'.repeat(32), blob: Buffer.alloc(100, 7) };
const text = formatToken(sealed);

describe('a session token', () => {
  test('names its sealing key before what is sealed', () => {
    expect(parseToken(text)).toEqual(sealed);
  });

  test.each([
    ['nothing', ''],
    ['text that is no base64', 'not a token!'],
    ['base64 in the alphabet of URLs', text.replaceAll('A', '-')],
    ['bits after the last byte', text.replace(/.(=*)$/, '/$1')],
    ['blanks', ` ${text}`],
    ['no padding', text.replace(/=+$/, '')],
    ['another version', formatToken(sealed).replace(/^A/, 'B')],
    ['nothing sealed', formatToken({ ...sealed, blob: Buffer.alloc(58) })],
    ['more than 8192 characters', formatToken({ ...sealed, blob: Buffer.alloc(6200) })],
  ])('is not one with %s', (_, wrong) => {
    expect(wrong).not.toBe(text);
    expect(parseToken(wrong)).toBeUndefined();
  });
});

describe('an access key id of temporary credentials', () => {
  test.each(['000000000000', '111122223333', '999999999999'])(
    'holds its account: %s',
    (account) => {
      const id = newSessionKeyId(account, Buffer.from('ffffffffffff', 'hex'));
      expect(id).toMatch(/^ASIA[A-Z2-7]{16}$/);
      expect(isSessionKeyId(id)).toBe(true);
      expect(accountOfSessionKeyId(id)).toBe(account);
    },
  );

  test('of AWS’s own making is read in the same way', () => {
    expect(accountOfSessionKeyId('ASIAQNZGKIQY56JQ7WML')).toBe('029608264753');
  });

  test.each(['', 'ASIA', 'AKIAIOSFODNN7EXAMPLE', 'ASIAIOSFODNN7EXAMPL1', 'ASIA7777777777777777'])(
    'is not %p, which says of no account',
    (id) => {
      expect(accountOfSessionKeyId(id)).toBeUndefined();
    },
  );
});
