import {
  CreateKeyCommand,
  type CreateKeyCommandInput,
  EncryptCommand,
  GetPublicKeyCommand,
  SignCommand,
} from '@aws-sdk/client-kms';
import { createPublicKey, verify } from 'node:crypto';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { disagreements } from '../support/doctor';
import { ask, count } from '../support/load';
import { administer } from '../support/postgres';

jest.setTimeout(180_000);

const signing: CreateKeyCommandInput = { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' };

/** Each waiting RSA key would hold a connection of its own, if they were generated in their transactions. */
const environment = {
  CLAVIGER_DATABASE_POOL_SIZE: '2',
  CLAVIGER_DATABASE_CONNECT_TIMEOUT_MS: '3000',
};

describe.each(['resident', 'wrapped'])('many RSA keys at once in a %s store', (store) => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await startDaemon({
      workers: 2,
      environment: { ...environment, CLAVIGER_KEY_MATERIAL: store },
    });
  });
  afterAll(() => daemon.remove());

  /** Connections are dealt out to the workers in turn. */
  const create = (input: CreateKeyCommandInput) =>
    ask(() => daemon.client().send(new CreateKeyCommand(input)));

  test('are all made, while other keys are made and used', async () => {
    const waiting = Array.from({ length: 8 }, () => create(signing));
    const others = await Promise.all(
      [{}, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }, {}].map((input) =>
        create(input as CreateKeyCommandInput),
      ),
    );
    expect(count(others)).toEqual({ ok: 3 });
    const [symmetric] = await keysOf('SYMMETRIC_DEFAULT');
    await daemon
      .client()
      .send(new EncryptCommand({ KeyId: symmetric, Plaintext: Buffer.from('meanwhile') }));
    expect(count(await Promise.all(waiting))).toEqual({ ok: 8 });
  });

  const keysOf = async (spec: string): Promise<string[]> =>
    (
      await administer<{ key_id: string }>(
        daemon.databaseUrl,
        'select key_id from kms_key where key_spec = $1',
        [spec],
      )
    ).map(({ key_id: keyId }) => keyId);

  test('each sign what their own public keys verify, in both workers', async () => {
    const keys = await keysOf('RSA_2048');
    expect(keys).toHaveLength(8);
    const seen = new Set<string>();
    for (const [at, KeyId] of keys.entries()) {
      const kms = daemon.client();
      const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId }));
      const der = Buffer.from(PublicKey ?? []);
      seen.add(der.toString('hex'));
      const Message = Buffer.from(`message ${String(at)}`);
      const SigningAlgorithm = 'RSASSA_PKCS1_V1_5_SHA_256';
      const { Signature = new Uint8Array() } = await kms.send(
        new SignCommand({ KeyId, Message, SigningAlgorithm }),
      );
      const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' });
      expect(verify('sha256', Message, publicKey, Signature)).toBe(true);
    }
    expect(seen.size).toBe(8);
  });

  test('leave token and database in agreement', async () => {
    expect(await disagreements(daemon)).toEqual([]);
    expect(await administer(daemon.databaseUrl, 'select from doomed_object')).toEqual([]);
  });
});
