import {
  ConnectCustomKeyStoreCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisconnectCustomKeyStoreCommand,
  GenerateRandomCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { openHostedToken } from '../../hsm';
import { bringForward } from '../support/deletion';
import { disagreements } from '../support/doctor';
import { encrypt, open, plaintext, type SealedKey, createSealedKey } from '../support/keys';
import { type KeyStoreStage, openKeyStoreStage } from '../support/key-stores';
import { sdkRefusal } from '../support/kms';
import { type Load, startLoad } from '../support/load';
import { administer } from '../support/postgres';
import { childrenOf, isAlive } from '../support/processes';
import { tokenOptions } from '../support/token-options';
import { until } from '../support/until';

jest.setTimeout(120_000);

/** Two workers with a custom key store each, in a token that processes of theirs serve. */
let stage: KeyStoreStage;
let storeId: string;
let key: SealedKey;

beforeAll(async () => {
  stage = await openKeyStoreStage({
    workers: 2,
    environment: { CLAVIGER_JOB_INTERVAL_MS: '100' },
  });
  storeId = await stage.create(stage.cloudHsm());
  await connect();
  key = await newKey();
});
afterAll(() => stage.remove());

async function connect(): Promise<void> {
  await stage.kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId: storeId }));
  await stage.isIn(storeId, 'CONNECTED');
}

/** A key of the store, with a ciphertext. */
async function newKey(): Promise<SealedKey> {
  const asked = new CreateKeyCommand({ Origin: 'AWS_CLOUDHSM', CustomKeyStoreId: storeId });
  const { KeyMetadata } = await stage.kms.send(asked);
  const keyId = KeyMetadata?.KeyId ?? '';
  const { CiphertextBlob } = await stage.kms.send(encrypt(keyId));
  return { keyId, blob: CiphertextBlob ?? new Uint8Array() };
}

const workers = (): number[] => childrenOf(stage.daemon.process.pid);
const tokenProcesses = (): number[] => workers().flatMap(childrenOf);
const away = {
  name: 'KMSInvalidStateException',
  message: 'KMS cannot communicate with your CloudHSM cluster',
};

/** Several at once: one after the other would come on one connection, to one worker. */
const atOnce = 4;

/** Requests until each worker has a process of the token. */
async function bothServe(): Promise<void> {
  await until('both workers serve the store', async () => {
    const requests = Array.from({ length: atOnce }, () => open(stage.kms, key.blob));
    await Promise.allSettled(requests);
    return workers().every((worker) => childrenOf(worker).length === 1);
  });
}

async function withLoad(work: (load: Load) => Promise<void>): Promise<Load> {
  const load = startLoad(() => stage.kms.send(encrypt(key.keyId)));
  try {
    await load.served(20);
    await work(load);
  } finally {
    await load.stop();
  }
  return load;
}

/** What was not answered said that the store cannot be reached, and nothing else. */
function expectAnswered({ answers }: Load): void {
  const failed = answers.filter(({ outcome }) => outcome !== 'ok');
  expect(failed.filter(({ outcome }) => outcome !== away.name)).toEqual([]);
  expect(failed.filter(({ message }) => message !== away.message)).toEqual([]);
}

test('each worker serves the store by a process of its own, and no other has the PIN', async () => {
  await bothServe();
  expect(tokenProcesses()).toHaveLength(2);
  expect(await open(stage.kms, key.blob)).toEqual(plaintext);
  const random = await stage.kms.send(
    new GenerateRandomCommand({ NumberOfBytes: 32, CustomKeyStoreId: storeId }),
  );
  expect(random.Plaintext).toHaveLength(32);
  expect(JSON.stringify(stage.daemon.log)).not.toContain(stage.tokens[0].pin);
});

test('processes that are killed under load are followed by others; other keys go on meanwhile', async () => {
  const own = await createSealedKey(stage.kms);
  await bothServe();
  const killed = tokenProcesses();
  const load = await withLoad(async (running) => {
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    await until('it is noticed', () => (running.counts()[away.name] ?? 0) > 0);
    expect(await open(stage.kms, own.blob)).toEqual(plaintext);
    await until('others serve', () => tokenProcesses().length === 2);
    await running.served(50);
  });
  expectAnswered(load);
  expect(tokenProcesses().some((pid) => killed.includes(pid))).toBe(false);
  expect(await open(stage.kms, key.blob)).toEqual(plaintext);
});

test('a token that vanishes and comes back is served by the same processes', async () => {
  await bothServe();
  const serving = tokenProcesses();
  const load = await withLoad(async (running) => {
    await stage.tokens[0].moveAway();
    await until('requests fail', () => (running.counts()[away.name] ?? 0) >= 20);
    expect(await sdkRefusal(stage.kms.send(encrypt(key.keyId)))).toMatchObject({
      ...{ code: away.name, message: away.message, status: 400 },
    });
    const state = await stage.describe(storeId);
    expect(state.ConnectionState).toBe('CONNECTED');
    await stage.tokens[0].restore();
    await running.served(50);
  });
  expectAnswered(load);
  expect(tokenProcesses()).toEqual(serving);
  expect(await open(stage.kms, (await newKey()).blob)).toEqual(plaintext);
});

test('when Disconnect is answered no process of the token is left, and Connect brings them back', async () => {
  await bothServe();
  const serving = tokenProcesses();
  await stage.kms.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId: storeId }));
  await until('they are gone', () => !serving.some(isAlive));
  const described = await stage.kms.send(new DescribeKeyCommand({ KeyId: key.keyId }));
  expect(described.KeyMetadata?.KeyState).toBe('Unavailable');
  expect(tokenProcesses()).toEqual([]);
  await connect();
  expect(await open(stage.kms, key.blob)).toEqual(plaintext);
});

test('a deleted key is destroyed in the token of its store, and the doctor agrees', async () => {
  const doomed = await newKey();
  const [row] = await administer<{ id: string }>(
    stage.daemon.databaseUrl,
    'select material_id as id from key_material where key_id = $1',
    [doomed.keyId],
  );
  const [hsm] = stage.tokens;
  const token = await openHostedToken(tokenOptions(hsm), { SOFTHSM2_CONF: hsm.conf });
  try {
    expect(await token.hasKey(row?.id ?? '')).toBe(true);
    await stage.kms.send(
      new ScheduleKeyDeletionCommand({ KeyId: doomed.keyId, PendingWindowInDays: 7 }),
    );
    await bringForward(stage.daemon.databaseUrl, doomed.keyId);
    await until('it is destroyed', async () => !(await token.hasKey(row?.id ?? '')));
  } finally {
    await token.close();
  }
  await until('nothing is left of it', async () => {
    const rows = 'select from kms_key where key_id = $1';
    return (await administer(stage.daemon.databaseUrl, rows, [doomed.keyId])).length === 0;
  });
  expect(await disagreements(stage.daemon)).toEqual([]);
  expect(await open(stage.kms, key.blob)).toEqual(plaintext);
});

test('a daemon that is killed leaves no process of a token behind', async () => {
  await bothServe();
  const serving = tokenProcesses();
  expect(serving).toHaveLength(2);
  for (const worker of workers()) process.kill(worker, 'SIGKILL');
  await until('they are gone', () => !serving.some(isAlive));
  await until('other workers serve the store', async () => {
    const opened = await open(stage.kms, key.blob).catch(() => undefined);
    return opened?.equals(plaintext) === true;
  });
});
