import { type KMSClient, RotateKeyOnDemandCommand } from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { disagreements } from '../support/doctor';
import { encrypt, open, plaintext } from '../support/keys';
import { ask, count, startLoad } from '../support/load';
import { administer } from '../support/postgres';
import {
  type RotatingKey,
  type RotationWatch,
  rotationEvents,
  watchRotations,
} from '../support/rotation';
import { until } from '../support/until';

jest.setTimeout(180_000);

describe('two daemons on one database and one token', () => {
  let daemon: TestDaemon;
  let second: TestDaemon;
  let watch: RotationWatch;
  beforeAll(async () => {
    const environment = { CLAVIGER_JOB_INTERVAL_MS: '100' };
    daemon = await startDaemon({ workers: 2, environment });
    second = await startDaemon({ beside: daemon, environment });
    watch = watchRotations(daemon);
  });
  afterAll(async () => {
    await second.remove();
    await daemon.remove();
  });

  const clients = (): readonly [KMSClient, KMSClient] => [daemon.client(), second.client()];
  const failedWork = () =>
    [...daemon.log, ...second.log].filter(({ message }) =>
      /^timed work (failed|could not)/.test(String(message)),
    );
  const newKeys = async (n: number): Promise<RotatingKey[]> => {
    const keys: RotatingKey[] = [];
    for (let i = 0; i < n; i += 1) keys.push(await watch.key(daemon.client()));
    return keys;
  };

  test('rotate each key once, with one record', async () => {
    const keys = await newKeys(12);
    await administer(daemon.databaseUrl, 'update kms_key set next_rotation_at = now()');
    for (const key of keys) await watch.rotated(key);
    await until('no rotation is due', async () => {
      const due = 'select from kms_key where next_rotation_at <= now()';
      return (await administer(daemon.databaseUrl, due)).length === 0;
    });
    for (const key of keys) {
      expect((await watch.materials(key)).all).toHaveLength(2);
      expect(await rotationEvents(daemon, key.arn)).toHaveLength(1);
      for (const kms of clients()) expect(await open(kms, key.blob)).toEqual(plaintext);
    }
    expect(failedWork()).toEqual([]);
    expect(await disagreements(daemon)).toEqual([]);
  });

  test('rotate by themselves and on demand at once, and a key has one current material all the time', async () => {
    const [key] = (await newKeys(1)) as [RotatingKey];
    const outcomes: Record<string, number> = {};
    for (let round = 1; round <= 8; round += 1) {
      await watch.bringForward(key);
      const answers = await Promise.all(
        [...clients(), ...clients()].map((kms) =>
          ask(() => kms.send(new RotateKeyOnDemandCommand({ KeyId: key.keyId }))),
        ),
      );
      for (const [outcome, n] of Object.entries(count(answers))) {
        expect(['ok', 'ConflictException', 'LimitExceededException']).toContain(outcome);
        outcomes[outcome] = (outcomes[outcome] ?? 0) + n;
      }
      await watch.rotated(key, round + (outcomes['ok'] ?? 0) + 1);
    }
    process.stdout.write(`on demand against automatic: ${JSON.stringify(outcomes)}\n`);
    const { all, current } = await watch.materials(key);
    expect(all).toHaveLength(1 + 8 + (outcomes['ok'] ?? 0));
    expect(current).toEqual(all.slice(-1));
    const events = await rotationEvents(daemon, key.arn);
    const made = events.map(({ serviceEventDetails: made }) => made['currentKeyMaterialId']);
    expect(made.sort()).toEqual(all.slice(1).sort());
    for (const kms of clients()) expect(await open(kms, key.blob)).toEqual(plaintext);
    expect(await disagreements(daemon)).toEqual([]);
  });

  test('while keys rotate nobody fails to encrypt or decrypt', async () => {
    const keys = await newKeys(3);
    const sealed = keys.map(({ blob }) => [blob]);
    const lines = 6;
    const senders = Array.from({ length: lines }, (_, line) => clients()[line % 2]!);
    let sent = 0;
    const load = startLoad(
      async (line) => {
        const kms = senders[line]!;
        const at = (sent += 1) % keys.length;
        const answer = await kms.send(encrypt(keys[at]!.keyId));
        const blobs = sealed[at]!;
        if (blobs.length < 500) blobs.push(answer.CiphertextBlob!);
        // One of the many, so that every material is used all the time.
        const opened = await open(kms, blobs[(sent * 7919) % blobs.length]!);
        if (!opened.equals(plaintext)) throw new Error('another plaintext');
        return answer;
      },
      { lines },
    );
    await load.served(30);
    for (let round = 1; round <= 4; round += 1) {
      for (const key of keys) await watch.bringForward(key);
      for (const key of keys) await watch.rotated(key, 2 * round);
      for (const [i, key] of keys.entries()) {
        await clients()[i % 2]!.send(new RotateKeyOnDemandCommand({ KeyId: key.keyId }));
      }
      await load.served(30);
    }
    await load.stop();
    expect(Object.keys(load.counts())).toEqual(['ok']);
    for (const key of keys) expect((await watch.materials(key)).all).toHaveLength(9);
    expect(failedWork()).toEqual([]);
    expect(await disagreements(daemon)).toEqual([]);
  });
});
