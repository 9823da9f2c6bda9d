import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { type Token, openToken } from '../../hsm';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type SealedKey, createSealedKey, open, plaintext } from '../support/keys';
import { ask, startLoad } from '../support/load';
import { administer, lockWaiters } from '../support/postgres';
import { childrenOf } from '../support/processes';
import { tokenOptions } from '../support/token-options';
import { until } from '../support/until';

describe('keys of the token that no row names', () => {
  let daemon: TestDaemon;
  let key: SealedKey;
  let token: Token;
  beforeAll(async () => {
    daemon = await startDaemon({ workers: 2 });
    key = await createSealedKey(daemon.client());
    token = await openToken(tokenOptions(daemon.token));
  });
  afterAll(async () => {
    await token.close();
    await daemon.remove();
  });

  const inToken = (): Promise<string[]> => token.listKeys('claviger:key:');
  const rows = async (): Promise<string[]> => {
    const found = await administer<{ id: string }>(
      daemon.databaseUrl,
      'select material_id as id from key_material',
    );
    return found.map(({ id }) => id);
  };

  test('are not left by a CreateKey that fails after the key was made', async () => {
    const before = await inToken();
    // The row refers to its material by a constraint that is checked at the commit, when the key is already made.
    await administer(
      daemon.databaseUrl,
      `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
       create constraint trigger refuse after insert on kms_key deferrable initially deferred
         for each row execute function refuse()`,
    );
    const answer = await ask(() => daemon.client().send(new CreateKeyCommand({})));
    await administer(daemon.databaseUrl, 'drop trigger refuse on kms_key');
    expect(answer).toMatchObject({ status: 500, outcome: 'KMSInternalException' });
    expect(await inToken()).toEqual(before);
    expect(await rows()).toHaveLength(1);
  });

  test('of killed workers are listed by token reap, destroyed on demand, and nothing else is', async () => {
    const kms = daemon.client();
    const load = startLoad(() => kms.send(new CreateKeyCommand({})), { lines: 6, pauseMs: 0 });
    await load.served(6);
    for (const pid of childrenOf(daemon.process.pid)) process.kill(pid, 'SIGKILL');
    await load.stop();
    await until('the database forgot the dead', async () => {
      const open = await administer(
        daemon.databaseUrl,
        `select from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
           and state <> 'idle'`,
      );
      return open.length === 0;
    });
    const made = randomBytes(32).toString('hex');
    await token.generateAesKey(made, 'claviger:key:00000000-0000-4000-8000-000000000000');
    const known = await rows();
    const orphans = (await inToken()).filter((id) => !known.includes(id)).sort();
    expect(orphans).toContain(made);

    const listed = (await daemon.run('token', 'reap')).trim().split('\n').sort();
    expect(listed).toEqual(orphans.map((id) => `orphan ${id}`));
    expect((await inToken()).filter((id) => !known.includes(id))).toHaveLength(orphans.length);
    const destroyed = (await daemon.run('token', 'reap', '--destroy')).trim().split('\n').sort();
    expect(destroyed).toEqual(orphans.map((id) => `destroyed ${id}`));
    expect((await inToken()).sort()).toEqual(known.sort());
    expect(await daemon.run('token', 'reap')).toBe('');
    await until('a worker serves', async () => {
      return (await ask(async () => daemon.client().send(new CreateKeyCommand({})))).status === 200;
    });
    expect(await open(daemon.client(), key.blob)).toEqual(plaintext);
  });

  test('a key whose CreateKey is still under way is waited for, and is none of them', async () => {
    const id = randomBytes(32).toString('hex');
    const keyId = '11111111-1111-4111-8111-111111111111';
    const creating = new Client({ connectionString: daemon.databaseUrl });
    await creating.connect();
    await creating.query('begin');
    await creating.query(
      `insert into kms_key (key_id, account_id, key_spec, key_usage, state, policy, current_material_id)
       values ($1, $2, 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', 'Enabled', '{}', $3)`,
      [keyId, daemon.accountId, id],
    );
    await creating.query(
      `insert into key_material (material_id, key_id, kind, token_serial, state)
       values ($1, $2, 'resident', $3, 'CURRENT')`,
      [id, keyId, daemon.token.serial],
    );
    await token.generateAesKey(id, `claviger:key:${keyId}`);
    const reaping = daemon.run('token', 'reap', '--destroy');
    await until('it waits for the lock', async () => (await lockWaiters(daemon.databaseUrl)) === 1);
    await creating.query('commit');
    await creating.end();
    expect(await reaping).toBe('');
    expect(await inToken()).toContain(id);
  });
});
