import { GenerateDataKeyCommand } from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, createKey } from '../support/kms';
import { type ThrowawayPostgres, administer, startThrowawayPostgres } from '../support/postgres';
import { childrenOf } from '../support/processes';
import { allRotations, becomeImported } from '../support/rotation';
import { until } from '../support/until';

const limit = 200;

let postgres: ThrowawayPostgres;
let daemon: TestDaemon;
beforeAll(async () => {
  postgres = await startThrowawayPostgres();
  daemon = await startDaemon({
    workers: 2,
    databaseUrl: postgres.url,
    environment: { CLAVIGER_MAX_ENCRYPTIONS_PER_MATERIAL: String(limit) },
  });
});
afterAll(async () => {
  await daemon.remove();
  await postgres.remove();
});

/** A key that nobody rotates. */
async function importedKey(): Promise<NewKey & { readonly materialId: string }> {
  const kms = daemon.client();
  const key = await createKey(kms);
  const [first] = await allRotations(kms, key.id);
  const materialId = first?.KeyMaterialId ?? '';
  await becomeImported(daemon, key.id, { current: materialId });
  return { ...key, materialId };
}

let running = false;
afterEach(() => void (running = false));

interface Hammering {
  made(): number;
  /** What the requests that failed were told, or what the network said. */
  readonly failures: Set<string>;
  stop(): Promise<void>;
}

/** Eight at a time, each request on a connection of its own, so that every worker gets its share. */
function hammer({ id }: NewKey): Hammering {
  const failures = new Set<string>();
  let made = 0;
  running = true;
  // A connection that was being handed to a worker which dies is never answered.
  const kms = daemon.client({
    requestHandler: {
      ...{ requestTimeout: 2000, throwOnRequestTimeout: true },
      httpAgent: { keepAlive: false },
    },
  });
  const strike = async (): Promise<void> => {
    while (running) {
      try {
        await kms.send(new GenerateDataKeyCommand({ KeyId: id, KeySpec: 'AES_128' }));
        made += 1;
      } catch (error) {
        failures.add((error as Error).name);
      }
    }
  };
  const working = Promise.all(Array.from({ length: 8 }, strike));
  return {
    made: () => made,
    failures,
    stop: async () => {
      running = false;
      await working;
    },
  };
}

async function reserved(materialId: string): Promise<number> {
  const [row] = await administer<{ reserved: number }>(
    postgres.url,
    'select reserved::float8 from encryption_count where material_id = $1',
    [materialId],
  );
  return row?.reserved ?? NaN;
}

test('Workers that are killed again and again make no more encryptions than the material may', async () => {
  const key = await importedKey();
  const hammering = hammer(key);
  for (let kill = 1; kill <= 2; kill += 1) {
    await until('more was made', () => hammering.made() >= kill * 40, 30_000);
    for (const pid of childrenOf(daemon.process.pid)) process.kill(pid, 'SIGKILL');
    const made = hammering.made();
    expect(await reserved(key.materialId)).toBeGreaterThanOrEqual(made);
  }
  await until('none is left', () => hammering.failures.has('KMSInvalidStateException'), 30_000);
  await until(
    'each worker says so',
    async () => (await reserved(key.materialId)) === limit,
    30_000,
  );
  await hammering.stop();
  expect(hammering.made()).toBeLessThanOrEqual(limit);
  expect(hammering.made()).toBeGreaterThan(80);
}, 120_000);

test('While Postgres is away nothing is encrypted, and what is made before and after is counted', async () => {
  const key = await importedKey();
  const hammering = hammer(key);
  await until('some were made', () => hammering.made() >= 30, 30_000);
  await postgres.stop();
  await until('they fail', () => hammering.failures.has('KMSInternalException'), 30_000);
  const made = hammering.made();
  await postgres.restart();
  await until('more are made', () => hammering.made() >= made + 10, 30_000);
  await until('none is left', () => hammering.failures.has('KMSInvalidStateException'), 60_000);
  await hammering.stop();
  expect(hammering.made()).toBeLessThanOrEqual(limit);
  expect(await reserved(key.materialId)).toBeLessThanOrEqual(limit);
}, 180_000);
