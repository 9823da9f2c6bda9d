import { type IncomingMessage, type Server, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { originOf } from '../../src/doors/origin';
import { type NetworkSettings, readNetworks } from '../../src/networks';
import type { RequestOrigin } from '../../src/trail';

let server: Server;
let port: number;
let settings: NetworkSettings;
let seen: RequestOrigin | undefined;

beforeAll(async () => {
  server = createServer((req: IncomingMessage, res) => {
    seen = originOf(req, readNetworks(settings));
    res.end();
  });
  // Both families on one socket: IPv4 peers are shown as ::ffff:127.0.0.1.
  await new Promise<void>((resolve) => server.listen(0, '::', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

/** The origin of a request with these raw headers, from 127.0.0.1 or where `host` says. */
async function origin(
  networks: NetworkSettings,
  headers: readonly string[],
  host = '127.0.0.1',
): Promise<RequestOrigin> {
  settings = networks;
  await new Promise<void>((resolve, reject) => {
    const sent = request({ host, port, headers: ['host', 'kms', ...headers] }, (res) => {
      res.resume().on('end', resolve);
    });
    sent.on('error', reject).end();
  });
  if (seen === undefined) throw new Error('nothing was received');
  return seen;
}

const forwardedFor = (value: string): string[] => ['x-forwarded-for', value];
const proxies = { trustedProxies: '127.0.0.0/8,::1,10.0.0.0/8,2001:db8:1::/48' };

test('without trusted proxies the peer is the client, whatever it says of itself', async () => {
  const headers = [...forwardedFor('203.0.113.9'), 'x-forwarded-proto', 'https'];
  expect(await origin({}, headers)).toEqual({
    sourceIp: '127.0.0.1',
    zone: undefined,
    secureTransport: false,
    userAgent: undefined,
    referer: undefined,
    tls: undefined,
  });
});

test('a peer that is not among the trusted proxies is not believed', async () => {
  const headers = [...forwardedFor('203.0.113.9'), 'x-forwarded-proto', 'https'];
  expect(await origin({ trustedProxies: '10.0.0.0/8' }, headers)).toMatchObject({
    sourceIp: '127.0.0.1',
    secureTransport: false,
  });
});

test.each([
  ['203.0.113.9', '203.0.113.9', 'what the proxy appended'],
  ['198.51.100.1, 203.0.113.9', '203.0.113.9', 'not what the client had sent'],
  ['10.0.0.1, 203.0.113.9, 10.0.0.2', '203.0.113.9', 'the right-most hop that is no proxy'],
  ['nonsense, 203.0.113.9, 10.0.0.2', '203.0.113.9', 'nonsense to the left does not matter'],
  ['10.0.0.3, 10.0.0.2', '10.0.0.3', 'the outermost proxy that calls for itself'],
  ['2001:DB8:2::0001', '2001:db8:2::1', 'IPv6 in its one way of writing'],
  ['::ffff:203.0.113.9', '203.0.113.9', 'IPv4 in IPv6 as IPv4'],
  ['203.0.113.9:4711', '203.0.113.9', 'without its port'],
  ['[2001:db8:2::1]:4711', '2001:db8:2::1', 'IPv6 without its port'],
  ['203.0.113.9, 2001:db8:1::7', '203.0.113.9', 'through a proxy with IPv6'],
])('%p means %s: %s', async (value, sourceIp) => {
  expect((await origin(proxies, forwardedFor(value))).sourceIp).toBe(sourceIp);
});

test.each([
  ['nonsense'],
  [''],
  ['203.0.113.9,'],
  ['203.0.113.9, unknown'],
  ['203.0.113.9, _hidden'],
  ['203.0.113.999'],
  ['fe80::1%eth0'],
  ['203.0.113.9:port'],
  ['for=203.0.113.9'],
  [Array.from({ length: 40 }, () => '10.0.0.1').join(',')],
])('%p cannot be read, so the peer is the client', async (value) => {
  expect((await origin(proxies, forwardedFor(value))).sourceIp).toBe('127.0.0.1');
});

test('two headers are one list', async () => {
  const headers = [...forwardedFor('203.0.113.9'), ...forwardedFor('203.0.113.10, 10.0.0.1')];
  expect((await origin(proxies, headers)).sourceIp).toBe('203.0.113.10');
});

test('a peer with IPv6 is a proxy too', async () => {
  expect((await origin(proxies, forwardedFor('203.0.113.9'), '::1')).sourceIp).toBe('203.0.113.9');
  expect((await origin({}, forwardedFor('203.0.113.9'), '::1')).sourceIp).toBe('::1');
});

test.each([
  [['https'], true],
  [['HTTPS'], true],
  [['http'], false],
  [['https, https'], true],
  [['https, http'], false],
  [['http', 'https'], false],
  [[''], false],
  [[], false],
])(
  'X-Forwarded-Proto %p of a trusted proxy says that the transport was secure: %p',
  async (sent, secure) => {
    const headers = sent.flatMap((value) => ['x-forwarded-proto', value]);
    expect((await origin(proxies, headers)).secureTransport).toBe(secure);
  },
);

test("the zone is the client's and not the proxy's", async () => {
  const zones = '127.0.0.0/8=vpc-proxies,203.0.113.0/24=vpc-1/vpce-2';
  const { zone } = await origin({ ...proxies, zones }, forwardedFor('203.0.113.9'));
  expect(zone).toEqual({ vpcId: 'vpc-1', vpceId: 'vpce-2' });
  expect((await origin({ zones }, forwardedFor('203.0.113.9'))).zone).toEqual({
    vpcId: 'vpc-proxies',
  });
});

test('User-Agent and Referer are told as they were sent', async () => {
  const headers = ['user-agent', 'tests', 'referer', 'https://example.org/'];
  expect(await origin({}, headers)).toMatchObject({
    userAgent: 'tests',
    referer: 'https://example.org/',
  });
});
