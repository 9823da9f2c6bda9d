import { createHash, createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { Secret } from '../../src/auth/secret';
import { SigningKey, SigningKeys } from '../../src/auth/sigv4-keys';

const SCOPE = { date: '20150830', region: 'us-east-1', service: 'iam' };
const ISO = '20150830T123600Z';
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

/** The same signature by the book, with node's own HMAC. */
function reference(secret: string, iso: string, canonicalHash: string): string {
  const mac = (key: string | Buffer, text: string): Buffer =>
    createHmac('sha256', key).update(text).digest();
  const steps = [SCOPE.date, SCOPE.region, SCOPE.service, 'aws4_request'];
  const key = steps.reduce<string | Buffer>(mac, `AWS4${secret}`);
  const scope = steps.join('/');
  return mac(key, `AWS4-HMAC-SHA256\n${iso}\n${scope}\n${canonicalHash}`).toString('hex');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

test("the signature is the one of AWS's published example", () => {
  const canonical = [
    'GET',
    '/',
    'Action=ListUsers&Version=2010-05-08',
    'content-type:application/x-www-form-urlencoded; charset=utf-8',
    'host:iam.amazonaws.com',
    `x-amz-date:${ISO}`,
    '',
    'content-type;host;x-amz-date',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  ].join('\n');
  const key = new SigningKey(new Secret(SECRET), SCOPE);
  expect(key.sign(ISO, canonical)).toBe(
    '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
  );
});

test('the padded one-shot hashes are HMAC, whatever the secret and however often a key is used', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.array(fc.string()), (secret, canonicals) => {
      const key = new SigningKey(new Secret(secret), SCOPE);
      for (const canonical of canonicals) {
        expect(key.sign(ISO, canonical)).toBe(reference(secret, ISO, sha256(canonical)));
      }
    }),
  );
});

test('a signature verifies only whole, in lower case and as ASCII', () => {
  const key = new SigningKey(new Secret(SECRET), SCOPE);
  const good = key.sign(ISO, 'x');
  expect(key.verify(good, ISO, 'x')).toBe(true);
  const bad = [
    good.toUpperCase(),
    good.slice(1),
    `${good}0`,
    '',
    String.fromCharCode(good.charCodeAt(0) + 256) + good.slice(1),
  ];
  for (const signature of bad) expect(key.verify(signature, ISO, 'x')).toBe(false);
  expect(key.verify(good, ISO, 'y')).toBe(false);
  expect(key.verify(good, '20150830T123601Z', 'x')).toBe(false);
});

test('a key is derived once for a credential, and again when the secret changes', () => {
  const keys = new SigningKeys();
  const first = keys.get('AKID/a', SCOPE, new Secret(SECRET));
  expect(keys.get('AKID/a', SCOPE, new Secret(SECRET))).toBe(first);
  const changed = keys.get('AKID/a', SCOPE, new Secret('another'));
  expect(changed).not.toBe(first);
  expect(changed.sign(ISO, 'x')).toBe(reference('another', ISO, sha256('x')));
  expect(keys.size).toBe(1);
});

test('the keys of an access key are forgotten when it is dropped', () => {
  const keys = new SigningKeys();
  const secret = new Secret(SECRET);
  const first = keys.get('AKID/a', SCOPE, secret);
  keys.get('OTHER/a', SCOPE, secret);
  keys.drop('AKID');
  expect(keys.size).toBe(1);
  expect(keys.get('AKID/a', SCOPE, secret)).not.toBe(first);
});

test('the decoy is one key a scope, and nobody can guess it', () => {
  const keys = new SigningKeys();
  expect(keys.decoy(SCOPE)).toBe(keys.decoy(SCOPE));
  expect(keys.decoy(SCOPE).sign(ISO, 'x')).not.toBe(new SigningKeys().decoy(SCOPE).sign(ISO, 'x'));
});

test('a signing key shows none of its bytes when printed', () => {
  const key = new SigningKey(new Secret(SECRET), SCOPE);
  expect(inspect(key, { showHidden: true, depth: 9 })).toBe('SigningKey {}');
  expect(JSON.stringify(key)).toBe('{}');
});
