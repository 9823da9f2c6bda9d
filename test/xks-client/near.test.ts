import { isNear } from '../../src/xks-client/near';

test.each([
  ...['127.0.0.1', '127.255.0.9', '0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255'],
  ...['::1', '::', 'fe80::1', 'febf::1', 'ff02::1', '::ffff:127.0.0.1', '::ffff:a9fe:a9fe'],
])('%s is near', (address) => {
  expect(isNear(address)).toBe(true);
});

test.each([
  ...['10.0.0.1', '192.168.1.1', '172.16.0.1', '128.0.0.1', '169.253.0.1', '203.0.113.9'],
  ...['2001:db8::1', 'fc00::1', '::ffff:10.0.0.1', 'localhost', ''],
])('%s is not', (address) => {
  expect(isNear(address)).toBe(false);
});
