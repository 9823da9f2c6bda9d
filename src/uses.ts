import { LastUsed } from './auth/last-used';
import type { Config } from './config';
import type { Database } from './db';
import { EncryptionCounts } from './keys/encryption-counts';
import { KeyUses } from './keys/key-uses';
import { type Log, describeError } from './log';
import type { Metrics } from './metrics';

export interface UsesParts {
  readonly config: Config;
  readonly database: Database;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Half of the encryptions of a key material are used up. */
  readonly onWorn: () => void;
}

/** What a worker notes of the use of access keys and keys. */
export interface Uses {
  readonly lastUsed: LastUsed;
  readonly keyUses: KeyUses;
  readonly encryptionCounts: EncryptionCounts;
}

/** AWS itself tells of a use after minutes; each key in use costs a row each time, in each worker. */
const intervalMs = 60_000;

export function noteUses(parts: UsesParts): Uses {
  const { database: db, log } = parts;
  const onFailed = (error: unknown): void =>
    log.warn('when keys were last used could not be written yet', { error: describeError(error) });
  return {
    lastUsed: new LastUsed({ db, intervalMs, onFailed, now: Date.now }),
    keyUses: new KeyUses({ db, intervalMs, onFailed }),
    encryptionCounts: countEncryptions(parts),
  };
}

function countEncryptions({ config, database, log, ...parts }: UsesParts): EncryptionCounts {
  const limit = config.maxEncryptionsPerMaterial;
  return new EncryptionCounts({
    ...{ db: database, limit, capacity: config.cachedKeys },
    onReserved: (count) => parts.metrics.encryptionsReserved(count),
    onWorn: ({ materialId, reserved, first }) => {
      const fields = { keyMaterialId: materialId, reserved, limit };
      if (first) log.warn('half of the encryptions of a key material are used up', fields);
      parts.onWorn();
    },
  });
}
