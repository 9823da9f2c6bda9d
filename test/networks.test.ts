import { NetworkFault, normalAddress, readNetworks } from '../src/networks';

const faultOf = (settings: Parameters<typeof readNetworks>[0]): string => {
  try {
    readNetworks(settings);
  } catch (error) {
    if (error instanceof NetworkFault) return error.message;
    throw error;
  }
  return 'no fault';
};

describe('trusted proxies', () => {
  const of = (trustedProxies: string, address: string): boolean =>
    readNetworks({ trustedProxies })(address).trusted;

  test.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.4', false],
    [' 10.1.2.3 , 192.0.2.0/24 ,', '192.0.2.9', true],
    ['2001:db8::/32', '2001:db8::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['2001:DB8:0::1', '2001:db8::1', true],
    ['0.0.0.0/0', '203.0.113.1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '203.0.113.1', false],
    ['127.0.0.0/8', 'unknown', false],
  ])('%p has %s in it: %p', (setting, address, trusted) => {
    expect(of(setting, address)).toBe(trusted);
    expect(of(setting, address)).toBe(trusted);
  });

  test('are none where none are set', () => {
    expect(readNetworks({})('127.0.0.1')).toEqual({ trusted: false, zone: undefined });
  });

  test.each([
    ['10.0.0.0/33', "'10.0.0.0/33' has a prefix longer than 32 bits"],
    ['2001:db8::/129', "'2001:db8::/129' has a prefix longer than 128 bits"],
    ['10.0.0/8', "'10.0.0/8' is not a network such as 10.0.0.0/8"],
    ['10.0.0.0/', "'10.0.0.0/' is not a network such as 10.0.0.0/8"],
    ['10.0.0.0/-1', "'10.0.0.0/-1' is not a network such as 10.0.0.0/8"],
    ['proxy.example.org', "'proxy.example.org' is not a network such as 10.0.0.0/8"],
    ['fe80::1%eth0', "'fe80::1%eth0' is not a network such as 10.0.0.0/8"],
    ['::ffff:10.0.0.0/104', "'::ffff:10.0.0.0/104' is a network of IPv4: write it so"],
  ])('%p is a fault', (trustedProxies, fault) => {
    expect(faultOf({ trustedProxies })).toBe(fault);
  });
});

describe('network zones', () => {
  const zones =
    '10.0.0.0/8=vpc-wide,10.1.0.0/16=vpc-1/vpce-1,10.1.2.3 = vpce-one,2001:db8::/32=vpce-6';

  test.each([
    ['10.9.9.9', { vpcId: 'vpc-wide' }],
    ['10.1.9.9', { vpcId: 'vpc-1', vpceId: 'vpce-1' }],
    ['10.1.2.3', { vpceId: 'vpce-one' }],
    ['2001:db8::9', { vpceId: 'vpce-6' }],
    ['192.0.2.1', undefined],
  ])('%s is in the zone with the narrowest network around it', (address, zone) => {
    expect(readNetworks({ zones })(address).zone).toEqual(zone);
  });

  test.each([
    ['10.0.0.0/8', "'10.0.0.0/8' is not <network>=<vpc id>/<vpce id>"],
    ['10.0.0.0/8=', "'' is not a zone such as vpc-1234/vpce-5678"],
    ['10.0.0.0/8=eni-1', "'eni-1' is not a zone such as vpc-1234/vpce-5678"],
    ['10.0.0.0/8=vpc-1/vpc-2', "'vpc-1/vpc-2' is not a zone such as vpc-1234/vpce-5678"],
    ['10.0.0.0/8=vpc-1/', "'vpc-1/' is not a zone such as vpc-1234/vpce-5678"],
    ['ten=vpc-1', "'ten' is not a network such as 10.0.0.0/8"],
    ['10.0.0.0/8=vpc-1,10.0.0.0/8=vpc-2', "'10.0.0.0/8' is in two zones"],
  ])('%p is a fault', (setting, fault) => {
    expect(faultOf({ zones: setting })).toBe(fault);
  });
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['0:0:0:0:0:ffff:c000:201', '192.0.2.1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::1', '::1'],
  ['192.0.2.256', undefined],
  ['0300.0.2.1', undefined],
  ['example.org', undefined],
  ['', undefined],
])('the address %p is written %p', (text, written) => {
  expect(normalAddress(text)).toBe(written);
});
