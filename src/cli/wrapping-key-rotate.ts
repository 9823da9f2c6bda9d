import type { Transaction } from '../db';
import { countToRewrap, rewrapAll, rewrapSystemKeys, type Unwrappable } from '../keys/rewrapping';
import { listWrappingKeys } from '../keys/wrapping-keys';
import { print } from './print';
import { Progress } from './progress';
import { type Command, CommandError } from './subcommand';
import { type Stores, makeWrappingKey, withStores } from './wrapping-key';

/** Those that did not unwrap are counted, and so many of them named. */
const namedAtMost = 10;

/**
 * `claviger wrapping-key rotate`: another wrapping key, which wraps from now on, and everything that others wrapped put under
 * it. Whatever ended it before it was done, the next one goes on with it.
 */
export const rotateWrappingKey: Command = async (config, options) => {
  const rotated = await withStores(config, async (stores) => {
    const { database: db, token } = stores;
    const key = await makeWrappingKey(stores, {
      exportable: options['exportable'] === true,
      instead: (transaction, current) => unfinished({ db: transaction, token }, current),
    });
    const { materials: total } = await countToRewrap(db);
    await rewrapSystemKeys({ db, token, wrappingKeyId: key.id });
    const progress = new Progress('key materials re-wrapped:', total);
    progress.add(0);
    let moved = 0;
    const invalid = await rewrapAll({
      ...{ db, token, wrappingKeyId: key.id },
      onMoved: (materials) => {
        moved += materials;
        progress.add(materials);
      },
    });
    progress.end();
    requireNone(invalid, key.id);
    return { ...key, moved };
  });
  const { id, isNew, moved } = rotated;
  print(options, {
    json: { WrappingKeyId: id, State: 'CURRENT', Resumed: !isNew, KeyMaterials: moved },
    text: `${isNew ? 'made' : 'went on with'} the wrapping key ${id} and put ${moved} key materials under it`,
  });
};

interface UnderLock {
  readonly db: Transaction;
  readonly token: Stores['token'];
}

/** The current key, where an earlier rotation to it is not done and this token has it. Nothing to rotate is refused. */
async function unfinished(
  { db, token }: UnderLock,
  current: string | undefined,
): Promise<string | undefined> {
  if (current === undefined) {
    throw new CommandError(
      'there is no wrapping key to rotate: `claviger wrapping-key create` makes the first',
    );
  }
  await requireAllInToken({ db, token });
  const { materials, systemKeys } = await countToRewrap(db);
  return materials + systemKeys > 0 && (await token.hasKey(current)) ? current : undefined;
}

/**
 * On a token that cannot open what is to be put under another key, a new key would be current where nobody else has it, and
 * nothing would be under it.
 */
async function requireAllInToken({ db, token }: UnderLock): Promise<void> {
  for (const { id, materials, systemKeys } of await listWrappingKeys(db)) {
    if (materials + systemKeys === 0 || (await token.hasKey(id))) continue;
    throw new CommandError(
      `the wrapping key ${id}, which something is under, is not in this token: rotate where it is, or bring it here first (\`claviger wrapping-key import\`)`,
    );
  }
}

function requireNone(invalid: readonly Unwrappable[], id: string): void {
  if (invalid.length === 0) return;
  const named = invalid
    .slice(0, namedAtMost)
    .map(({ keyId, materialId }) => `${keyId} (${materialId})`);
  const more = invalid.length > named.length ? ', …' : '';
  throw new CommandError(
    `all but ${invalid.length} key materials are under ${id}; these do not unwrap and stay as they are: ${named.join(', ')}${more}`,
  );
}
