import { type Database, inTransaction } from '../db';
import { createLog } from '../log';
import { withDatabase, withToken } from './open';
import type { Command } from './subcommand';

/**
 * `claviger token reap`: lists the master keys of the token that no row of this database names, left by a worker that was
 * killed between making a key and committing its row. `--destroy` destroys them. Never done by itself: to a database that
 * was restored from an older backup, or to another installation's on the same token, good keys look the same.
 */
export const reapToken: Command = async (config, { destroy }) => {
  await withDatabase(config, (database) =>
    withToken(config, createLog('warn'), async (token) => {
      const inToken = await token.listKeys('claviger:key:');
      const known = await committedMaterials(database);
      for (const id of inToken.filter((one) => !known.has(one))) {
        if (destroy === true) await token.destroyKey(id);
        process.stdout.write(`${destroy === true ? 'destroyed' : 'orphan'} ${id}\n`);
      }
    }),
  );
};

/**
 * CreateKey inserts its row before it makes the key. A share lock is granted when every transaction that inserted has
 * ended, so a key that was seen in the token before has its row committed by then, or never will.
 */
async function committedMaterials(database: Database): Promise<ReadonlySet<string>> {
  return inTransaction(database, async (transaction) => {
    await transaction.execute({ text: 'lock table key_material in share mode' });
    const rows = await transaction.query<{ material_id: string }>({
      text: 'select material_id from key_material',
    });
    return new Set(rows.map((row) => row.material_id));
  });
}
