import type { Token } from '../../hsm';
import type { Sealing } from '../auth/sealing';
import type { SealingKeys } from '../auth/sealing-keys';
import { Secret } from '../auth/secret';
import type { StoreConnections } from '../custom-key-stores/connections';
import type { Queryable } from '../db';
import type { KeyManager } from './health';

interface Parts {
  readonly token: Token;
  /** Of the purpose `xks-health`, whose keys are there for this alone. */
  readonly sealing: Sealing;
  readonly sealingKeys: SealingKeys;
}

const owner = 'xks-health';

/** The token as the key manager behind the XKS proxy. */
export function tokenAsKeyManager({ token, sealing, sealingKeys }: Parts): KeyManager {
  const { serial: id, model } = token.status();
  return {
    ...{ id, model },
    async exercise() {
      const keyId = await sealingKeys.current();
      const plaintext = new Secret(token.generateRandom(32));
      const opened = await sealing.open(await sealing.seal(plaintext, { owner, keyId }), owner);
      if (!opened.equals(plaintext)) throw new Error('the token decrypted to something else');
    },
  };
}

/**
 * Tokens of custom key stores with keys that external keys stand for. They hold keys of customers only, so that they are
 * asked for random bytes in a session of theirs, and not for an encryption.
 */
export async function storesAsKeyManagers(
  db: Queryable,
  connections: Pick<StoreConnections, 'token'>,
): Promise<readonly KeyManager[]> {
  const rows = await db.query<{ custom_key_store_id: string }>({
    name: 'xks-key-stores',
    text: `
      select distinct custom_key_store_id from xks_key join kms_key using (key_id)
      where xks_key.status <> 'DELETED' and custom_key_store_id is not null order by custom_key_store_id`,
  });
  return rows.map(({ custom_key_store_id: id }) => ({
    ...{ id, model: 'custom key store' },
    exercise: async () => (await connections.token(id)).check(),
  }));
}
