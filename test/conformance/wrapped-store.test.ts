import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  type KMSClient,
  ReEncryptCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { openToken } from '../../hsm';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { bringForward, deletedKeys } from '../support/deletion';
import { broken, createSealedKey, encrypt, open, plaintext } from '../support/keys';
import { sdkRefusal } from '../support/kms';
import { administer } from '../support/postgres';
import { tokenOptions } from '../support/token-options';
import { until } from '../support/until';

jest.setTimeout(60_000);

const wrapped = { CLAVIGER_KEY_MATERIAL: 'wrapped', CLAVIGER_JOB_INTERVAL_MS: '100' };

interface MaterialRow {
  readonly material_id: string;
  readonly kind: string;
  readonly token_serial: string | null;
  readonly wrapping_key_id: string | null;
  readonly bytes: number | null;
}

describe('A key store whose material is wrapped', () => {
  let daemon: TestDaemon;
  let beside: TestDaemon;
  let kms: KMSClient;
  beforeAll(async () => {
    daemon = await startDaemon({ workers: 2, environment: wrapped });
    beside = await startDaemon({ beside: daemon, environment: wrapped });
    kms = daemon.client();
  });
  afterAll(async () => {
    await beside.remove();
    await daemon.remove();
  });

  const materialsOf = (keyId: string): Promise<MaterialRow[]> =>
    administer<MaterialRow>(
      daemon.databaseUrl,
      `select material_id, kind, token_serial, wrapping_key_id, octet_length(wrapped) as bytes
       from key_material where key_id = $1 order by ordinal`,
      [keyId],
    );
  const objects = async (prefix: string): Promise<string[]> => {
    const token = await openToken(tokenOptions(daemon.token));
    try {
      return await token.listKeys(prefix);
    } finally {
      await token.close();
    }
  };

  test('has one wrapping key, which init made, and no object in the token for any key', async () => {
    const { keyId, blob } = await createSealedKey(kms);
    const wrappingKeys = await administer<{ id: string; state: string; exportable: boolean }>(
      daemon.databaseUrl,
      'select wrapping_key_id as id, state, exportable from wrapping_key',
    );
    expect(wrappingKeys).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        state: 'CURRENT',
        exportable: false,
      },
    ]);
    const id = wrappingKeys[0]?.id;
    // 32 bytes under AES key wrap with padding are 40 (RFC 5649).
    expect(await materialsOf(keyId)).toEqual([
      expect.objectContaining({
        ...{ kind: 'wrapped', token_serial: null, wrapping_key_id: id, bytes: 40 },
      }),
    ]);
    expect(await objects('claviger:key:')).toEqual([]);
    expect(await objects('claviger:wrapping:')).toEqual([id]);
    expect(await open(kms, blob)).toEqual(plaintext);
    expect(await administer(daemon.databaseUrl, 'select from doomed_object')).toEqual([]);
  });

  test('serves each of its keys on every worker of every daemon', async () => {
    const keys = await Promise.all(Array.from({ length: 5 }, () => createSealedKey(kms)));
    const ids = keys.map(({ keyId }) => keyId);
    // A connection each: the two workers take them in turn.
    const clients = [daemon.client(), daemon.client(), beside.client()];
    expect(await broken(clients, ids)).toEqual([]);
    for (const { blob } of keys) expect(await open(beside.client(), blob)).toEqual(plaintext);
  });

  test('encrypts and decrypts with RSA keys, and seals data key pairs', async () => {
    const made = await kms.send(
      new CreateKeyCommand({ KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' }),
    );
    const named = {
      KeyId: made.KeyMetadata?.KeyId ?? '',
      EncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
    } as const;
    const sealed = await kms.send(new EncryptCommand({ ...named, Plaintext: plaintext }));
    const { CiphertextBlob } = sealed;
    const opened = await kms.send(new DecryptCommand({ ...named, CiphertextBlob }));
    expect(Buffer.from(opened.Plaintext!)).toEqual(plaintext);
    const { keyId: KeyId } = await createSealedKey(kms);
    const pair = await kms.send(
      new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec: 'ECC_NIST_P256' }),
    );
    expect(await open(kms, pair.PrivateKeyCiphertextBlob!)).toEqual(
      Buffer.from(pair.PrivateKeyPlaintext!),
    );
  });

  test('names the material in answers, gives out data keys and re-encrypts', async () => {
    const [from, to] = [await createSealedKey(kms), await createSealedKey(kms)];
    const dataKey = await kms.send(
      new GenerateDataKeyCommand({ KeyId: from.keyId, KeySpec: 'AES_256' }),
    );
    expect(await open(kms, dataKey.CiphertextBlob!)).toEqual(Buffer.from(dataKey.Plaintext!));
    const [source] = await materialsOf(from.keyId);
    const [destination] = await materialsOf(to.keyId);
    const moved = await kms.send(
      new ReEncryptCommand({ CiphertextBlob: from.blob, DestinationKeyId: to.keyId }),
    );
    expect([moved.SourceKeyMaterialId, moved.DestinationKeyMaterialId]).toEqual([
      source?.material_id,
      destination?.material_id,
    ]);
    expect(await open(kms, moved.CiphertextBlob!)).toEqual(plaintext);
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: to.keyId }));
    expect(KeyMetadata?.CurrentKeyMaterialId).toBe(destination?.material_id);
  });

  test('does not open with one key what another sealed, nor what was changed', async () => {
    const [one, other] = [await createSealedKey(kms), await createSealedKey(kms)];
    const swapped = Buffer.concat([
      Buffer.from(other.blob).subarray(0, 50),
      Buffer.from(one.blob).subarray(50),
    ]);
    expect(await sdkRefusal(open(kms, swapped))).toMatchObject({
      ...{ code: 'InvalidCiphertextException', message: '' },
    });
  });

  test('refuses with a disabled key on every worker, and serves when it is enabled again', async () => {
    const { keyId, blob } = await createSealedKey(kms);
    const clients = [daemon.client(), daemon.client(), beside.client()];
    for (const client of clients) expect(await open(client, blob)).toEqual(plaintext);
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: keyId }));
    await kms.send(new DisableKeyCommand({ KeyId: keyId }));
    for (const client of clients) {
      expect(await sdkRefusal(open(client, blob))).toMatchObject({
        ...{ code: 'DisabledException', message: `${KeyMetadata?.Arn} is disabled.` },
      });
    }
    await kms.send(new EnableKeyCommand({ KeyId: keyId }));
    for (const client of clients) expect(await open(client, blob)).toEqual(plaintext);
  });

  test('rotates a key on demand: its next material is wrapped too, and the one before opens what it sealed', async () => {
    const { keyId, blob } = await createSealedKey(kms);
    await kms.send(new RotateKeyOnDemandCommand({ KeyId: keyId }));
    const rows = await materialsOf(keyId);
    expect(rows.map(({ kind, bytes }) => [kind, bytes])).toEqual([
      ['wrapped', 40],
      ['wrapped', 40],
    ]);
    const sealed = await kms.send(encrypt(keyId));
    const opened = await beside
      .client()
      .send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob }));
    expect(opened.KeyMaterialId).toBe(rows[1]?.material_id);
    expect(await open(beside.client(), blob)).toEqual(plaintext);
    expect(await objects('claviger:key:')).toEqual([]);
  });

  test('deletes the blob with the key', async () => {
    const { keyId, blob } = await createSealedKey(kms);
    const { KeyId: arn } = await kms.send(
      new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: 7 }),
    );
    await bringForward(daemon.databaseUrl, keyId);
    await until('it is gone', async () => (await materialsOf(keyId)).length === 0);
    for (const client of [kms, beside.client()]) {
      expect(await sdkRefusal(open(client, blob))).toMatchObject({
        ...{ code: 'AccessDeniedException', status: 400 },
      });
    }
    await until('it is recorded', async () => (await deletedKeys(daemon, arn)).length === 1);
  });

  test('makes many keys at once, without a lock of the token', async () => {
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        (at % 2 === 0 ? daemon : beside).client().send(new CreateKeyCommand({})),
      ),
    );
    const ids = made.map(({ KeyMetadata }) => KeyMetadata?.KeyId ?? '');
    expect(new Set(ids).size).toBe(20);
    expect(await broken([kms], ids)).toEqual([]);
    expect(await objects('claviger:key:')).toEqual([]);
  });

  test('takes the token up again when it comes back', async () => {
    const { keyId, blob } = await createSealedKey(kms);
    const clients = [daemon.client(), daemon.client()];
    for (const client of clients) await client.send(encrypt(keyId));
    const serving = async (): Promise<number> => {
      const tried = await Promise.allSettled(clients.map((client) => open(client, blob)));
      return tried.filter(({ status }) => status === 'fulfilled').length;
    };
    await daemon.token.moveAway();
    await until('neither worker serves', async () => (await serving()) === 0);
    await daemon.token.restore();
    await until('both workers serve', async () => (await serving()) === 2);
    for (const client of clients) expect(await open(client, blob)).toEqual(plaintext);
    const next = await createSealedKey(kms);
    expect(await open(kms, next.blob)).toEqual(plaintext);
  });

  test('makes and rotates external keys of AWS KMS as wrapped ones too', async () => {
    await daemon.run('xks', 'store', 'create', '/wrapped');
    const made = await daemon.run('xks', 'key', 'create', '/wrapped', 'a', '--json');
    await daemon.run('xks', 'key', 'rotate', '/wrapped', 'a');
    const { KeyId } = JSON.parse(made) as { readonly KeyId: string };
    const materials = await materialsOf(KeyId);
    expect(materials.map(({ kind, token_serial: serial }) => [kind, serial])).toEqual([
      ['wrapped', null],
      ['wrapped', null],
    ]);
  });
});

describe('A key store whose kind is changed', () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await startDaemon();
  });
  afterAll(() => daemon.remove());

  const served = async (kind: string): Promise<TestDaemon> =>
    startDaemon({ beside: daemon, environment: { CLAVIGER_KEY_MATERIAL: kind } });

  test('from resident to wrapped serves both, and is refused the way back', async () => {
    const resident = await createSealedKey(daemon.client());
    await daemon.run('xks', 'store', 'create', '/resident');
    await daemon.run('xks', 'credential', 'create', '/resident');
    await daemon.stop();
    daemon.environment['CLAVIGER_KEY_MATERIAL'] = 'wrapped';
    await expect(served('wrapped')).rejects.toThrow(
      'CLAVIGER_KEY_MATERIAL is wrapped, and there is no wrapping key: `claviger init` makes it',
    );
    await daemon.run('init');
    // What lasts is sealed under a wrapped key from now on: another token with the wrapping key can open it.
    const unportable = `
      select from (select sealing_key_id from access_key union all select sealing_key_id from xks_credential) a
      join system_key s on s.token_key_id = a.sealing_key_id where s.wrapping_key_id is null`;
    expect(await administer(daemon.databaseUrl, unportable)).toEqual([]);
    const changed = await served('wrapped');
    const kms = changed.client();
    expect(await open(kms, resident.blob)).toEqual(plaintext);
    const fresh = await createSealedKey(kms);
    expect(await broken([kms], [resident.keyId, fresh.keyId])).toEqual([]);
    const kinds = await administer<{ kind: string; keys: number }>(
      daemon.databaseUrl,
      'select kind, count(*)::int as keys from key_material group by kind order by kind',
    );
    expect(kinds).toEqual([
      { kind: 'resident', keys: 1 },
      { kind: 'wrapped', keys: 1 },
    ]);
    await changed.remove();

    const refusal =
      'CLAVIGER_KEY_MATERIAL is resident, but the material of 1 key is wrapped: what could ever leave the token, if only wrapped, is no resident material and is not made any; set CLAVIGER_KEY_MATERIAL=wrapped';
    await expect(served('resident')).rejects.toThrow(refusal);
    daemon.environment['CLAVIGER_KEY_MATERIAL'] = 'resident';
    await expect(daemon.run('init')).rejects.toMatchObject({ stderr: `claviger: ${refusal}\n` });
  });
});
