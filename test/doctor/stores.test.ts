import type { Token } from '../../hsm';
import { type ClusterStage, openClusterStage } from '../support/cluster-keys';
import { type Found, diagnose } from '../support/doctor';
import { openFurtherToken } from '../support/further-token';
import { generateAes } from '../support/generated-keys';
import { clusterIds } from '../support/key-stores';
import { createKey } from '../support/kms';
import { administer } from '../support/postgres';
import { until } from '../support/until';

/** What `claviger doctor` says of the tokens of custom key stores. */
let stage: ClusterStage;
let cluster: Token;
beforeAll(async () => {
  stage = await openClusterStage();
  cluster = await openFurtherToken(stage.tokens[0]);
});
afterAll(async () => {
  await cluster.close();
  await stage.remove();
});

const stranger = 'd'.repeat(64);

async function found(...args: readonly string[]): Promise<Found[]> {
  const { findings, tokenAway } = await diagnose(stage.daemon, ...args);
  expect(tokenAway).toBeNull();
  return [...findings];
}

test('keys in a cluster are neither missing in the main token nor strangers in theirs', async () => {
  await createKey(stage.kms, stage.inStore);
  await createKey(stage.kms);
  expect(await found()).toEqual([]);
});

test('what is gone from the cluster is missing there', async () => {
  const key = await createKey(stage.kms, stage.inStore);
  const { material_id } = await stage.materialOf(key);
  await stage.destroyInCluster(material_id);
  expect(await found()).toMatchObject([
    {
      ...{ kind: 'missing-object', subject: material_id, repairable: false },
      details: { what: 'material', of: key.id, serial: stage.tokens[0].serial },
    },
  ]);
  await administer(stage.daemon.databaseUrl, 'delete from kms_key where key_id = $1', [key.id]);
  await administer(stage.daemon.databaseUrl, 'update account set key_count = 2');
});

test('what nothing names is a stranger, and is left alone', async () => {
  await generateAes(cluster, stranger, 'claviger:key:elsewhere');
  const expected = {
    ...{ kind: 'stranger-in-store', subject: stranger, repairable: false },
    details: {
      ...{ label: 'claviger:key:elsewhere', object: 'secret-key' },
      ...{ serial: stage.tokens[0].serial, store: stage.storeId },
    },
  };
  expect(await found('--repair')).toMatchObject([expected]);
  expect(await stage.inCluster()).toContain(stranger);
  await cluster.destroyKey(stranger);
});

test('what should have been destroyed waits for the store to be connected, and is told of', async () => {
  await stage.disconnect();
  await generateAes(cluster, stranger, 'claviger:key:elsewhere');
  await administer(
    stage.daemon.databaseUrl,
    `insert into doomed_object (token_key_id, token_serial, kind, due_at, custom_key_store_id)
     values ($1, $2, 'secret-key', now() - interval '2 hours', $3)`,
    [stranger, stage.tokens[0].serial, stage.storeId],
  );
  expect(await found('--repair')).toMatchObject([
    {
      ...{ kind: 'overdue-object', subject: stranger, mended: null },
      failed: expect.stringContaining('KMS cannot communicate') as string,
    },
  ]);
  expect(await stage.inCluster()).toContain(stranger);
  await stage.connect();
  await until('a worker destroys it', async () => !(await stage.inCluster()).includes(stranger));
  await until('its row is gone too', async () => {
    const rows = await administer(stage.daemon.databaseUrl, 'select from doomed_object');
    return rows.length === 0;
  });
});

test('a store that cannot be reached is told of, and one that is disconnected is not', async () => {
  await stage.tokens[0].moveAway();
  try {
    expect(await found()).toMatchObject([
      {
        ...{ kind: 'unreachable-store', subject: stage.storeId, repairable: false },
        details: { cluster: clusterIds[0] },
      },
    ]);
    await stage.disconnect();
    expect(await found()).toEqual([]);
  } finally {
    await stage.tokens[0].restore();
  }
});
