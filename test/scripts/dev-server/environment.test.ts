import { parseEnv } from 'node:util';
import {
  daemonEnvironment,
  formatEnvironment,
  savedEnvironment,
  type DaemonSettings,
} from '../../../scripts/dev-server/environment';

const settings: DaemonSettings = {
  dataDir: '/data',
  port: 4599,
  accountId: '111122223333',
  region: 'us-east-1',
  databaseUrl: 'postgres://claviger@127.0.0.1:5432/claviger',
  keyMaterial: 'wrapped',
  token: {
    module: '/lib/softhsm.so',
    label: 'claviger',
    serial: 'abc',
    pinFile: '/data/token/pin',
    directory: '/data/token/tokens',
    conf: '/data/token/softhsm2.conf',
  },
};

test('What is saved is what the command line needs to find the same token and database', () => {
  expect(parseEnv(formatEnvironment(savedEnvironment(settings)))).toEqual({
    CLAVIGER_ACCOUNT_ID: '111122223333',
    CLAVIGER_REGION: 'us-east-1',
    CLAVIGER_KEY_MATERIAL: 'wrapped',
    DATABASE_URL: 'postgres://claviger@127.0.0.1:5432/claviger',
    CLAVIGER_PKCS11_MODULE: '/lib/softhsm.so',
    CLAVIGER_TOKEN_LABEL: 'claviger',
    CLAVIGER_TOKEN_SERIAL: 'abc',
    CLAVIGER_TOKEN_PIN_FILE: '/data/token/pin',
    CLAVIGER_TOKEN_DIRECTORY: '/data/token/tokens',
    SOFTHSM2_CONF: '/data/token/softhsm2.conf',
  });
});

test('The daemon gets our environment, but never another token, database or address', () => {
  const environment = daemonEnvironment(settings, {
    PATH: '/bin',
    CLAVIGER_TOKEN_LABEL: 'other',
    CLAVIGER_HOST: '0.0.0.0',
    SOFTHSM2_CONF: '/etc/softhsm/softhsm2.conf',
    CLAVIGER_WORKERS: '1',
  });
  expect(environment).toMatchObject({
    PATH: '/bin',
    CLAVIGER_WORKERS: '1',
    CLAVIGER_TOKEN_LABEL: 'claviger',
    CLAVIGER_HOST: '127.0.0.1',
    CLAVIGER_PORT: '4599',
    CLAVIGER_DATA_DIR: '/data',
    SOFTHSM2_CONF: '/data/token/softhsm2.conf',
  });
});

test('A value with a line break is refused by name and not repeated', () => {
  expect(() => formatEnvironment({ DATABASE_URL: 'postgres://x\nCLAVIGER_HOST=0.0.0.0' })).toThrow(
    new Error('DATABASE_URL has a line break in it'),
  );
});
