import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DevServer, end, ready, startDevServer } from '../support/dev-server';
import type { XksCaller } from '../support/xks-client';
import {
  about,
  authenticationFailed,
  decryptBody,
  encryptBody,
  invalidCiphertext,
  keyNotFound,
  refused,
  sealedOf,
  succeeded,
  unknownPath,
} from '../support/xks-requests';
import { type XksTarget, devTarget, makeKey, makeStore } from '../support/xks-target';

/**
 * What AWS KMS does with a proxy, from the first question to the last, against what scripts/dev serves. All the rest of the
 * conformance suite runs against it too where CLAVIGER_TEST_XKS_DATA_DIR names its data directory.
 */

let dataDir: string;
let dev: DevServer;
let target: XksTarget;
let caller: XksCaller;

beforeAll(async () => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'claviger-dev-xks-'));
  // As root, Postgres runs as an account of its own.
  chmodSync(dataDir, 0o711);
  dev = startDevServer(dataDir, { CLAVIGER_XKS_DEADLINE_MS: '15000' });
  await ready(dev);
  target = devTarget(dataDir);
  caller = await makeStore(target, 'payments');
  await makeKey(target, caller, 'invoices');
});
afterAll(async () => {
  caller.close();
  await end(dev.process, 'SIGTERM');
  rmSync(dataDir, { recursive: true });
});

const plaintext = Buffer.from('what AWS KMS has encrypted already');
const aad = Buffer.from('its encryption context');

test('CreateCustomKeyStore: the proxy and its token are well', async () => {
  const { kmsRequestId, kmsOperation } = about('CreateCustomKeyStore');
  const reply = await caller.call('health', { requestMetadata: { kmsRequestId, kmsOperation } });
  expect(succeeded(reply)).toEqual({
    // A command of the command line counts while it runs.
    xksProxyFleetSize: expect.any(Number) as number,
    xksProxyVendor: 'Claviger',
    xksProxyModel: expect.stringMatching(/^Claviger \d+\.\d+\.\d+/) as string,
    ekmVendor: 'SoftHSM project',
    ekmFleetDetails: [
      {
        id: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
        model: 'SoftHSM v2',
        // How fast it is, a busy machine decides.
        healthStatus: expect.stringMatching(/^(ACTIVE|DEGRADED)$/) as string,
      },
    ],
  });
});

test('CreateKey: the external key is one that AWS KMS takes', async () => {
  const reply = await caller.call('keys/invoices/metadata', {
    requestMetadata: about('CreateKey'),
  });
  expect(succeeded(reply)).toEqual({
    keySpec: 'AES_256',
    keyUsage: ['ENCRYPT', 'DECRYPT'],
    keyStatus: 'ENABLED',
  });
});

test('Encrypt and Decrypt: what AWS KMS gets is what it proves by its own sum, and opens again', async () => {
  const reply = await caller.call(
    'keys/invoices/encrypt',
    encryptBody({ plaintext, aad, checked: true }),
  );
  const sealed = sealedOf(reply);
  const { ciphertext, initializationVector, authenticationTag, ciphertextMetadata } = sealed;
  const sum = createHash('sha256');
  for (const part of [aad, ciphertextMetadata, initializationVector, ciphertext, authenticationTag])
    sum.update(part);
  expect(succeeded(reply)['ciphertextDataIntegrityValue']).toBe(sum.digest('base64'));
  expect(ciphertext).toHaveLength(plaintext.length);
  const opened = await caller.call('keys/invoices/decrypt', decryptBody(sealed, aad));
  expect(succeeded(opened)).toEqual({ plaintext: plaintext.toString('base64') });
  const wrong = await caller.call(
    'keys/invoices/decrypt',
    decryptBody(sealed, Buffer.from('other')),
  );
  expect(refused(wrong)).toEqual(invalidCiphertext);
});

test('whoever is not AWS KMS, or asks for what is not there, is told so and no more', async () => {
  const body = encryptBody({ plaintext });
  const stranger = { ...caller.credential, secret: 'x'.repeat(43) };
  const unsigned = await caller.call('keys/invoices/encrypt', body, { credential: stranger });
  expect(refused(unsigned)).toEqual(authenticationFailed);
  expect(refused(await caller.call('keys/orders/encrypt', body))).toEqual(keyNotFound);
  expect(refused(await caller.call('keys/invoices/sign', body))).toEqual(unknownPath);
  const got = await caller.call('health', '', { method: 'GET' });
  expect([got.status, got.headers.allow]).toEqual([405, 'POST']);
});
