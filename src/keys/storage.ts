import type { Token } from '../../hsm';
import type { Queryable } from '../db';
import type { MaterialStorage } from './material';
import { currentWrappingKey, wrappingKeysInUse } from './wrapping-keys';

/** A key store cannot be served as it is set up. Its message is for an operator. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
}

interface Store {
  readonly db: Queryable;
  readonly token: Token;
  readonly storage: MaterialStorage;
}

/** Whether every key of the store can be used, and new ones made. Throws StorageError. */
export async function requireServable({ db, token, storage }: Store): Promise<void> {
  await requireNotWrapped(db, storage);
  if (storage === 'wrapped' && (await currentWrappingKey(db)) === undefined) {
    throw new StorageError(
      'CLAVIGER_KEY_MATERIAL is wrapped, and there is no wrapping key: `claviger init` makes it',
    );
  }
  await requireWrappingKeys({ db, token, storage });
}

/** The token has every wrapping key that something is under, or is to be. Throws StorageError. */
export async function requireWrappingKeys({ db, token, storage }: Store): Promise<void> {
  for (const id of await wrappingKeysInUse(db, storage)) {
    if (await token.hasKey(id)) continue;
    const { label, serial } = token.status();
    throw new StorageError(
      `the token ${label} (serial ${serial}) lacks the wrapping key ${id}, without which this database cannot be served: bring it with \`claviger wrapping-key prepare-import\`, \`export\` where it is, and \`import\` (docs/operating.md)`,
    );
  }
}

/**
 * Wrapped material cannot become resident: it could leave the token, and whoever reads `resident` believes that it never
 * could. Throws StorageError.
 */
export async function requireNotWrapped(db: Queryable, storage: MaterialStorage): Promise<void> {
  if (storage === 'wrapped') return;
  // Answered by an index at once, however many keys there are.
  const [some] = await db.query({
    text: 'select from key_material where wrapping_key_id is not null limit 1',
  });
  if (some === undefined) return;
  const [row] = await db.query<{ keys: number }>({
    text: 'select count(distinct key_id)::int as keys from key_material where wrapping_key_id is not null',
  });
  const keys = row?.keys ?? 0;
  throw new StorageError(
    `CLAVIGER_KEY_MATERIAL is resident, but the material of ${keys} ${keys === 1 ? 'key' : 'keys'} is wrapped: what could ever leave the token, if only wrapped, is no resident material and is not made any; set CLAVIGER_KEY_MATERIAL=wrapped`,
  );
}
