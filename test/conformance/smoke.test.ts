import { CreateKeyCommand, DecryptCommand, EncryptCommand } from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';

describe('the AWS SDK against a whole daemon', () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await startDaemon();
  });
  afterAll(() => daemon.remove());

  test('creates a key, encrypts under it and decrypts again', async () => {
    const kms = daemon.client();
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const Plaintext = Buffer.from('attack at dawn');
    const { CiphertextBlob } = await kms.send(
      new EncryptCommand({ KeyId: KeyMetadata?.KeyId, Plaintext }),
    );
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(opened.Plaintext ?? [])).toEqual(Plaintext);
    expect(opened.KeyId).toBe(KeyMetadata?.Arn);
  });
});
