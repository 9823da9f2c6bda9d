import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Terminal, openTerminal } from '../support/aws-cli';
import { type KeyStoreStage, clusterIds, openKeyStoreStage } from '../support/key-stores';
import { proxyCredential } from '../support/xks-proxy';

/** Each command starts a Python, which takes seconds where processors are few. */
jest.setTimeout(120_000);

let stage: KeyStoreStage;
let terminal: Terminal;
beforeAll(async () => {
  stage = await openKeyStoreStage();
  terminal = await openTerminal(stage.daemon);
  await writeFile(path.join(terminal.directory, 'anchor.crt'), stage.trustAnchor);
});
afterAll(async () => {
  await terminal.close();
  await stage.remove();
});

async function answer(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await terminal.kms(...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout === '' ? undefined : JSON.parse(stdout);
}

async function failure(...args: string[]): Promise<string> {
  const { code, stderr } = await terminal.kms(...args);
  expect([254, 255]).toContain(code);
  return stderr.trim();
}

async function create(...args: string[]): Promise<string> {
  const made = await answer('create-custom-key-store', ...args);
  return (made as { CustomKeyStoreId: string }).CustomKeyStoreId;
}

test('The AWS CLI makes, connects, changes and deletes a key store of a cluster', async () => {
  const id = await create(
    ...['--custom-key-store-name', 'hsm', '--cloud-hsm-cluster-id', clusterIds[0]],
    ...['--key-store-password', stage.tokens[0].pin],
    ...['--trust-anchor-certificate', 'file://anchor.crt'],
  );
  const named = ['--custom-key-store-id', id];
  expect(await answer('connect-custom-key-store', ...named)).toBeUndefined();
  await stage.isIn(id, 'CONNECTED');
  expect(await answer('describe-custom-key-stores', '--custom-key-store-name', 'hsm')).toEqual({
    CustomKeyStores: [
      {
        CustomKeyStoreId: id,
        CustomKeyStoreName: 'hsm',
        CustomKeyStoreType: 'AWS_CLOUDHSM',
        CloudHsmClusterId: clusterIds[0],
        TrustAnchorCertificate: stage.trustAnchor,
        ConnectionState: 'CONNECTED',
        CreationDate: expect.anything() as unknown,
      },
    ],
  });
  expect(await failure('delete-custom-key-store', ...named)).toBe(
    `An error occurred (CustomKeyStoreInvalidStateException) when calling the DeleteCustomKeyStore operation: The connection state of the custom key store ${id} is CONNECTED, which is not valid for this operation.`,
  );
  expect(await answer('disconnect-custom-key-store', ...named)).toBeUndefined();
  const renamed = ['--new-custom-key-store-name', 'another'];
  expect(await answer('update-custom-key-store', ...named, ...renamed)).toBeUndefined();
  expect(await answer('delete-custom-key-store', ...named)).toBeUndefined();
  expect(await failure('describe-custom-key-stores', ...named)).toBe(
    `An error occurred (CustomKeyStoreNotFoundException) when calling the DescribeCustomKeyStores operation: Custom key store ${id} does not exist.`,
  );
});

test('The AWS CLI makes an external key store', async () => {
  const { accessKeyId: AccessKeyId } = proxyCredential;
  // Version 1 of the CLI fetches what an https URL on its command line is the address of.
  const input = path.join(terminal.directory, 'store.json');
  await writeFile(input, JSON.stringify(stage.external()));
  const id = await create('--cli-input-json', 'file://store.json');
  expect(await answer('describe-custom-key-stores', '--custom-key-store-id', id)).toMatchObject({
    CustomKeyStores: [
      {
        CustomKeyStoreType: 'EXTERNAL_KEY_STORE',
        XksProxyConfiguration: { AccessKeyId, UriEndpoint: 'https://127.0.0.1' },
      },
    ],
  });
});
