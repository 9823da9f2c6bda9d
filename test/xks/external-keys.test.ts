import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import type { XksCaller, XksReply } from '../support/xks-client';
import {
  about,
  decryptBody,
  encryptBody,
  invalid,
  keyDisabled,
  keyNotFound,
  refused,
  sealedOf,
  storeDisabled,
  succeeded,
} from '../support/xks-requests';
import { type XksTarget, makeKey, makeStore, openXksTarget } from '../support/xks-target';

/** External keys and stores through the XKS proxy: states, usages, rotation, isolation (xks-proxy §1.2, §1.4, §1.9). */
let target: XksTarget;
let kms: XksCaller;

beforeAll(async () => {
  target = await openXksTarget();
  kms = await makeStore(target, 'keys');
});
afterAll(async () => {
  kms.close();
  await target.remove();
});

const plaintext = Buffer.from('sealed');
const metadata = (key: string, caller = kms): Promise<XksReply> =>
  caller.call(`keys/${key}/metadata`, { requestMetadata: about('CreateKey') });
const encrypt = (key: string, { caller = kms, checked = false } = {}): Promise<XksReply> =>
  caller.call(`keys/${key}/encrypt`, encryptBody({ plaintext, checked }));

const enabled = { keySpec: 'AES_256', keyUsage: ['ENCRYPT', 'DECRYPT'], keyStatus: 'ENABLED' };

test('GetKeyMetadata tells what a key is, of any id that the API has', async () => {
  const id = `Az09._-${'k'.repeat(121)}`;
  await makeKey(target, kms, id);
  expect(succeeded(await metadata(id))).toEqual(enabled);
  const less = { requestMetadata: about('DescribeKey', { kmsKeyArn: undefined }) };
  expect(succeeded(await kms.call(`keys/${id}/metadata`, less))).toEqual(enabled);
});

test('GetKeyMetadata wants to know for whom it is', async () => {
  const nobody = { requestMetadata: about('CreateKey', { awsPrincipalArn: undefined }) };
  expect(refused(await kms.call('keys/any/metadata', nobody))).toEqual(
    invalid('awsPrincipalArn is missing.'),
  );
});

test('A key that there is not is not found, once everything else is valid', async () => {
  expect(refused(await metadata('missing'))).toEqual(keyNotFound);
  expect(refused(await encrypt('missing'))).toEqual(keyNotFound);
  const invalidOne = encryptBody({ plaintext }, { encryptionAlgorithm: 'X' });
  expect(refused(await kms.call('keys/missing/encrypt', invalidOne))).toEqual(
    invalid('encryptionAlgorithm is not AES_GCM.'),
  );
});

test('A key of one store is no key of another', async () => {
  const other = await makeStore(target, 'other');
  await makeKey(target, other, 'shared-name');
  await makeKey(target, other, 'others-only');
  await makeKey(target, kms, 'shared-name');
  expect(refused(await metadata('others-only'))).toEqual(keyNotFound);
  expect(refused(await encrypt('others-only'))).toEqual(keyNotFound);
  const sealed = sealedOf(await encrypt('shared-name', { caller: other }));
  const body = decryptBody(sealed);
  expect(refused(await kms.call('keys/shared-name/decrypt', body))).toMatchObject({
    errorName: 'InvalidCiphertextException',
  });
  expect(succeeded(await other.call('keys/shared-name/decrypt', body))).toHaveProperty('plaintext');
  other.close();
});

describe('A key that is disabled', () => {
  const cases = [
    [
      'itself',
      (id: string) => target.run('key', 'disable', kms.prefix, id),
      (id: string) => target.run('key', 'enable', kms.prefix, id),
    ],
    [
      'by the KMS key behind it',
      (_id: string, KeyId: string) => target.kms.send(new DisableKeyCommand({ KeyId })),
      (_id: string, KeyId: string) => target.kms.send(new EnableKeyCommand({ KeyId })),
    ],
  ] as const;
  test.each(cases)('%s says so, and is used for nothing', async (how, disable, enable) => {
    const id = `disabled-${how.length}`;
    const keyId = await makeKey(target, kms, id);
    const sealed = decryptBody(sealedOf(await encrypt(id)));
    await disable(id, keyId);
    expect(succeeded(await metadata(id))).toEqual({ ...enabled, keyStatus: 'DISABLED' });
    for (const checked of [false, true]) {
      expect(refused(await encrypt(id, { checked }))).toEqual(keyDisabled);
    }
    expect(refused(await kms.call(`keys/${id}/decrypt`, sealed))).toEqual(keyDisabled);
    await enable(id, keyId);
    expect(succeeded(await metadata(id))).toEqual(enabled);
    expect(succeeded(await kms.call(`keys/${id}/decrypt`, sealed))).toHaveProperty('plaintext');
  });
});

describe('A key that is not for everything', () => {
  const notFor = (usage: string) => ({
    status: 400,
    errorName: 'InvalidKeyUsageException',
    errorMessage: `The external key is not for ${usage}.`,
  });

  test('encrypts alone, and promises nothing that takes decrypting', async () => {
    await makeKey(target, kms, 'encrypts', '--usage', 'ENCRYPT');
    expect(succeeded(await metadata('encrypts'))).toEqual({ ...enabled, keyUsage: ['ENCRYPT'] });
    const sealed = sealedOf(await encrypt('encrypts'));
    expect(refused(await encrypt('encrypts', { checked: true }))).toEqual(notFor('DECRYPT'));
    const reply = await kms.call('keys/encrypts/decrypt', decryptBody(sealed));
    expect(refused(reply)).toEqual(notFor('DECRYPT'));
  });

  test('decrypts alone', async () => {
    await makeKey(target, kms, 'decrypts', '--usage', 'DECRYPT');
    expect(succeeded(await metadata('decrypts'))).toEqual({ ...enabled, keyUsage: ['DECRYPT'] });
    for (const checked of [false, true]) {
      expect(refused(await encrypt('decrypts', { checked }))).toEqual(notFor('ENCRYPT'));
    }
  });
});

test('A key that is rotated seals with the new material, and opens what the old one sealed', async () => {
  await makeKey(target, kms, 'rotated');
  const before = sealedOf(await encrypt('rotated'));
  await target.run('key', 'rotate', kms.prefix, 'rotated');
  const after = sealedOf(await encrypt('rotated', { checked: true }));
  expect(after.ciphertextMetadata.equals(before.ciphertextMetadata)).toBe(false);
  for (const sealed of [before, after]) {
    const opened = await kms.call('keys/rotated/decrypt', decryptBody(sealed));
    expect(succeeded(opened)).toEqual({ plaintext: plaintext.toString('base64') });
  }
  const swapped = { ...before, ciphertextMetadata: after.ciphertextMetadata };
  expect(refused(await kms.call('keys/rotated/decrypt', decryptBody(swapped)))).toMatchObject({
    errorName: 'InvalidCiphertextException',
  });
});

test('A key that is deleted is not found, and neither is what it sealed', async () => {
  await makeKey(target, kms, 'deleted');
  const sealed = decryptBody(sealedOf(await encrypt('deleted')));
  await target.run('key', 'delete', kms.prefix, 'deleted');
  expect(refused(await metadata('deleted'))).toEqual(keyNotFound);
  expect(refused(await kms.call('keys/deleted/decrypt', sealed))).toEqual(keyNotFound);
});

test('A store that is disabled refuses everything, and is as it was once it is enabled', async () => {
  const closed = await makeStore(target, 'closed');
  await makeKey(target, closed, 'one');
  await target.run('store', 'disable', closed.prefix);
  const health = { requestMetadata: about('KmsHealthCheck') };
  expect(refused(await closed.call('health', health))).toEqual(storeDisabled);
  expect(refused(await metadata('one', closed))).toEqual(storeDisabled);
  expect(refused(await encrypt('one', { caller: closed }))).toEqual(storeDisabled);
  expect(refused(await closed.call('health', 'nonsense'))).toEqual(storeDisabled);
  await target.run('store', 'enable', closed.prefix);
  expect(succeeded(await metadata('one', closed))).toEqual(enabled);
  closed.close();
});

describe('GetHealthStatus', () => {
  test('tells of the proxy and of the token behind it', async () => {
    const requestMetadata = { kmsRequestId: 'any', kmsOperation: 'KmsHealthCheck' };
    const status = succeeded(await kms.call('health', { requestMetadata }));
    expect(status).toEqual({
      xksProxyFleetSize: expect.any(Number) as number,
      xksProxyVendor: 'Claviger',
      xksProxyModel: expect.stringMatching(/^Claviger \d/) as string,
      ekmVendor: expect.stringMatching(/./) as string,
      ekmFleetDetails: [
        {
          id: expect.stringMatching(/./) as string,
          model: expect.stringMatching(/./) as string,
          healthStatus: expect.stringMatching(/^(ACTIVE|DEGRADED)$/) as string,
        },
      ],
    });
    expect(status['xksProxyFleetSize']).toBeGreaterThan(0);
  });

  test.each([
    ['without requestMetadata', {}, 'requestMetadata is missing, or not an object.'],
    ['with an empty one', { requestMetadata: {} }, 'kmsRequestId is missing.'],
    [
      'without an operation',
      { requestMetadata: { kmsRequestId: 'r' } },
      'kmsOperation is missing.',
    ],
  ])('%s is invalid', async (_what, body, message) => {
    expect(refused(await kms.call('health', body))).toEqual(invalid(message));
  });
});
