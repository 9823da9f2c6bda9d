import { HsmError, type MaterialKind } from '../../hsm';
import { type Queryable, type Transaction, inTransaction } from '../db';
import { doom, removeEntry, untilForgottenSeconds } from '../keys/doomed-objects';
import { lockToken } from '../keys/token-lock';
import {
  currentWrappingKey,
  insertWrappingKey,
  lockWrappingKeys,
  wrappingKeyLabel,
} from '../keys/wrapping-keys';
import { type UndoStep, undoneOnFailure } from '../undo';
import { print } from './print';
import { type Command, CommandError } from './subcommand';
import {
  type ExportedWrappingKey,
  fingerprint,
  formatExported,
  formatPublicKey,
  readExported,
  readPublicKey,
  writeText,
} from './transfer-files';
import { type Stores, requireWrappingKey, withStores, wrappingKeyId } from './wrapping-key';

/** How long the pair waits for the wrapping key that comes to it. */
const transferSeconds = 7 * 24 * 3600;

/** `claviger wrapping-key prepare-import`: an RSA pair in this token, and its public key for the token that exports. */
export const prepareImport: Command = async (config, options) => {
  const made = await withStores(config, async ({ database, token }) => {
    const transferKeyId = token.generateRandom(32).toString('hex');
    const tokenSerial = token.status().serial;
    await doom(database, {
      ...{ tokenKeyId: transferKeyId, tokenSerial },
      ...{ kind: 'key-pair', dueInSeconds: transferSeconds },
    });
    const label = `claviger:transfer:${transferKeyId}`;
    const publicKey = await token.generateTransferKeyPair(transferKeyId, label, (work) =>
      inTransaction(database, async (transaction) => {
        await lockToken(transaction, tokenSerial);
        return work();
      }),
    );
    return { transferKeyId, publicKey };
  });
  const pem = formatPublicKey(made);
  if (outOf(options) !== undefined) writeText(outOf(options), pem);
  const shown = fingerprint(made.publicKey);
  const json = { TransferKeyId: made.transferKeyId, Fingerprint: shown, PublicKey: pem };
  print(options, {
    json,
    text: `${outOf(options) === undefined ? pem : ''}fingerprint ${shown}`,
  });
};

/** `claviger wrapping-key export <id> --to <public key file>`. */
export const exportWrappingKey: Command = async (config, options) => {
  const id = wrappingKeyId(options);
  const { transferKeyId, publicKey } = readPublicKey(String(options['to']));
  const wrapped = await withStores(config, async ({ database, token }) => {
    await requireWrappingKey(database, id);
    return token.exportWrappingKey(id, publicKey).catch((error: unknown) => {
      throw exportRefusal(error, id);
    });
  });
  // Whoever put another public key into the file could read what is exported: two people compare this.
  process.stderr.write(
    `claviger: for the public key with the fingerprint ${fingerprint(publicKey)}\n`,
  );
  writeText(outOf(options), formatExported({ wrappingKeyId: id, transferKeyId, wrapped }));
};

function outOf({ out }: Record<string, unknown>): string | undefined {
  return typeof out === 'string' ? out : undefined;
}

function exportRefusal(error: unknown, id: string): unknown {
  if (!(error instanceof HsmError)) return error;
  if (error.code === 'not-exportable') {
    return new CommandError(
      `the wrapping key ${id} was made to stay in its token: \`claviger wrapping-key rotate --exportable\` puts one in its place that may leave`,
    );
  }
  return error.code === 'key-not-found'
    ? new CommandError(`the wrapping key ${id} is not in this token`)
    : error;
}

/** `claviger wrapping-key import <file>`. */
export const importWrappingKey: Command = async (config, options) => {
  const exported = readExported(String(options['file']));
  const { wrappingKeyId: id } = exported;
  const outcome = await withStores(config, async (stores) => {
    const isThere = await stores.token.hasKey(id);
    const exportable = options['exportable'] === true;
    await (isThere ? record(stores, { id, exportable }) : bring(stores, { exported, exportable }));
    return { isThere, proof: await isAnyUnder(stores.database, id) };
  });
  const proven = outcome.proof ? '; it opens what the database has under it' : '';
  print(options, {
    json: { WrappingKeyId: id, Imported: !outcome.isThere, Proven: outcome.proof },
    text: outcome.isThere
      ? `the wrapping key ${id} is in this token already`
      : `imported the wrapping key ${id}${proven}`,
  });
};

/** The token has it: then the database knows of it, and uses it where it has no other. */
function record(
  { database, token }: Stores,
  { id, exportable }: { readonly id: string; readonly exportable: boolean },
): Promise<void> {
  const object = { tokenKeyId: id, tokenSerial: token.status().serial };
  return inTransaction(database, async (transaction) => {
    // What an import left that was killed is entered as doomed: who destroys it is waited for.
    await removeEntry(transaction, object);
    await recordKey(transaction, { id, exportable });
    if (!(await token.hasKey(id))) throw new CommandError(destroyedMeanwhile(id));
    await requireOpens({ db: transaction, token }, id);
  });
}

function destroyedMeanwhile(id: string): string {
  return `the wrapping key ${id} was in this token and is there no more: import it once more`;
}

/** Nobody makes another one current until the transaction ends. */
async function recordKey(
  transaction: Transaction,
  { id, exportable }: { readonly id: string; readonly exportable: boolean },
): Promise<void> {
  await lockWrappingKeys(transaction);
  const current = await currentWrappingKey(transaction);
  const state = current === undefined ? 'CURRENT' : 'RETIRED';
  await insertWrappingKey(transaction, { id, state, exportable });
}

interface Bringing {
  readonly exported: ExportedWrappingKey;
  readonly exportable: boolean;
}

async function bring(stores: Stores, bringing: Bringing): Promise<void> {
  const { database, token } = stores;
  const id = bringing.exported.wrappingKeyId;
  const object = { tokenKeyId: id, tokenSerial: token.status().serial };
  await doom(database.apart, {
    ...object,
    ...{ kind: 'secret-key', dueInSeconds: untilForgottenSeconds },
  });
  const onLeftover = (): void => undefined; // It is entered as doomed.
  try {
    await undoneOnFailure({ database, onLeftover }, (transaction, undo) =>
      bringInto(stores, transaction, { ...bringing, undo }),
    );
  } catch (thrown) {
    if (!isTaken(thrown)) throw thrown;
    // Somebody else made it, who may use another database: nothing here says that it may be destroyed.
    await removeEntry(database.apart, object);
    throw new CommandError(importedMeanwhile(id), { cause: thrown });
  }
}

async function bringInto(
  { token }: Stores,
  transaction: Transaction,
  { exported, exportable, undo }: Bringing & { readonly undo: (step: UndoStep) => void },
): Promise<void> {
  const { wrappingKeyId: id, transferKeyId, wrapped } = exported;
  const tokenSerial = token.status().serial;
  // Entered above: the entry is gone when another import, which waited for nobody, has taken it away and committed.
  if (!(await removeEntry(transaction, { tokenKeyId: id, tokenSerial }))) {
    throw new CommandError(importedMeanwhile(id));
  }
  await recordKey(transaction, { id, exportable });
  await lockToken(transaction, tokenSerial);
  const label = wrappingKeyLabel(id);
  await token
    .importWrappingKey({ id, label, transferKeyId, wrapped, exportable })
    .catch((error: unknown) => {
      throw importRefusal(error);
    });
  // Not before: its name is not of this moment, and what has it already is another's to use.
  undo(() => token.destroyKey(id));
  await requireOpens({ db: transaction, token }, id);
  // The pair has done what it is for.
  await doom(transaction, {
    ...{ tokenKeyId: transferKeyId, tokenSerial },
    ...{ kind: 'key-pair', dueInSeconds: 0 },
  });
  await transaction.commit();
}

function importedMeanwhile(id: string): string {
  return `the wrapping key ${id} came to this token while it was imported: somebody else imports it too`;
}

function isTaken(error: unknown): boolean {
  return error instanceof HsmError && error.code === 'duplicate-key';
}

function importRefusal(error: unknown): unknown {
  if (!(error instanceof HsmError)) return error;
  if (error.code === 'key-not-found') {
    return new CommandError(
      'the key pair that this file is for is not in this token: it was prepared on another token, or its days are over',
    );
  }
  return error.code === 'material-invalid'
    ? new CommandError('the file is damaged, or is for another key pair')
    : error;
}

/** What the database has under the wrapping key, that tells it from others: the material of a key, or a key of the system. */
async function anyUnder(db: Queryable, id: string): Promise<WrappedRow | undefined> {
  const [row] = await db.query<WrappedRow>({
    text: `
      (select k.key_spec as spec, k.key_usage as usage, m.wrapped
        from key_material m join kms_key k on k.key_id = m.key_id
        where m.wrapping_key_id = $1::text limit 1)
      union all
      (select 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', s.wrapped
        from system_key s where s.wrapping_key_id = $1::text limit 1)
      limit 1`,
    values: [id],
  });
  return row;
}

interface WrappedRow {
  readonly spec: MaterialKind['spec'];
  readonly usage: MaterialKind['usage'];
  readonly wrapped: Buffer;
}

/** Anybody can make a file for a public key: what the database has under the name proves that it is that key. */
async function requireOpens(
  { db, token }: { readonly db: Queryable; readonly token: Stores['token'] },
  id: string,
): Promise<void> {
  const row = await anyUnder(db, id);
  if (row === undefined) return;
  const { spec, usage, wrapped: blob } = row;
  try {
    await token.rewrap({ wrappingKeyId: id, blob }, { spec, usage }, id);
  } catch (error) {
    if (!(error instanceof HsmError) || error.code !== 'material-invalid') throw error;
    throw new CommandError(
      `the key in the file is not the wrapping key ${id}: it does not open what the database has under that name`,
      { cause: error },
    );
  }
}

async function isAnyUnder(db: Queryable, id: string): Promise<boolean> {
  return (await anyUnder(db, id)) !== undefined;
}
