import fc from 'fast-check';
import { BlockList, isIPv6 } from 'node:net';
import { parseAddress, parseIpRange } from '../../src/policy/ip-range';

const isIn = (range: string, text: string): boolean | undefined => {
  const address = parseAddress(text);
  return address === undefined ? undefined : parseIpRange(range)?.(address);
};

test.each<[range: string, address: string, isIn: boolean]>([
  ['203.0.113.0/24', '203.0.113.0', true],
  ['203.0.113.0/24', '203.0.113.255', true],
  ['203.0.113.0/24', '203.0.112.255', false],
  ['203.0.113.77/24', '203.0.113.1', true],
  ['203.0.113.4/30', '203.0.113.7', true],
  ['203.0.113.4/30', '203.0.113.8', false],
  ['203.0.113.4/31', '203.0.113.5', true],
  ['203.0.113.4', '203.0.113.4', true],
  ['203.0.113.4', '203.0.113.5', false],
  ['128.0.0.0/1', '255.0.0.1', true],
  ['128.0.0.0/1', '127.255.255.255', false],
  ['0.0.0.0/0', '255.255.255.255', true],
  ['0.0.0.0/0', '::1', false],
  ['::/0', '::1', true],
  ['::/0', '1.2.3.4', false],
  ['2001:db8::/33', '2001:db8:7fff::', true],
  ['2001:db8::/33', '2001:db8:8000::', false],
  ['2001:db8::1', '2001:0DB8:0:0:0:0:0:1', true],
  ['2001:db8::1', '2001:db8::2', false],
  ['2001:db8::/127', '2001:db8::1', true],
  ['1::8', '1:0:0:0:0:0:0:8', true],
  ['::ffff:10.0.0.0/104', '10.255.0.1', true],
  ['::ffff:a00:0/104', '10.255.0.1', true],
  ['::ffff:0:0/96', '1.2.3.4', true],
  ['10.0.0.0/8', '::ffff:10.1.2.3', true],
  ['10.0.0.0/8', '::ffff:a01:203', true],
  ['10.0.0.0/8', '::10.1.2.3', false],
])('the range %s and the address %s: %j', (range, address, expected) => {
  expect(isIn(range, address)).toBe(expected);
});

test('it means what node’s own list means', () => {
  const v4 = fc.ipV4();
  const v6 = fc.ipV6().filter((text) => !/^[0:]*ffff:/i.test(text) && isIPv6(text));
  const prefixed = fc.oneof(
    fc.tuple(v4, v4, fc.integer({ min: 0, max: 32 }), fc.constant('ipv4' as const)),
    fc.tuple(v6, v6, fc.integer({ min: 0, max: 128 }), fc.constant('ipv6' as const)),
  );
  fc.assert(
    fc.property(prefixed, fc.boolean(), ([network, other, prefix, family], same) => {
      const list = new BlockList();
      list.addSubnet(network, prefix, family);
      const address = same ? network : other;
      expect(isIn(`${network}/${prefix}`, address)).toBe(list.check(address, family));
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ...[
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.4.',
    '.1.2.3.4',
    '1..3.4',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.00',
  ],
  ...[
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.-4',
    '+1.2.3.4',
    '0x1.2.3.4',
    '1.2.3.٤',
    '1.2.3.4/',
    '1.2.3.4/33',
  ],
  ...['1.2.3.4/-1', '1.2.3.4/08', '1.2.3.4/8/8', '1.2.3.4/a', '/8', '*', '1.2.3.0/255.255.255.0'],
  ...[
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '::12345',
    '::g',
    '1:',
    ':1',
    '::1/129',
  ],
  ...[
    '1:2:3:4:5:6:7::8',
    'fe80::1%eth0',
    '::1.2.3',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '::ffff:1.2.3.4/95',
    '[::1]',
  ],
])('%j is no range', (text) => {
  expect(parseIpRange(text)).toBeUndefined();
});

test('a hostile text is read once', () => {
  for (const part of ['1.', ':', '1:', '::', '0', '1.2.3.4', '::ffff:']) {
    expect(parseAddress(part.repeat(100_000))).toBeUndefined();
    expect(parseIpRange(`::/${part.repeat(100_000)}`)).toBeUndefined();
  }
});
