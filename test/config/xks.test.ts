import {
  type Config,
  ConfigError,
  loadConfig,
  unsafeSettings,
  xksCertificate,
  xksClientNames,
  xksHost,
} from '../../src/config';

function load(environment: NodeJS.ProcessEnv): Config {
  return loadConfig({ CLAVIGER_DATA_DIR: '/nowhere', ...environment });
}

function faultOf(environment: NodeJS.ProcessEnv): string {
  try {
    load(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'no fault';
}

const port = { CLAVIGER_XKS_PORT: '4600' };
const main = { CLAVIGER_TLS_CERT_FILE: 'main.crt', CLAVIGER_TLS_KEY_FILE: 'main.key' };
const own = { CLAVIGER_XKS_TLS_CERT_FILE: 'xks.crt', CLAVIGER_XKS_TLS_KEY_FILE: 'xks.key' };
const clients = {
  CLAVIGER_XKS_CLIENT_CA_FILE: 'ca.crt',
  CLAVIGER_XKS_CLIENT_SUBJECT: 'cks.kms.us-east-1.amazonaws.com',
};

test.each([
  'CLAVIGER_XKS_HOST',
  'CLAVIGER_XKS_TLS_CERT_FILE',
  'CLAVIGER_XKS_TLS_KEY_FILE',
  'CLAVIGER_XKS_CLIENT_CA_FILE',
  'CLAVIGER_XKS_CLIENT_SUBJECT',
  'CLAVIGER_XKS_PING_PORT',
])('%s says nothing without a port of the proxy', (variable) => {
  expect(faultOf({ ...main, [variable]: '1' })).toBe(`${variable} needs CLAVIGER_XKS_PORT`);
});

test.each([
  ['CLAVIGER_XKS_TLS_CERT_FILE', 'CLAVIGER_XKS_TLS_KEY_FILE'],
  ['CLAVIGER_XKS_CLIENT_CA_FILE', 'CLAVIGER_XKS_CLIENT_SUBJECT'],
])('%s and %s go together', (one, other) => {
  const fault = `${one} and ${other} go together`;
  expect(faultOf({ ...port, ...main, [one]: 'a' })).toBe(fault);
  expect(faultOf({ ...port, ...main, [other]: 'a' })).toBe(fault);
  expect(faultOf({ ...port, ...main, [one]: 'a', [other]: 'a' })).toBe('no fault');
});

test('client certificates need TLS, the own or the main one', () => {
  const fault =
    'CLAVIGER_XKS_CLIENT_CA_FILE needs CLAVIGER_XKS_TLS_CERT_FILE or CLAVIGER_TLS_CERT_FILE';
  expect(faultOf({ ...port, ...clients })).toBe(fault);
  expect(faultOf({ ...port, ...clients, ...own })).toBe('no fault');
  expect(faultOf({ ...port, ...clients, ...main })).toBe('no fault');
});

test.each([',', 'a,', ',a', 'a,,b', 'a, ,b'])(
  'a list of clients such as %j has a name too few',
  (list) => {
    const fault = 'CLAVIGER_XKS_CLIENT_SUBJECT has an empty name in it';
    expect(faultOf({ ...port, ...main, ...clients, CLAVIGER_XKS_CLIENT_SUBJECT: list })).toBe(
      fault,
    );
  },
);

test('the names of clients are compared in small letters', () => {
  const list = 'CKS.kms.us-east-1.amazonaws.com , cks.kms.eu-west-1.amazonaws.com';
  const names = xksClientNames(
    load({ ...port, ...main, ...clients, CLAVIGER_XKS_CLIENT_SUBJECT: list }),
  );
  expect(names).toEqual(['cks.kms.us-east-1.amazonaws.com', 'cks.kms.eu-west-1.amazonaws.com']);
  expect(xksClientNames(load({}))).toEqual([]);
});

test('the proxy has the main host and certificate where it has none of its own', () => {
  expect(xksHost(load({ ...port, CLAVIGER_HOST: '10.0.0.1' }))).toBe('10.0.0.1');
  expect(xksHost(load({ ...port, CLAVIGER_XKS_HOST: '10.0.0.2' }))).toBe('10.0.0.2');
  expect(xksCertificate(load(port))).toBeUndefined();
  expect(xksCertificate(load({ ...port, ...main }))).toEqual({
    certFile: 'main.crt',
    keyFile: 'main.key',
  });
  expect(xksCertificate(load({ ...port, ...main, ...own }))).toEqual({
    certFile: 'xks.crt',
    keyFile: 'xks.key',
  });
});

test.each([
  [
    { CLAVIGER_PORT: '4600', CLAVIGER_XKS_PORT: '4600' },
    'CLAVIGER_XKS_PORT is the port of CLAVIGER_PORT too',
  ],
  [
    { ...port, CLAVIGER_XKS_PING_PORT: '4600' },
    'CLAVIGER_XKS_PING_PORT is the port of CLAVIGER_XKS_PORT too',
  ],
  [
    { ...port, CLAVIGER_XKS_PING_PORT: '4599' },
    'CLAVIGER_XKS_PING_PORT is the port of CLAVIGER_PORT too',
  ],
  [{ CLAVIGER_PORT: '4600', ...port, CLAVIGER_XKS_HOST: '127.0.0.2' }, 'no fault'],
  [{ CLAVIGER_PORT: '0', CLAVIGER_XKS_PORT: '0', CLAVIGER_XKS_PING_PORT: '0' }, 'no fault'],
])('each listener has a port of its own: %j', (environment, fault) => {
  expect(faultOf(environment)).toBe(fault);
});

test('the proxy beyond the machine without TLS is unsafe, and nothing else of it is', () => {
  const sentence =
    'the XKS proxy is on an address that is not loopback and TLS is off: what AWS KMS seals and opens crosses the network in the clear';
  const beyond = { ...port, CLAVIGER_XKS_HOST: '0.0.0.0' };
  expect(unsafeSettings(load(port))).toEqual([]);
  expect(unsafeSettings(load(beyond))).toEqual([sentence]);
  for (const tls of [main, own]) expect(unsafeSettings(load({ ...beyond, ...tls }))).toEqual([]);
  expect(unsafeSettings(load({ ...port, ...own, CLAVIGER_HOST: '0.0.0.0' }))).toHaveLength(1);
});
