import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  ConnectCustomKeyStoreCommand,
  CreateKeyCommand,
  DisconnectCustomKeyStoreCommand,
} from '@aws-sdk/client-kms';
import { makeCertificate } from '../support/certificates';
import { type KeyStoreStage, openKeyStoreStage } from '../support/key-stores';
import { until } from '../support/until';
import type { XksCaller, XksReply } from '../support/xks-client';
import {
  about,
  decryptBody,
  encryptBody,
  failed,
  keyDisabled,
  refused,
  sealedOf,
  succeeded,
} from '../support/xks-requests';
import { makeStore } from '../support/xks-target';

/** External keys whose material is in the token of a custom key store. */

let directory: string;
let stage: KeyStoreStage;
let caller: XksCaller;
let CustomKeyStoreId: string;

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'claviger-xks-'));
  const { certFile, keyFile } = makeCertificate(directory, 'xks');
  stage = await openKeyStoreStage({
    environment: {
      CLAVIGER_XKS_PORT: '0',
      CLAVIGER_XKS_TLS_CERT_FILE: certFile,
      CLAVIGER_XKS_TLS_KEY_FILE: keyFile,
    },
  });
  const { daemon, kms } = stage;
  const run = async (...args: string[]): Promise<Readonly<Record<string, string>>> =>
    JSON.parse(await daemon.run('xks', ...args, '--json')) as Record<string, string>;
  const target = {
    ...{ endpoint: String(daemon.xks.endpoint), ca: readFileSync(certFile, 'utf8') },
    ...{ region: daemon.region, kms, daemon, run, remove: () => stage.remove() },
  };
  caller = await makeStore(target, 'clusters');
  CustomKeyStoreId = await stage.create(stage.cloudHsm());
  await kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
  await stage.isIn(CustomKeyStoreId, 'CONNECTED');
  const created = new CreateKeyCommand({ CustomKeyStoreId, Origin: 'AWS_CLOUDHSM' });
  const { KeyMetadata } = await kms.send(created);
  await run('key', 'link', caller.prefix, 'invoices', String(KeyMetadata?.KeyId));
});
afterAll(async () => {
  caller.close();
  await stage.remove();
  rmSync(directory, { recursive: true });
});

type Details = readonly { readonly id: string; readonly healthStatus: string }[];

/** The key managers that GetHealthStatus tells of, and whether they serve: how fast, a busy machine decides. */
async function managers(): Promise<readonly (readonly [string, boolean])[]> {
  const { kmsRequestId, kmsOperation } = about('KmsHealthCheck');
  const reply = await caller.call('health', { requestMetadata: { kmsRequestId, kmsOperation } });
  const { ekmFleetDetails } = succeeded(reply) as { readonly ekmFleetDetails: Details };
  return ekmFleetDetails.map(({ id, healthStatus }) => [id, healthStatus !== 'UNAVAILABLE']);
}

const plaintext = Buffer.from('what AWS KMS has encrypted already');
const aad = Buffer.from('context');

test('encrypt and decrypt, with the integrity value that the token proves', async () => {
  const sealed = sealedOf(
    await caller.call('keys/invoices/encrypt', encryptBody({ plaintext, aad, checked: true })),
  );
  const opened = succeeded(await caller.call('keys/invoices/decrypt', decryptBody(sealed, aad)));
  expect(opened['plaintext']).toBe(plaintext.toString('base64'));
});

/** As AWS KMS is told of it. */
async function keyStatus(): Promise<unknown> {
  const metadata = { requestMetadata: about('CreateKey') };
  return succeeded(await caller.call('keys/invoices/metadata', metadata))['keyStatus'];
}

test('a token that is lost is a failure that AWS KMS tries again, and not a state of the key', async () => {
  const encrypt = (): Promise<XksReply> =>
    caller.call('keys/invoices/encrypt', encryptBody({ plaintext, aad }));
  const sealed = sealedOf(await encrypt());
  const decrypt = (): Promise<XksReply> =>
    caller.call('keys/invoices/decrypt', decryptBody(sealed, aad));
  await stage.tokens[0].moveAway();
  try {
    await until('the loss of the token is met', async () => (await encrypt()).status !== 200);
    expect(refused(await encrypt())).toEqual(failed);
    expect(refused(await decrypt())).toEqual(failed);
    expect(await keyStatus()).toBe('ENABLED');
  } finally {
    await stage.tokens[0].restore();
  }
  await until('the token is found again', async () => (await encrypt()).status === 200);
  expect(succeeded(await decrypt())['plaintext']).toBe(plaintext.toString('base64'));
});

test('the health tells of both tokens, and of the one that is not connected that it is away', async () => {
  const [own, other] = [stage.daemon.token.serial, CustomKeyStoreId];
  await until('the second is told of', async () => (await managers()).length === 2);
  await until('both serve', async () => (await managers()).every(([, serves]) => serves));
  expect((await managers()).map(([id]) => id)).toEqual([own, other]);
  await stage.kms.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
  await until('the second is away', async () => !(await managers())[1]?.[1]);
  expect(await managers()).toEqual([
    [own, true],
    [other, false],
  ]);
});

test('a key of a store that is not connected is disabled, as far as AWS KMS is told, until it is connected', async () => {
  const encrypt = (): Promise<XksReply> =>
    caller.call('keys/invoices/encrypt', encryptBody({ plaintext }));
  expect(refused(await encrypt())).toEqual(keyDisabled);
  expect(await keyStatus()).toBe('DISABLED');
  await stage.kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
  await stage.isIn(CustomKeyStoreId, 'CONNECTED');
  expect(await keyStatus()).toBe('ENABLED');
  sealedOf(await encrypt());
});
