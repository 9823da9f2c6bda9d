import {
  accessKeyId,
  externalKeyId,
  rateOf,
  regionOf,
  storePrefix,
  uriPath,
  usagesOf,
} from '../../src/cli/xks-input';

describe('a prefix', () => {
  test.each([
    ['/payments', '/payments'],
    ['/emea/payments', '/emea/payments'],
    ['/A-z_0/9', '/A-z_0/9'],
    ['/kms', '/kms'],
    ['/', ''],
    ['', ''],
  ])('can be %j', (prefix, expected) => expect(storePrefix({ prefix })).toBe(expected));

  test.each(['payments', '/payments/', '//', '/a b', '/ä', '/a\n', "/'; drop table xks_store --"])(
    'cannot be %j',
    (prefix) => {
      expect(() => storePrefix({ prefix })).toThrow(
        `${JSON.stringify(prefix)} is no prefix: it is like /payments or /emea/payments, of letters, digits, - and _; / stands for none`,
      );
    },
  );

  test('is as long as the path of it may be, and no longer', () => {
    const longest = `/${'a'.repeat(116)}`;
    expect(uriPath(storePrefix({ prefix: longest }))).toHaveLength(128);
    expect(() => storePrefix({ prefix: `${longest}a` })).toThrow(
      'the prefix has 118 characters: it may have 117, for /kms/xks/v1 follows it in a path of 128',
    );
  });

  test.each(['/a/kms/xks/v1', '/kms/xks', '/a/kms/xks/b'])('is no whole path: %s', (prefix) => {
    expect(() => storePrefix({ prefix })).toThrow(
      'the prefix is what comes before /kms/xks/v1: leave that out',
    );
  });
});

describe('an external key id', () => {
  test.each(['a', '-_.', 'x'.repeat(128)])('can be %j', (id) => {
    expect(externalKeyId({ id })).toBe(id);
  });

  test.each(['', 'a b', 'ä', 'a/b', 'a:b', 'a\n', 'x'.repeat(129), "'; drop table xks_key --"])(
    'cannot be %j',
    (id) => {
      expect(() => externalKeyId({ id })).toThrow(
        `${JSON.stringify(id)} is no external key id: it has 1 to 128 letters, digits, dots, - and _`,
      );
    },
  );
});

test.each(['', 'A'.repeat(19), 'A'.repeat(31), 'a'.repeat(20), 'A1'.repeat(10)])(
  'An access key id cannot be %j',
  (id) => {
    expect(() => accessKeyId({ id })).toThrow(
      `${JSON.stringify(id)} is no access key id of a credential: it has 20 to 30 of A to Z and 2 to 7`,
    );
  },
);

test('What is left out is told from what is taken away', () => {
  expect([rateOf({}), rateOf({ rate: false }), rateOf({ rate: '1800' })]).toEqual([
    ...[undefined, null, 1800],
  ]);
  expect([regionOf({}), usagesOf({})]).toEqual([undefined, undefined]);
});

test.each(['', '0', '-1', '1.5', '1e3', '1000001', 'many', ' 1'])('A rate cannot be %j', (rate) => {
  expect(() => rateOf({ rate })).toThrow(
    `${JSON.stringify(rate)} is no rate: it is a whole number of requests a second, 1 to 1000000`,
  );
});

test.each(['', 'US-EAST-1', 'us east', 'us-east-1\n'])('A Region cannot be %j', (region) => {
  expect(() => regionOf({ region })).toThrow(
    `${JSON.stringify(region)} is no Region: it is like us-east-1`,
  );
});

test.each([
  ['DECRYPT', ['DECRYPT']],
  ['ENCRYPT', ['ENCRYPT']],
  ['DECRYPT,ENCRYPT', ['ENCRYPT', 'DECRYPT']],
])('A usage can be %s', (usage, expected) => expect(usagesOf({ usage })).toEqual(expected));

test.each(['', 'encrypt', 'ENCRYPT,', 'ENCRYPT,ENCRYPT', 'SIGN', 'ENCRYPT, DECRYPT'])(
  'A usage cannot be %j',
  (usage) => {
    expect(() => usagesOf({ usage })).toThrow(
      `${JSON.stringify(usage)} is no usage: it is ENCRYPT, DECRYPT, or ENCRYPT,DECRYPT`,
    );
  },
);
