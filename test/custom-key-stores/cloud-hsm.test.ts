import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HsmError, residentKey, type Token } from '../../hsm';
import { keyStores, loadConfig } from '../../src/config';
import type { ClusterToken } from '../../src/config/key-stores';
import { CloudHsmConnector, connectionErrorCode } from '../../src/custom-key-stores/cloud-hsm';
import { ConnectionFault } from '../../src/custom-key-stores/connections';
import type { CloudHsmStore } from '../../src/custom-key-stores/store';
import { makeAuthority } from '../support/certificates';
import { type FurtherToken, makeFurtherToken, writeKeyStores } from '../support/further-token';
import { generateAes } from '../support/generated-keys';
import { recordingLog } from '../support/log';

let hsm: FurtherToken;
let connector: CloudHsmConnector;
let ownSerial = 'another';
let directory: string;
let anchor: string;
let stranger: string;
const given: Buffer[] = [];

beforeAll(async () => {
  hsm = await makeFurtherToken();
  directory = mkdtempSync(join(tmpdir(), 'claviger-anchors-'));
  const { certFile } = makeAuthority(directory, 'customerCA');
  anchor = readFileSync(certFile, 'utf8');
  stranger = readFileSync(makeAuthority(directory, 'strangerCA').certFile, 'utf8');
  const entry = { ...hsm.entry, trustAnchorFile: certFile };
  const { file, remove } = await writeKeyStores([{ clusterId: hsm.clusterId, entry }]);
  const config = loadConfig({ CLAVIGER_DATA_DIR: directory, CLAVIGER_KEY_STORES_FILE: file });
  connector = connectorOf(keyStores(config).clusters);
  await remove();
});

afterAll(async () => {
  rmSync(directory, { recursive: true });
  await hsm.remove();
});

function connectorOf(clusters: ReadonlyMap<string, ClusterToken>): CloudHsmConnector {
  return new CloudHsmConnector({
    ...{ clusters, maxCachedKeys: 10, log: recordingLog().log },
    ownSerial: () => ownSerial,
  });
}

const storeOf = (different: Partial<CloudHsmStore> = {}): CloudHsmStore => ({
  type: 'AWS_CLOUDHSM',
  clusterId: hsm.clusterId,
  trustAnchorCertificate: anchor,
  ...different,
});

/** A new Buffer each time, as it is opened each time. */
const passwordOf = (text: string) => (): Promise<Buffer> => {
  const password = Buffer.from(text);
  given.push(password);
  return Promise.resolve(password);
};

async function connect(different: Partial<CloudHsmStore> = {}, password = hsm.pin): Promise<Token> {
  return connector.connect(storeOf(different), passwordOf(password));
}

/** The code of a fault, its message and what was behind it. */
async function faultOf(connecting: Promise<Token>): Promise<readonly string[]> {
  try {
    await (await connecting).close();
  } catch (error) {
    if (!(error instanceof ConnectionFault)) throw error;
    const { code, message, cause } = error;
    return [code, message, ...(cause instanceof Error ? [cause.message] : [])];
  }
  return ['no fault'];
}

test('a cluster is connected with the password of its store, which is wiped', async () => {
  given.length = 0;
  const token = await connect();
  try {
    expect(token.status()).toMatchObject({ state: 'ready', serial: hsm.serial });
    const id = token.generateRandom(32).toString('hex');
    await generateAes(token, id, 'claviger/store');
    const aad = Buffer.from('x');
    const sealed = await token.encryptAesGcm(residentKey(id), aad, Buffer.from('y'));
    expect(await token.decryptAesGcm(residentKey(id), { ...sealed, aad })).toEqual(
      Buffer.from('y'),
    );
  } finally {
    await token.close();
  }
  expect(given).toEqual([Buffer.alloc(hsm.pin.length)]);
});

test('a cluster that is not configured is not found', async () => {
  expect(await faultOf(connect({ clusterId: 'cluster-nowhere2345' }))).toEqual([
    'CLUSTER_NOT_FOUND',
    'no token is configured for cluster-nowhere2345',
  ]);
});

test('a wrong password is told as such', async () => {
  expect(await faultOf(connect({}, 'wrong password'))).toEqual([
    'INVALID_CREDENTIALS',
    `the token of ${hsm.clusterId} cannot be used`,
    'C_Login: CKR_PIN_INCORRECT',
  ]);
});

test('where the cluster has a user, he stands before the password', async () => {
  const withUser = await makeFurtherToken({ pin: 'kmsuser:the password' });
  const { clusterId, entry } = withUser;
  const store = storeOf({ clusterId });
  const password = passwordOf('the password');
  const without = connectorOf(new Map([[clusterId, entry]]));
  expect(await faultOf(without.connect(store, password))).toContain('INVALID_CREDENTIALS');
  const right = connectorOf(new Map([[clusterId, { ...entry, user: 'kmsuser' }]]));
  await (await right.connect(store, password)).close();
  await withUser.remove();
});

test('a token that is away cannot be reached', async () => {
  await hsm.moveAway();
  const fault = await faultOf(connect());
  await hsm.restore();
  expect(fault).toEqual([
    'NETWORK_ERRORS',
    `the token of ${hsm.clusterId} cannot be used`,
    'C_Initialize: CKR_GENERAL_ERROR',
  ]);
});

test("the daemon's own token is none of a custom key store", async () => {
  ownSerial = hsm.serial;
  const fault = await faultOf(connect());
  ownSerial = 'another';
  expect(fault).toEqual(['INTERNAL_ERROR', `the token of ${hsm.clusterId} is the daemon's own`]);
});

test('a password that cannot be had is no wrong one', async () => {
  const connecting = connector.connect(storeOf(), () => Promise.reject(new Error('not now')));
  expect(await faultOf(connecting)).toEqual([
    'INTERNAL_ERROR',
    `the token of ${hsm.clusterId} cannot be used`,
    'the PIN cannot be read',
  ]);
});

test.each<[string, HsmError | Error, string]>([
  ['a locked PIN', new HsmError('pin-incorrect', 'C_Login: CKR_PIN_LOCKED'), 'USER_LOCKED_OUT'],
  [
    'a user without a PIN',
    new HsmError('failed', 'C_Login: CKR_USER_PIN_NOT_INITIALIZED'),
    'USER_NOT_FOUND',
  ],
  [
    'another user',
    new HsmError('failed', 'C_Login: CKR_USER_ANOTHER_ALREADY_LOGGED_IN'),
    'USER_LOGGED_IN',
  ],
  [
    'an expired PIN',
    new HsmError('pin-incorrect', 'C_Login: CKR_PIN_EXPIRED'),
    'INVALID_CREDENTIALS',
  ],
  [
    'no such token',
    new HsmError('token-unavailable', 'no token with label "x" and serial 1'),
    'CLUSTER_NOT_FOUND',
  ],
  [
    'no library',
    new HsmError('token-unavailable', 'PKCS#11 module /x cannot be loaded: x'),
    'INTERNAL_ERROR',
  ],
  [
    'a library that crashes',
    new HsmError('token-unavailable', "the token's process ended by SIGSEGV"),
    'INTERNAL_ERROR',
  ],
  [
    'a device error',
    new HsmError('token-unavailable', 'C_Login: CKR_DEVICE_ERROR'),
    'NETWORK_ERRORS',
  ],
  ['no answer in time', new HsmError('deadline', 'connect: no answer'), 'NETWORK_ERRORS'],
  ['a token that lacks AES', new HsmError('mechanism-missing', 'CKM_AES_GCM'), 'INTERNAL_ERROR'],
  ['anything else', new TypeError('x'), 'INTERNAL_ERROR'],
])('%s is told as what AWS has for it', (_what, error, code) => {
  expect(connectionErrorCode(error)).toBe(code);
});

const accountId = '123456789012';

describe('a store that is to be made', () => {
  test('has the trust anchor that is configured, however its lines end', () => {
    connector.requireCluster(storeOf(), accountId);
    connector.requireCluster(
      storeOf({ trustAnchorCertificate: anchor.replaceAll('\n', '\r\n') }),
      accountId,
    );
  });

  test.each<[string, () => string]>([
    ['another certificate', () => stranger],
    ['no certificate', () => 'no certificate'],
  ])('has no other one: %s', (_what, certificate) => {
    expect(() =>
      connector.requireCluster(storeOf({ trustAnchorCertificate: certificate() }), accountId),
    ).toThrow(
      expect.objectContaining({
        code: 'IncorrectTrustAnchorException',
        message: `The trust anchor certificate is not the one of the AWS CloudHSM cluster ${hsm.clusterId}.`,
      }) as Error,
    );
  });

  test('may have any where none is configured', () => {
    const anyAnchor = connectorOf(new Map([[hsm.clusterId, hsm.entry]]));
    anyAnchor.requireCluster(storeOf({ trustAnchorCertificate: 'no certificate' }), accountId);
  });

  test('is of the account whose cluster it is: to others there is none', () => {
    const owned = connectorOf(new Map([[hsm.clusterId, { ...hsm.entry, account: accountId }]]));
    owned.requireCluster(storeOf({ trustAnchorCertificate: 'no certificate' }), accountId);
    expect(() => owned.requireCluster(storeOf(), '210987654321')).toThrow(
      expect.objectContaining({
        code: 'CloudHsmClusterNotFoundException',
        message: `Cannot find the AWS CloudHSM cluster ${hsm.clusterId}.`,
      }) as Error,
    );
  });

  test('is of a cluster that is configured', () => {
    expect(() =>
      connector.requireCluster(storeOf({ clusterId: 'cluster-nowhere2345' }), accountId),
    ).toThrow(
      expect.objectContaining({
        code: 'CloudHsmClusterNotFoundException',
        message: 'Cannot find the AWS CloudHSM cluster cluster-nowhere2345.',
      }) as Error,
    );
  });
});
