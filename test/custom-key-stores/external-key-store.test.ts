import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateCustomKeyStoreCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisconnectCustomKeyStoreCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  type KMSClient,
  type KMSServiceException,
  ReEncryptCommand,
  UpdateCustomKeyStoreCommand,
} from '@aws-sdk/client-kms';
import {
  type TwoClavigers,
  connect,
  connectedStore,
  prefix,
  startTwoClavigers,
  storeInput,
  strangers,
} from '../support/two-clavigers';
import { until } from '../support/until';
import { makeExternalKey, makeXksCredential } from '../support/xks-commands';

const Plaintext = Buffer.from('attack at dawn');
const EncryptionContext = { purpose: 'test' };

let both: TwoClavigers;
let kms: KMSClient;
let CustomKeyStoreId: string;
/** A key in the external key store, and one of the token alone. */
let KeyId: string;
let inToken: string;

beforeAll(async () => {
  both = await startTwoClavigers();
  kms = both.kms.client();
  await makeExternalKey(both.manager, prefix, 'the-key');
  CustomKeyStoreId = await connectedStore(kms, both.credential);
  KeyId = await keyUnder('the-key');
  inToken = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId ?? '';
});
afterAll(() => both.remove());

async function keyUnder(XksKeyId: string): Promise<string> {
  const Origin = 'EXTERNAL_KEY_STORE';
  const made = await kms.send(new CreateKeyCommand({ Origin, CustomKeyStoreId, XksKeyId }));
  return made.KeyMetadata?.KeyId ?? '';
}

const encrypt = async (different: object = {}): Promise<Uint8Array> => {
  const input = { KeyId, Plaintext, EncryptionContext, ...different };
  return (await kms.send(new EncryptCommand(input))).CiphertextBlob ?? Buffer.alloc(0);
};
const decrypt = (CiphertextBlob: Uint8Array, different: object = {}) =>
  kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext, ...different }));

async function refusalOf(work: Promise<unknown>): Promise<{ name: string; message: string }> {
  const thrown: unknown = await work.then(
    () => ({ name: 'nothing was thrown', message: '' }),
    (error: unknown) => error,
  );
  const { name, message } = thrown as KMSServiceException;
  return { name, message };
}

const state = (message: string) => ({ name: 'KMSInvalidStateException', message });
const proxyRejected = 'The external key store proxy rejected the request because';
const unreachable =
  'AWS KMS cannot communicate with the external key store proxy. Verify that your external key store proxy is active and is connected to the network, and that its URI path and endpoint URI or VPC service name are correct in your external key store.';

describe('A key in an external key store', () => {
  test('says of itself where it is, and not which material it has', async () => {
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata).toMatchObject({
      Origin: 'EXTERNAL_KEY_STORE',
      KeyState: 'Enabled',
      CustomKeyStoreId,
      XksKeyConfiguration: { Id: 'the-key' },
    });
    expect(KeyMetadata).not.toHaveProperty('CurrentKeyMaterialId');
  });

  test('encrypts and decrypts, and the ciphertext tells its key', async () => {
    const opened = await decrypt(await encrypt());
    expect(Buffer.from(opened.Plaintext ?? [])).toEqual(Plaintext);
    expect(opened.KeyId).toContain(KeyId);
    expect(opened).not.toHaveProperty('KeyMaterialId');
  });

  test('encrypts 4096 bytes', async () => {
    const largest = Buffer.alloc(4096, 7);
    const blob = await encrypt({ Plaintext: largest });
    expect(blob.length).toBeLessThanOrEqual(6144);
    expect(Buffer.from((await decrypt(blob)).Plaintext ?? [])).toEqual(largest);
  });

  test('makes data keys, with their plaintext and without', async () => {
    const input = { KeyId, EncryptionContext, NumberOfBytes: 32 };
    const made = await kms.send(new GenerateDataKeyCommand(input));
    expect((await decrypt(made.CiphertextBlob!)).Plaintext).toEqual(made.Plaintext);
    const sealed = await kms.send(new GenerateDataKeyWithoutPlaintextCommand(input));
    expect((await decrypt(sealed.CiphertextBlob!)).Plaintext).toHaveLength(32);
  });

  test('takes over from a key in the token, and hands over to one', async () => {
    const move = async (CiphertextBlob: Uint8Array, DestinationKeyId: string) => {
      const contexts = {
        SourceEncryptionContext: EncryptionContext,
        DestinationEncryptionContext: EncryptionContext,
      };
      const input = { CiphertextBlob, DestinationKeyId, ...contexts };
      return (await kms.send(new ReEncryptCommand(input))).CiphertextBlob!;
    };
    const moved = await move(await encrypt({ KeyId: inToken }), KeyId);
    expect(Buffer.from((await decrypt(moved, { KeyId })).Plaintext ?? [])).toEqual(Plaintext);
    const back = await move(moved, inToken);
    const opened = await decrypt(back, { KeyId: inToken });
    expect(Buffer.from(opened.Plaintext ?? [])).toEqual(Plaintext);
  });

  test('refuses another encryption context, and a ciphertext that was changed, as the proxy does', async () => {
    const blob = Buffer.from(await encrypt());
    const refused = state(
      `${proxyRejected} the specified ciphertext or additional authenticated data is corrupted, missing, or otherwise invalid.`,
    );
    expect(await refusalOf(decrypt(blob, { EncryptionContext: {} }))).toEqual(refused);
    blob.writeUInt8(blob.readUInt8(blob.length - 1) ^ 1, blob.length - 1);
    expect(await refusalOf(decrypt(blob))).toEqual(refused);
  });

  test('is not the maker of what is no ciphertext of it', async () => {
    expect(await refusalOf(decrypt((await encrypt()).subarray(0, 60)))).toMatchObject({
      name: 'InvalidCiphertextException',
    });
    expect(await refusalOf(decrypt(await encrypt(), { KeyId: inToken }))).toMatchObject({
      name: 'IncorrectKeyException',
    });
  });

  test('dry runs ask no proxy to encrypt, and one to decrypt', async () => {
    const dryRun = { name: 'DryRunOperationException' };
    expect(await refusalOf(encrypt({ DryRun: true }))).toMatchObject(dryRun);
    expect(await refusalOf(decrypt(await encrypt(), { DryRun: true }))).toMatchObject(dryRun);
  });

  test('tells the proxy who asks for what, under one request id', async () => {
    const sent = await kms.send(new EncryptCommand({ KeyId, Plaintext }));
    const kmsRequestId = sent.$metadata.requestId;
    const line = () => both.manager.log.find((one) => one['kmsRequestId'] === kmsRequestId);
    await until('the proxy has logged the request', () => line() !== undefined);
    expect(line()).toMatchObject({
      operation: 'Encrypt',
      outcome: 'ok',
      externalKeyId: 'the-key',
      kmsOperation: 'Encrypt',
      awsPrincipalArn: `arn:aws:iam::${both.kms.accountId}:root`,
      kmsKeyArn: `arn:aws:kms:us-east-1:${both.kms.accountId}:key/${KeyId}`,
    });
  });
});

describe('CreateKey asks the proxy', () => {
  test('for an external key that is not there', async () => {
    expect(await refusalOf(keyUnder('nobody'))).toEqual({
      name: 'XksKeyNotFoundException',
      message: `${proxyRejected} it could not find the external key.`,
    });
  });

  test('for one that encrypts only, and for one that is disabled', async () => {
    await makeExternalKey(both.manager, prefix, 'one-way', '--usage', 'ENCRYPT');
    expect(await refusalOf(keyUnder('one-way'))).toEqual({
      name: 'XksKeyInvalidConfigurationException',
      message:
        'The key usage of the external key must include ENCRYPT and DECRYPT. The key use of specified external key is ENCRYPT.',
    });
    await makeExternalKey(both.manager, prefix, 'off');
    await both.manager.run('xks', 'key', 'disable', prefix, 'off');
    expect(await refusalOf(keyUnder('off'))).toEqual({
      name: 'XksKeyInvalidConfigurationException',
      message:
        'The status of the external key must be ENABLED. The status of specified external key is DISABLED.',
    });
  });
});

describe('What is done to the external key', () => {
  test('disabled, it refuses; enabled, it is as before', async () => {
    const blob = await encrypt();
    const refused = state(
      `${proxyRejected} the external key is not enabled in the external key manager.`,
    );
    await both.manager.run('xks', 'key', 'disable', prefix, 'the-key');
    expect(await refusalOf(encrypt())).toEqual(refused);
    expect(await refusalOf(decrypt(blob))).toEqual(refused);
    await both.manager.run('xks', 'key', 'enable', prefix, 'the-key');
    expect(Buffer.from((await decrypt(blob)).Plaintext ?? [])).toEqual(Plaintext);
  });

  test('rotated, it decrypts what it encrypted before', async () => {
    const before = await encrypt();
    await both.manager.run('xks', 'key', 'rotate', prefix, 'the-key');
    const after = await encrypt();
    // The metadata of the proxy's own, by which it finds its material (offset 52: initialisation vector and tag before).
    const metadata = (blob: Uint8Array) => Buffer.from(blob).toString('hex', 80, 97);
    expect(metadata(after)).not.toBe(metadata(before));
    for (const blob of [before, after]) {
      expect(Buffer.from((await decrypt(blob)).Plaintext ?? [])).toEqual(Plaintext);
    }
  });

  test('with rules that deny the caller, it denies access', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'claviger-rules-'));
    const rules = join(directory, 'rules.json');
    const denial = { name: 'no-decryption', effect: 'deny', kmsOperation: 'Decrypt' };
    writeFileSync(rules, JSON.stringify({ rules: [denial] }));
    await makeExternalKey(both.manager, prefix, 'guarded', '--rules', rules);
    rmSync(directory, { recursive: true });
    const blob = await encrypt({ KeyId: await keyUnder('guarded') });
    expect(await refusalOf(decrypt(blob))).toEqual(
      state(
        'The external key store proxy denied access to the operation. Verify that the user and the external key are both authorized for this operation, and try the request again.',
      ),
    );
  });

  test('deleted, it is not found', async () => {
    await makeExternalKey(both.manager, prefix, 'doomed');
    const doomed = await keyUnder('doomed');
    const blob = await encrypt({ KeyId: doomed });
    await both.manager.run('xks', 'key', 'delete', prefix, 'doomed');
    const refused = state(`${proxyRejected} it could not find the external key.`);
    expect(await refusalOf(encrypt({ KeyId: doomed }))).toEqual(refused);
    expect(await refusalOf(decrypt(blob))).toEqual(refused);
  });
});

describe('CreateCustomKeyStore asks a public endpoint for its health', () => {
  const createAt = (different: object): Promise<{ name: string; message: string }> => {
    const input = storeInput(both.credential, { CustomKeyStoreName: 'another', ...different });
    return refusalOf(kms.send(new CreateCustomKeyStoreCommand(input)));
  };
  const tls = {
    name: 'XksProxyInvalidConfigurationException',
    message:
      'AWS KMS cannot establish a TLS connection to the external key store proxy. Verify the TLS configuration, including its certificate.',
  };

  test('which nobody listens at', async () => {
    expect(await createAt({ XksProxyUriEndpoint: strangers.away })).toEqual({
      name: 'XksProxyUriUnreachableException',
      message: unreachable,
    });
  });

  test.each([
    ['whose authority is not believed', strangers.untrusted],
    ['whose certificate has another name', strangers.otherName],
    ['which wants a client certificate that there is not', strangers.withoutCertificate],
  ])('%s', async (_, XksProxyUriEndpoint) => {
    expect(await createAt({ XksProxyUriEndpoint })).toEqual(tls);
  });

  test('which knows another path', async () => {
    expect(await createAt({ XksProxyUriPath: '/nobody/kms/xks/v1' })).toEqual({
      name: 'XksProxyInvalidConfigurationException',
      message:
        'The external key store proxy rejected the request because of an invalid URI path. Verify the URI path for your external key store and update if necessary.',
    });
  });
});

const incorrect = {
  name: 'XksProxyIncorrectAuthenticationCredentialException',
  message:
    'The external key store proxy rejected the request because it could not authenticate AWS KMS. Verify the credentials for your external key store and update if necessary.',
};

describe('A credential', () => {
  const update = ({ AccessKeyId, RawSecretAccessKey }: typeof both.credential) =>
    kms.send(
      new UpdateCustomKeyStoreCommand({
        CustomKeyStoreId,
        XksProxyAuthenticationCredential: { AccessKeyId, RawSecretAccessKey },
      }),
    );

  test('is rotated while the store is connected: no request meets the change', async () => {
    const next = await makeXksCredential(both.manager, prefix);
    const rotation = { done: false };
    const busy = (async () => {
      while (!rotation.done) await encrypt();
    })();
    await update(next);
    await both.manager.run('xks', 'credential', 'delete', prefix, both.credential.AccessKeyId);
    rotation.done = true;
    await busy;
    await encrypt();
  });

  test('that the proxy does not know is not taken, and the one before serves on', async () => {
    expect(await refusalOf(update(both.credential))).toEqual(incorrect);
    await encrypt();
  });
});

describe('The store', () => {
  test('is disconnected, and its keys are unavailable until it is connected again', async () => {
    const blob = await encrypt();
    await kms.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata).toMatchObject({ KeyState: 'Unavailable', Enabled: false });
    expect(await refusalOf(decrypt(blob))).toEqual(state(`${KeyMetadata?.Arn} is unavailable.`));
    await connect(kms, CustomKeyStoreId);
    expect(Buffer.from((await decrypt(blob)).Plaintext ?? [])).toEqual(Plaintext);
  });

  test('has a proxy that is stopped, and serves again when it is back', async () => {
    const blob = await encrypt();
    await both.manager.stop();
    expect(await refusalOf(encrypt())).toEqual(state(unreachable));
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata?.KeyState).toBe('Enabled');
    await both.restartManager();
    let opened: Uint8Array | undefined;
    await until('the proxy is found again', async () => {
      opened = await decrypt(blob).then(
        ({ Plaintext: bytes }) => bytes,
        () => undefined,
      );
      return opened !== undefined;
    });
    expect(Buffer.from(opened ?? [])).toEqual(Plaintext);
  });
});
