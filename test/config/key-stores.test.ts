import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { keyStores, loadConfig } from '../../src/config';
import { ConfigError } from '../../src/config/error';
import { type ClusterToken, type KeyStoresFile, readKeyStores } from '../../src/config/key-stores';
import { makeAuthority } from '../support/certificates';

let directory: string;
let file: string;
let trustAnchorFile: string;

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'claviger-key-stores-'));
  file = path.join(directory, 'key-stores.json');
  trustAnchorFile = makeAuthority(directory, 'customerCA').certFile;
});
afterAll(() => rmSync(directory, { recursive: true }));

const own = { module: '/lib/own.so', label: 'claviger' };
const clusterId = 'cluster-abcdefghijk';
const another = 'cluster-zyxwvutsr23';
const token = { module: '/lib/p11.so', label: 'store' };

function read(document: unknown): KeyStoresFile {
  writeFileSync(file, typeof document === 'string' ? document : JSON.stringify(document));
  return readKeyStores('KEY_STORES', file, own);
}

function faultOf(document: unknown): string {
  try {
    read(document);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replace(`KEY_STORES: ${file}: `, '');
    throw error;
  }
  return 'no fault';
}

const faultOfCluster = (entry: object): string =>
  faultOf({ clusters: { [clusterId]: { ...token, ...entry } } });

test('tokens and proxies are read', () => {
  const full = {
    ...{ module: '/lib/p11.so', libraryParameters: 'x=1', label: 'store', serial: '0123' },
    ...{ user: 'kmsuser', local: true, lanes: 8, deadlineMs: 500, ivSource: 'token' },
    ...{ maxSessions: 9, directory: '/var/tokens', environment: { SOFTHSM2_CONF: '/etc/x' } },
  };
  const proxy = {
    ...{ connectTo: '[::1]:8443', caFile: trustAnchorFile },
    ...{ certFile: trustAnchorFile, keyFile: trustAnchorFile },
  };
  const { clusters, proxies } = read({
    clusters: { [clusterId]: { ...full, trustAnchorFile }, [another]: token },
    proxies: { 'xks.example.com': proxy, 'other.example.com': { connectTo: 'localhost:1' } },
  });
  const { trustAnchor, ...rest }: Partial<ClusterToken> = clusters.get(clusterId) ?? {};
  expect(rest).toEqual(full);
  expect(trustAnchor?.subject).toBe('CN=customerCA');
  expect(clusters.get(another)).toEqual(token);
  expect(proxies.get('xks.example.com')).toEqual(proxy);
  expect(proxies.size).toBe(2);
});

test('an empty file has neither', () => {
  expect(read({})).toEqual({ clusters: new Map(), proxies: new Map() });
});

test.each<[string, unknown, string]>([
  ['is not JSON', '{', 'is not JSON'],
  ['is no object', [], '/ must be object'],
  ['has another member', { stores: {} }, "/ must NOT have additional properties 'stores'"],
  [
    'has an id that is none of a cluster',
    { clusters: { mine: token } },
    '/clusters \'mine\' must match pattern "^cluster-[2-7a-zA-Z]{11,16}$"',
  ],
  [
    'has a host in upper case',
    { proxies: { 'XKS.example.com': { connectTo: 'a:1' } } },
    '/proxies \'XKS.example.com\' must match pattern "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"',
  ],
  [
    'has a client certificate without its key',
    { proxies: { a: { certFile: '/x' } } },
    '/proxies/a must have property keyFile when property certFile is present',
  ],
  [
    'says to connect to no port',
    { proxies: { a: { connectTo: 'host' } } },
    '/proxies/a/connectTo must match pattern "^(\\[[0-9a-fA-F:.]+\\]|[A-Za-z0-9.-]+):[0-9]{1,5}$"',
  ],
  [
    'names files that are not there',
    { proxies: { a: { caFile: '/no/ca', certFile: '/no/cert', keyFile: '/no/key' } } },
    '/proxies/a/caFile cannot be read; /proxies/a/certFile cannot be read; /proxies/a/keyFile cannot be read',
  ],
])('a file that %s is refused', (_what, document, fault) => {
  expect(faultOf(document)).toBe(fault);
});

test.each<[string, object, string]>([
  ['has no module', { module: undefined }, "must have required property 'module'"],
  ['has no label', { label: undefined }, "must have required property 'label'"],
  ['has a PIN', { pin: '1234' }, "must NOT have additional properties 'pin'"],
  ['has a user with a colon', { user: 'kms:user' }, '/user must match pattern "^[^:\\s]{1,31}$"'],
  ['has too few sessions', { maxSessions: 2 }, '/maxSessions must be >= 3'],
  [
    'has an anchor that is not there',
    { trustAnchorFile: '/no' },
    '/trustAnchorFile has no certificate that can be read',
  ],
])('a token that %s is refused', (_what, entry, fault) => {
  const separator = fault.startsWith('/') ? '' : ' ';
  expect(faultOfCluster(entry)).toBe(`/clusters/${clusterId}${separator}${fault}`);
});

test('a variable of Node.js itself is refused', () => {
  expect(faultOfCluster({ environment: { NODE_OPTIONS: '--inspect' } })).toBe(
    `/clusters/${clusterId}/environment 'NODE_OPTIONS' must match pattern "^(?!NODE_)[A-Za-z_][A-Za-z0-9_]*$"`,
  );
});

test('every fault is told at once', () => {
  expect(
    faultOf({
      clusters: { [clusterId]: { ...token, trustAnchorFile: '/no' } },
      proxies: { a: { caFile: '/no/ca' } },
    }),
  ).toBe(
    `/clusters/${clusterId}/trustAnchorFile has no certificate that can be read; /proxies/a/caFile cannot be read`,
  );
});

describe('a token that is configured twice', () => {
  const twice = `/clusters/${another} must not be the token that is that of ${clusterId}`;

  test.each<[string, object, object, string]>([
    ['in the same words', {}, {}, twice],
    ['once with its serial', {}, { serial: '1' }, twice],
    ['with one serial', { serial: '1' }, { serial: '1', local: true }, twice],
    ['no: with two serials', { serial: '1' }, { serial: '2' }, 'no fault'],
    ['no: with two labels', {}, { label: 'other' }, 'no fault'],
    [
      'no: with two configurations',
      { environment: { SOFTHSM2_CONF: '/a' } },
      { environment: { SOFTHSM2_CONF: '/b' } },
      'no fault',
    ],
  ])('%s', (_how, one, other, fault) => {
    const clusters = { [clusterId]: { ...token, ...one }, [another]: { ...token, ...other } };
    expect(faultOf({ clusters })).toBe(fault);
  });

  test("as the daemon's own", () => {
    expect(faultOfCluster(own)).toBe(
      `/clusters/${clusterId} must not be the token that is the daemon's own`,
    );
  });

  test("as the daemon's own, by its settings", () => {
    writeFileSync(
      file,
      JSON.stringify({
        clusters: { [clusterId]: { ...own, environment: { SOFTHSM2_CONF: '/etc/softhsm' } } },
      }),
    );
    const settings = {
      ...{ CLAVIGER_DATA_DIR: directory, CLAVIGER_KEY_STORES_FILE: file },
      ...{ CLAVIGER_PKCS11_MODULE: own.module, CLAVIGER_TOKEN_LABEL: own.label },
    };
    const elsewhere = keyStores(loadConfig({ ...settings, SOFTHSM2_CONF: '/other' }));
    expect(elsewhere.clusters.size).toBe(1);
    expect(() => keyStores(loadConfig({ ...settings, SOFTHSM2_CONF: '/etc/softhsm' }))).toThrow(
      `CLAVIGER_KEY_STORES_FILE: ${file}: /clusters/${clusterId} must not be the token that is the daemon's own`,
    );
  });
});

test('without the setting there are none', () => {
  expect(keyStores(loadConfig({ CLAVIGER_DATA_DIR: directory }))).toEqual({
    ...{ clusters: new Map(), proxies: new Map() },
  });
});

test('the example of the documentation can be read, but for the files that it names', () => {
  const example = readFileSync(
    path.join(__dirname, '../../../docs/key-stores.example.json'),
    'utf8',
  );
  const faults = faultOf(example).split('; ');
  expect(faults).not.toContain('no fault');
  expect(
    faults.filter((fault) => !/ (has no certificate that can|cannot) be read$/.test(fault)),
  ).toEqual([]);
});
