import {
  DecryptCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  type GenerateDataKeyCommandOutput,
  GenerateDataKeyPairCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  type KMSClient,
  KMSInvalidStateException,
  ReEncryptCommand,
  RotateKeyOnDemandCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { createSealedKey, encrypt, open, plaintext } from '../support/keys';
import { createKey, sdkRefusal } from '../support/kms';
import { administer } from '../support/postgres';
import { allRotations, becomeImported, rotationEvents } from '../support/rotation';
import { until } from '../support/until';

const limit = 100;

let daemon: TestDaemon;
let kms: KMSClient;
beforeAll(async () => {
  daemon = await startDaemon({
    workers: 2,
    environment: {
      CLAVIGER_MAX_ENCRYPTIONS_PER_MATERIAL: String(limit),
      // No look comes by itself.
      CLAVIGER_JOB_INTERVAL_MS: '3600000',
    },
  });
  kms = daemon.client();
});
afterAll(() => daemon.remove());

const dataKey = (KeyId: string) =>
  kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_128' }));

/** A key that Claviger does not rotate. */
async function importedKey(): Promise<{ id: string; arn: string; materialId: string }> {
  const { id, arn } = await createKey(kms);
  const [first] = await allRotations(kms, id);
  await becomeImported(daemon, id, { current: first?.KeyMaterialId });
  return { id, arn, materialId: first?.KeyMaterialId ?? '' };
}

const wornOut = (arn: string, remedy: string) => ({
  code: 'KMSInvalidStateException',
  message: `${arn} has made as many encryptions under its current key material as one key material may make. ${remedy}`,
  status: 400,
});
const importMore = 'Import new key material with ImportKeyMaterial and call RotateKeyOnDemand.';

async function reserved(materialId: string): Promise<number | undefined> {
  const [row] = await administer<{ reserved: number }>(
    daemon.databaseUrl,
    'select reserved::float8 from encryption_count where material_id = $1',
    [materialId],
  );
  return row?.reserved;
}

/** On a slow machine a rotation may take longer than what is left of the old material lasts. */
async function insistOnDataKey(keyId: string): Promise<GenerateDataKeyCommandOutput> {
  let answer: GenerateDataKeyCommandOutput | undefined;
  await until('a data key is made', async () => {
    try {
      answer = await dataKey(keyId);
    } catch (error) {
      if (!(error instanceof KMSInvalidStateException)) throw error;
    }
    return answer !== undefined;
  });
  if (answer === undefined) throw new Error('no data key was made');
  return answer;
}

test('A busy key is rotated again and again, and what it made under each material can be opened', async () => {
  const { id, arn } = await createKey(kms);
  const made = new Map<string, number>();
  const blobs: Uint8Array[] = [];
  for (let i = 0; i < 40; i += 1) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => insistOnDataKey(id)));
    for (const { KeyMaterialId = '', CiphertextBlob = new Uint8Array() } of answers) {
      made.set(KeyMaterialId, (made.get(KeyMaterialId) ?? 0) + 1);
      blobs.push(CiphertextBlob);
    }
  }
  expect(made.size).toBeGreaterThanOrEqual(4);
  expect(Math.max(...made.values())).toBeLessThanOrEqual(limit);
  for (const [materialId, times] of made) {
    expect(await reserved(materialId)).toBeGreaterThanOrEqual(times);
  }
  for (const blob of blobs.filter((_, at) => at % 40 === 0)) {
    await kms.send(new DecryptCommand({ CiphertextBlob: blob }));
  }
  const rotations = (await allRotations(kms, id)).slice(1);
  expect(new Set(rotations.map(({ RotationType }) => RotationType))).toEqual(
    new Set(['AUTOMATIC']),
  );
  expect(await rotationEvents(daemon, arn)).toHaveLength(rotations.length);
});

test('Two workers together make exactly as many encryptions under a material as it may make', async () => {
  const { id, arn, materialId } = await importedKey();
  const refusals = new Set<string>();
  let made = 0;
  // Each request has a connection of its own, so both workers come to their end.
  const client = daemon.client({
    requestHandler: {
      ...{ requestTimeout: 20_000, throwOnRequestTimeout: true },
      httpAgent: { keepAlive: false },
    },
  });
  const hammer = async (): Promise<void> => {
    for (let i = 0; i < 25; i += 1) {
      try {
        await client.send(new GenerateDataKeyCommand({ KeyId: id, KeySpec: 'AES_128' }));
        made += 1;
      } catch (error) {
        refusals.add(`${(error as Error).name}: ${(error as Error).message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: 10 }, hammer));
  const { code, message } = wornOut(arn, importMore);
  expect([...refusals]).toEqual([`${code}: ${message}`]);
  expect(made).toBe(limit);
  expect(await reserved(materialId)).toBe(limit);
});

test('What encrypts is refused then, what decrypts is not', async () => {
  const { id, arn } = await importedKey();
  const { CiphertextBlob: blob = new Uint8Array() } = await kms.send(encrypt(id));
  const { blob: others } = await createSealedKey(kms);
  const refusal = wornOut(arn, importMore);
  await until('it is worn out', async () => {
    const ended = await kms.send(encrypt(id)).catch((error: unknown) => error);
    return ended instanceof Error && ended.message === refusal.message;
  });
  const encrypting = [
    new EncryptCommand({ KeyId: id, Plaintext: plaintext }),
    new GenerateDataKeyCommand({ KeyId: id, KeySpec: 'AES_256' }),
    new GenerateDataKeyWithoutPlaintextCommand({ KeyId: id, KeySpec: 'AES_256' }),
    new GenerateDataKeyPairCommand({ KeyId: id, KeyPairSpec: 'ECC_NIST_P256' }),
    new ReEncryptCommand({ DestinationKeyId: id, CiphertextBlob: others }),
  ];
  await until('the other worker says so too', async () => {
    for (const command of encrypting) {
      const ended = await kms.send(command as EncryptCommand).catch((error: unknown) => error);
      if (!(ended instanceof Error) || ended.message !== refusal.message) return false;
    }
    return true;
  });
  for (const command of encrypting) {
    expect(await sdkRefusal(kms.send(command as EncryptCommand))).toEqual(refusal);
  }
  expect(await open(kms, blob)).toEqual(plaintext);
  const { KeyId: other } = await kms.send(
    new ReEncryptCommand({ DestinationKeyId: (await createKey(kms)).id, CiphertextBlob: blob }),
  );
  expect(other).not.toBe(arn);
});

test('New material that was imported goes on, when the key is rotated to it on demand', async () => {
  const { id, materialId: first } = await importedKey();
  await until('it is worn out', async () => {
    const ended = await kms.send(encrypt(id)).catch((error: unknown) => error);
    return ended instanceof Error && ended.name === 'KMSInvalidStateException';
  });
  const { id: giver } = await createKey(kms);
  const [given] = await allRotations(kms, giver);
  const pending = given?.KeyMaterialId;
  await administer(
    daemon.databaseUrl,
    `with taken as (update kms_key set current_material_id = null where key_id = $1)
     update key_material set key_id = $2, ordinal = 2, state = 'PENDING_ROTATION' where material_id = $3`,
    [giver, id, pending],
  );
  await becomeImported(daemon, id, { current: first, pending });
  await kms.send(new RotateKeyOnDemandCommand({ KeyId: id }));
  expect(await dataKey(id)).toMatchObject({ KeyMaterialId: pending });
});

test('What was reserved is in the metrics, and what waits for people too', async () => {
  const { id } = await importedKey();
  for (let i = 0; i < 50; i += 1) await kms.send(encrypt(id));
  await until('the log says so', () =>
    daemon.log.some(
      ({ message, limit: of }) =>
        message === 'half of the encryptions of a key material are used up' && of === limit,
    ),
  );
  await until('it is overdue', async () => {
    const text = await (await fetch(`${daemon.endpoint}/metrics`)).text();
    const of = (metric: string): number =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(metric))
          ?.split(' ')
          .at(-1),
      );
    expect(of('claviger_encryptions_reserved_total')).toBeGreaterThan(50);
    return of('claviger_jobs_overdue{job="rotate-worn-key"}') > 0;
  });
});
