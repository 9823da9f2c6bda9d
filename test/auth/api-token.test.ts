import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { isApiToken, newApiToken, parseApiToken } from '../../src/auth/api-token';

const id = 'ATKN234567ABCDEFGHIJ';
const secret = `${'ab_-'.repeat(10)}xyz`;
const text = `clv_${id}_${secret}`;

describe('an API token', () => {
  test('is read as its id and the SHA-256 of its secret', () => {
    expect(isApiToken(text)).toBe(true);
    expect(parseApiToken(text)).toEqual({
      tokenId: id,
      hash: createHash('sha256').update(secret).digest(),
    });
  });

  test.each([
    ['nothing', ''],
    ['its prefix alone', 'clv_'],
    ['its id alone', `clv_${id}`],
    ['no secret', `clv_${id}_`],
    ['its last character cut off', text.slice(0, -1)],
    ['a character more', `${text}A`],
    ['padding', `${text}=`],
    ['base64 that is not that of URLs', text.replace('-', '+')],
    ['an id in lower case', text.replace(id, id.toLowerCase())],
    ['a short id', text.replace(id, id.slice(0, 15))],
    ['no prefix', text.slice(4)],
    ['a prefix in capitals', text.replace('clv', 'CLV')],
    ['a line end', `${text}\n`],
    ['a blank before it', ` ${text}`],
    ['the hash in place of the secret', `clv_${id}_${'0'.repeat(64)}`],
  ])('is not one with %s', (_, wrong) => {
    expect(parseApiToken(wrong)).toBeUndefined();
  });

  test('is no JWT, and no JWT is one', () => {
    expect(isApiToken('eyJhbGciOiJSUzI1NiJ9.e30.c2ln')).toBe(false);
  });
});

describe('a new API token', () => {
  const random = jest.fn((length: number) => Buffer.alloc(length, 0xfb));
  const made = newApiToken({ generateRandom: random });

  test('has 32 random bytes of the token, which are wiped', () => {
    expect(random).toHaveBeenCalledWith(32);
    expect(random.mock.results[0]?.value).toEqual(Buffer.alloc(32));
    expect(made.text.revealText()).toMatch(/^clv_ATKN[A-Z2-7]{16}_-_v7[A-Za-z0-9_-]{39}$/);
  });

  test('is what it is read as, and cannot be printed', () => {
    const { tokenId, hash } = made;
    expect(parseApiToken(made.text.revealText())).toEqual({ tokenId, hash });
    expect(inspect(made.text)).toBe('(redacted)');
    expect(JSON.stringify(made)).not.toContain('clv_');
  });

  test('fits into the syntax of a bearer token', () => {
    expect(`Bearer ${made.text.revealText()}`).toMatch(/^bearer +([A-Za-z0-9._~+/-]+=*) *$/i);
  });
});
