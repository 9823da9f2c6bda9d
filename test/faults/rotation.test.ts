import type { ChildProcess } from 'node:child_process';
import { EncryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import { type TestDaemon, serve, startDaemon } from '../support/daemon';
import { type Obstacle, obstruct, obstructToken } from '../support/deletion';
import { disagreements } from '../support/doctor';
import { createSealedKey, open, plaintext } from '../support/keys';
import { killAll } from '../support/processes';
import {
  type RotatingKey,
  type RotationWatch,
  rotationEvents,
  watchRotations,
} from '../support/rotation';
import { until } from '../support/until';

jest.setTimeout(120_000);

const eager = {
  CLAVIGER_JOB_INTERVAL_MS: '100',
  // A statement that a test holds up must not end by itself.
  CLAVIGER_DATABASE_STATEMENT_TIMEOUT_MS: '60000',
};

let daemon: TestDaemon;
let watch: RotationWatch;

/** Two materials, the newer current and recorded, both of use, and nothing that only the token or the database knows. */
async function expectRotatedOnce(key: RotatingKey, kms: KMSClient): Promise<void> {
  await watch.rotated(key);
  await watch.cleanUp();
  const { all, current } = await watch.materials(key);
  expect(all).toHaveLength(2);
  expect(current).toEqual(all.slice(1));
  expect(Math.round(await watch.nextInDays(key))).toBe(90);
  const events = await rotationEvents(daemon, key.arn);
  expect(events.map(({ serviceEventDetails }) => serviceEventDetails)).toEqual([
    {
      ...{ keyId: key.keyId, rotationType: 'AUTOMATIC', keyOrigin: 'AWS_KMS' },
      ...{ previousKeyMaterialId: all[0], currentKeyMaterialId: all[1] },
    },
  ]);
  expect(await open(kms, key.blob)).toEqual(plaintext);
  const sealed = await kms.send(new EncryptCommand({ KeyId: key.keyId, Plaintext: plaintext }));
  expect(await open(kms, sealed.CiphertextBlob ?? new Uint8Array())).toEqual(plaintext);
  expect(await disagreements(daemon)).toEqual([]);
}

describe('a daemon that is killed while it rotates a key', () => {
  let serving: ChildProcess;
  let kms: KMSClient;
  beforeAll(async () => {
    daemon = await startDaemon({ environment: eager });
    serving = daemon.process;
    kms = daemon.client();
    watch = watchRotations(daemon);
  });
  afterAll(async () => {
    await killAll(serving);
    await daemon.remove();
  });

  const trigger = (created: string) => () => obstruct(daemon.databaseUrl, created);
  const forEach = 'for each row execute function stumble()';
  const steps: readonly (readonly [where: string, obstacle: () => Promise<Obstacle>])[] = [
    [
      'before it begins',
      trigger(
        `create trigger stumble before update of next_rotation_at on kms_key for each row
           when (new.next_rotation_at > now()) execute function stumble()`,
      ),
    ],
    [
      'before the token makes the new material',
      () => obstructToken(daemon.databaseUrl, daemon.token.serial),
    ],
    [
      'between the token and the row of the new material',
      trigger(`create trigger stumble before insert on key_material ${forEach}`),
    ],
    [
      'between the rows and the record',
      trigger(
        `create trigger stumble before insert on audit_record for each row
           when (new.record like '%"RotateKey"%') execute function stumble()`,
      ),
    ],
    [
      'in the middle of the commit',
      trigger(
        `create constraint trigger stumble after insert on key_material deferrable initially deferred ${forEach}`,
      ),
    ],
  ];

  test.each(steps)(
    '%s leaves it to the next daemon, which rotates it once',
    async (_at, obstacle) => {
      const [key, bystander] = [await watch.key(kms), await createSealedKey(kms)];
      const { all: before } = await watch.materials(key);
      const waiting = await obstacle();
      await watch.bringForward(key);
      await waiting.reached();
      await killAll(serving);
      // Nothing of it is seen by anybody.
      expect(await watch.materials(key)).toEqual({ all: before, current: before });
      await waiting.release();
      const next = await serve({ ...daemon.environment });
      serving = next.child;
      kms = daemon.client({ endpoint: next.endpoint });
      await expectRotatedOnce(key, kms);
      expect(await open(kms, bystander.blob)).toEqual(plaintext);
    },
  );
});

describe('a token that is away when a key is to be rotated', () => {
  beforeAll(async () => {
    daemon = await startDaemon({ workers: 2, environment: eager });
    watch = watchRotations(daemon);
  });
  afterAll(() => daemon.remove());

  const failures = () =>
    daemon.log.filter(({ message }) => message === 'timed work failed and will be tried again');

  test('changes nothing, and the key is rotated when it is back', async () => {
    const key = await watch.key(daemon.client());
    const { all: before } = await watch.materials(key);
    await daemon.token.moveAway();
    await watch.bringForward(key);
    await until('attempts fail', () => failures().length >= 2);
    expect(failures().at(-1)).toMatchObject({ job: 'rotate-key', subject: key.keyId });
    expect(await watch.materials(key)).toEqual({ all: before, current: before });
    await daemon.token.restore();
    await expectRotatedOnce(key, daemon.client());
  });
});
