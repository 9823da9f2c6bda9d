import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseEnv } from 'node:util';

/** A process of its own each time: the library reads SOFTHSM2_CONF by getenv, out of jest's reach. */
const program = path.resolve(__dirname, '..', '..', 'scripts', 'softhsm.js');

let dataDir: string;
beforeEach(() => {
  dataDir = path.join(mkdtempSync(path.join(tmpdir(), 'claviger softhsm-')), "data's");
});
afterEach(() => {
  rmSync(path.dirname(dataDir), { recursive: true, force: true });
});

function provision(directory = dataDir): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, [program], {
    env: { PATH: process.env['PATH'], CLAVIGER_DATA_DIR: directory },
    encoding: 'utf8',
  });
  return { status, stderr };
}

const inToken = (name: string): string => path.join(dataDir, 'token', name);
const read = (file: string): string => readFileSync(file, 'utf8').trim();
const modeOf = (file: string): string => (statSync(file).mode & 0o777).toString(8);
const environment = (): Record<string, string | undefined> =>
  parseEnv(read(path.join(dataDir, 'claviger.env')));

function initialisedTokens(): { label: string; serial: string }[] {
  const listing = execFileSync('softhsm2-util', ['--show-slots'], {
    env: { PATH: process.env['PATH'], SOFTHSM2_CONF: inToken('softhsm2.conf') },
    encoding: 'utf8',
  });
  const field = (block: string, name: string): string =>
    new RegExp(`${name}:[ ]*(.*?)[ ]*$`, 'm').exec(block)?.[1] ?? '';
  return listing
    .split(/^Slot /m)
    .filter((block) => field(block, 'Initialized') === 'yes')
    .map((block) => ({ label: field(block, 'Label'), serial: field(block, 'Serial number') }));
}

test('The first start makes one token and says in claviger.env where it is', () => {
  expect(provision()).toEqual({ status: 0, stderr: '' });
  const serial = read(inToken('serial'));
  expect(serial).toMatch(/^[0-9a-f]{16}$/);
  expect(initialisedTokens()).toEqual([{ label: 'claviger', serial }]);
  expect(environment()).toEqual({
    CLAVIGER_PKCS11_MODULE: '/usr/lib/softhsm/libsofthsm2.so',
    CLAVIGER_TOKEN_LABEL: 'claviger',
    CLAVIGER_TOKEN_DIRECTORY: inToken('tokens'),
    CLAVIGER_TOKEN_SERIAL: serial,
    CLAVIGER_TOKEN_PIN_FILE: inToken('pin'),
    SOFTHSM2_CONF: inToken('softhsm2.conf'),
  });
});

test('PINs are random, and only their owner can read them, whatever the umask is', () => {
  const before = process.umask(0);
  try {
    expect(provision().status).toBe(0);
  } finally {
    process.umask(before);
  }
  expect(read(inToken('pin'))).toMatch(/^[0-9a-f]{32}$/);
  expect(read(inToken('so-pin'))).toMatch(/^[0-9a-f]{32}$/);
  expect(read(inToken('pin'))).not.toBe(read(inToken('so-pin')));
  expect(['pin', 'so-pin', 'serial', 'softhsm2.conf'].map((name) => modeOf(inToken(name)))).toEqual(
    Array(4).fill('600'),
  );
  expect(modeOf(path.join(dataDir, 'claviger.env'))).toBe('600');
  expect([modeOf(inToken('')), modeOf(inToken('tokens'))]).toEqual(['700', '700']);
});

test('The token offers only the mechanisms that the client uses', () => {
  expect(provision().status).toBe(0);
  const configuration = read(inToken('softhsm2.conf'));
  expect(configuration).toMatch(/^slots\.mechanisms = CKM_\w+(,CKM_\w+)+$/m);
  expect(configuration).toMatch(/\bCKM_AES_GCM\b/);
  expect(configuration).toMatch(/^objectstore\.backend = file$/m);
});

test('A second start keeps the token and its PINs', () => {
  provision();
  const kept = ['serial', 'pin', 'so-pin'].map((name) => read(inToken(name)));
  expect(provision()).toEqual({ status: 0, stderr: '' });
  expect(['serial', 'pin', 'so-pin'].map((name) => read(inToken(name)))).toEqual(kept);
  expect(initialisedTokens()).toHaveLength(1);
});

test('A start that was cut short before it noted the serial number loses nothing', () => {
  provision();
  const serial = read(inToken('serial'));
  rmSync(inToken('serial'));
  expect(provision()).toEqual({ status: 0, stderr: '' });
  expect(read(inToken('serial'))).toBe(serial);
  expect(initialisedTokens()).toEqual([{ label: 'claviger', serial }]);
});

test('A token that another PIN opens is left alone', () => {
  provision();
  const other = read(inToken('serial'));
  for (const name of ['serial', 'pin', 'so-pin']) rmSync(inToken(name));
  expect(provision()).toEqual({ status: 0, stderr: '' });
  const serial = read(inToken('serial'));
  expect(serial).not.toBe(other);
  expect(
    initialisedTokens()
      .map((token) => token.serial)
      .sort(),
  ).toEqual([serial, other].sort());
});

test('A token that is gone is an error and never replaced by an empty one', () => {
  provision();
  const serial = read(inToken('serial'));
  renameSync(inToken('tokens'), inToken('elsewhere'));
  expect(provision()).toEqual({
    status: 1,
    stderr: `claviger: the token ${serial} is gone: ${inToken('tokens')} is missing, and with it every key it held\n`,
  });
});

test('A path that SoftHSM would cut off at a # is refused', () => {
  const directory = path.join(dataDir, 'c#');
  mkdirSync(directory, { recursive: true });
  expect(provision(directory)).toEqual({
    status: 1,
    stderr: `claviger: SoftHSM cannot be told of a path with a # in it: ${JSON.stringify(path.join(directory, 'token'))}\n`,
  });
});
