import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Ajv from 'ajv';
import { ConfigError, loadConfig, settings, unsafeSettings } from '../src/config';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'claviger-config-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function load(environment: NodeJS.ProcessEnv = {}): ReturnType<typeof loadConfig> {
  return loadConfig({ CLAVIGER_DATA_DIR: path.join(directory, 'none'), ...environment });
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

test('every setting has a variable of its own and one sentence', () => {
  const all = Object.values(settings);
  expect(new Set(all.map(({ env }) => env)).size).toBe(all.length);
  for (const { env, sentence } of all) {
    expect(env).toMatch(/^(CLAVIGER_[A-Z0-9_]+|DATABASE_URL|SOFTHSM2_CONF)$/);
    expect(sentence).toMatch(/^\S.*\.$/);
  }
});

test('the schema of every setting is one', () => {
  const properties = Object.fromEntries(
    Object.entries(settings).map(([name, { schema }]) => [name, schema]),
  );
  const ajv = new Ajv({ allErrors: true });
  expect(ajv.validateSchema({ type: 'object', properties })).toBe(true);
});

test('without an environment there are the defaults, and what has none is unset', () => {
  const config = load();
  expect(config).toMatchObject({ host: '127.0.0.1', port: 4599, region: 'us-east-1' });
  expect(config.accountId).toBe('000000000000');
  expect(config.databaseUrl).toBeUndefined();
  expect(config.tokenPinFile).toBeUndefined();
  expect(Object.isFrozen(config)).toBe(true);
});

test('values have the types of their settings', () => {
  const config = load({ CLAVIGER_PORT: '0', CLAVIGER_TOKEN_LOCAL: 'false', CLAVIGER_WORKERS: '3' });
  expect([config.port, config.tokenLocal, config.workers]).toEqual([0, false, 3]);
});

test.each([
  ['CLAVIGER_PORT', '65536', 'CLAVIGER_PORT must be <= 65535'],
  ['CLAVIGER_PORT', 'http', 'CLAVIGER_PORT must be integer'],
  ['CLAVIGER_PORT', '1.5', 'CLAVIGER_PORT must be integer'],
  ['CLAVIGER_WORKERS', '0', 'CLAVIGER_WORKERS must be >= 1'],
  ['CLAVIGER_ACCOUNT_ID', '12', 'CLAVIGER_ACCOUNT_ID must match pattern "^[0-9]{12}$"'],
  [
    'CLAVIGER_LOG_LEVEL',
    'loud',
    'CLAVIGER_LOG_LEVEL must be equal to one of the allowed values: error,warn,info,debug',
  ],
  ['CLAVIGER_TOKEN_LOCAL', 'yes', 'CLAVIGER_TOKEN_LOCAL must be boolean'],
  ['CLAVIGER_MAX_BODY_BYTES', '99999999', 'CLAVIGER_MAX_BODY_BYTES must be <= 16777216'],
])('%s=%s is a fault: %s', (variable, value, fault) => {
  expect(faultOf({ [variable]: value })).toBe(fault);
});

test('all faults are named at once, and the values of none', () => {
  const fault = faultOf({
    CLAVIGER_PORT: 'a-port',
    DATABASE_URL: 'mysql://user:hunter2@db',
    CLAVIGER_REGION: 'MARS',
  });
  expect(fault.split('; ').map((one) => one.split(' ')[0])).toEqual([
    'CLAVIGER_PORT',
    'CLAVIGER_REGION',
    'DATABASE_URL',
  ]);
  for (const value of ['a-port', 'hunter2', 'MARS']) expect(fault).not.toContain(value);
});

test('a variable that is set to nothing or to white space is not set, the data directory neither', () => {
  const config = loadConfig({ CLAVIGER_PORT: ' ', CLAVIGER_DATA_DIR: '', DATABASE_URL: '' });
  expect([config.port, config.dataDir, config.databaseUrl]).toEqual([4599, '.claviger', undefined]);
});

test('certificate and key go together', () => {
  const fault = 'CLAVIGER_TLS_CERT_FILE and CLAVIGER_TLS_KEY_FILE go together';
  expect(faultOf({ CLAVIGER_TLS_CERT_FILE: 'cert.pem' })).toBe(fault);
  expect(faultOf({ CLAVIGER_TLS_KEY_FILE: 'key.pem' })).toBe(fault);
  const both = { CLAVIGER_TLS_CERT_FILE: 'cert.pem', CLAVIGER_TLS_KEY_FILE: 'key.pem' };
  expect(load(both)).toMatchObject({ tlsCertFile: 'cert.pem', tlsKeyFile: 'key.pem' });
});

test.each([
  [
    { CLAVIGER_TRUSTED_PROXIES: '10.0.0.0/8,lb' },
    "CLAVIGER_TRUSTED_PROXIES: 'lb' is not a network such as 10.0.0.0/8",
  ],
  [
    { CLAVIGER_NETWORK_ZONES: '10.0.0.0/8=here' },
    "CLAVIGER_NETWORK_ZONES: 'here' is not a zone such as vpc-1234/vpce-5678",
  ],
])('networks that cannot be read are a fault: %p', (environment, fault) => {
  expect(faultOf(environment)).toBe(fault);
});

describe('claviger.env in the data directory', () => {
  beforeAll(() => {
    const lines = [
      '# a comment with A=B',
      'CLAVIGER_PORT=5001',
      ' CLAVIGER_REGION = eu-west-1 ',
      'DATABASE_URL=postgres://u@h/d?sslmode=require&a=b',
      'CLAVIGER_TOKEN_LABEL=',
      'no assignment',
    ];
    writeFileSync(path.join(directory, 'claviger.env'), lines.join('\n'));
  });

  test('gives what the environment does not', () => {
    expect(loadConfig({ CLAVIGER_DATA_DIR: directory })).toMatchObject({
      port: 5001,
      region: 'eu-west-1',
      databaseUrl: 'postgres://u@h/d?sslmode=require&a=b',
      tokenLabel: 'claviger',
    });
  });

  test('yields to the environment', () => {
    const environment = { CLAVIGER_DATA_DIR: directory, CLAVIGER_PORT: '5002' };
    expect(loadConfig(environment).port).toBe(5002);
  });
});

test('listening beyond the machine without TLS and trusting everyone are unsafe, and nothing else is', () => {
  const tls = { CLAVIGER_TLS_CERT_FILE: 'c', CLAVIGER_TLS_KEY_FILE: 'k' };
  for (const host of ['127.0.0.1', '::1', 'localhost']) {
    expect(unsafeSettings(load({ CLAVIGER_HOST: host }))).toEqual([]);
  }
  expect(unsafeSettings(load({ CLAVIGER_HOST: '0.0.0.0', ...tls }))).toEqual([]);
  expect(unsafeSettings(load({ CLAVIGER_TRUSTED_PROXIES: '10.0.0.0/8' }))).toEqual([]);
  expect(unsafeSettings(load({ CLAVIGER_TRUSTED_PROXIES: '::/0' }))).toEqual([
    'CLAVIGER_TRUSTED_PROXIES is every address: anyone can choose the address that policies see',
  ]);
  expect(unsafeSettings(load({ CLAVIGER_HOST: '0.0.0.0' }))).toEqual([
    'CLAVIGER_HOST is not a loopback address and TLS is off: requests and plaintexts cross the network in the clear',
  ]);
});
