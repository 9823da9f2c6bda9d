import type { ChildProcess } from 'node:child_process';
import type { KMSClient } from '@aws-sdk/client-kms';
import { type TestDaemon, serve, startDaemon } from '../support/daemon';
import { type Obstacle, obstruct, obstructToken } from '../support/deletion';
import { disagreements } from '../support/doctor';
import { type ImportWatch, watchImports } from '../support/imported-keys';
import { changeAndAnnounce } from '../support/kms';
import { killAll } from '../support/processes';
import { until } from '../support/until';

jest.setTimeout(120_000);

describe('a daemon that is killed while it deletes imported material whose time is over', () => {
  let daemon: TestDaemon;
  let serving: ChildProcess;
  let kms: KMSClient;
  let watch: ImportWatch;
  beforeAll(async () => {
    daemon = await startDaemon({
      environment: {
        CLAVIGER_JOB_INTERVAL_MS: '100',
        // A statement that a test holds up must not end by itself.
        CLAVIGER_DATABASE_STATEMENT_TIMEOUT_MS: '60000',
      },
    });
    serving = daemon.process;
    kms = daemon.client();
    watch = await watchImports(daemon, kms);
  });
  afterAll(async () => {
    await killAll(serving);
    await watch.close();
    await daemon.remove();
  });

  const trigger = (created: string) => () => obstruct(daemon.databaseUrl, created);
  const ofMaterial = `for each row when (new.import_state = 'PENDING_IMPORT') execute function stumble()`;
  const steps: readonly {
    readonly where: string;
    readonly obstacle: () => Promise<Obstacle>;
    /** Its record is committed, and so all else but the object in the token. */
    readonly committed: boolean;
  }[] = [
    {
      where: 'before it begins',
      obstacle: trigger(`create trigger stumble before update on key_material ${ofMaterial}`),
      committed: false,
    },
    {
      where: 'between the rows and the record',
      obstacle: trigger(
        `create trigger stumble before insert on audit_record for each row
           when (new.record like '%"DeleteExpiredKeyMaterial"%') execute function stumble()`,
      ),
      committed: false,
    },
    {
      where: 'in the middle of the commit',
      obstacle: trigger(
        `create constraint trigger stumble after update on key_material deferrable initially deferred ${ofMaterial}`,
      ),
      committed: false,
    },
    {
      where: 'between the commit and the token',
      obstacle: () => obstructToken(daemon.databaseUrl, daemon.token.serial),
      committed: true,
    },
  ];

  test.each(steps)(
    '$where leaves it to the next daemon, which finishes it once',
    async ({ obstacle, committed }) => {
      const key = await watch.bring({ ValidTo: new Date(Date.now() + 24 * 3600_000) });
      const waiting = await obstacle();
      await changeAndAnnounce(daemon, {
        ...{ topic: 'key', id: key.id },
        sql: `update key_material set valid_to = clock_timestamp() where key_id = $1`,
      });
      await waiting.reached();
      await killAll(serving);
      expect(await watch.inToken(key.materialId)).toBe(true);
      expect(await watch.doomed(key.materialId)).toBe(committed ? 1 : 0);
      expect(await watch.expiries(key)).toHaveLength(committed ? 1 : 0);
      await waiting.release();
      const next = await serve({ ...daemon.environment });
      serving = next.child;
      kms = daemon.client({ endpoint: next.endpoint });
      // It asks by the client that it was opened with.
      await watch.close();
      watch = await watchImports(daemon, kms);
      await until('it is destroyed', async () => !(await watch.inToken(key.materialId)));
      await until('its entry is gone', async () => (await watch.doomed(key.materialId)) === 0);
      expect(await watch.expiries(key)).toHaveLength(1);
      expect(await watch.state(key)).toBe('PendingImport');
      expect(await watch.again(key)).toBe(key.materialId);
      expect(await watch.uses(key)).toEqual(['ok', 'ok']);
      expect(await disagreements(daemon)).toEqual([]);
    },
  );
});
