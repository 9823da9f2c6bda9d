import type { Token } from '../../hsm';
import { Sealing } from '../auth/sealing';
import { SealingKeys } from '../auth/sealing-keys';
import { type Config, keyStores } from '../config';
import { CloudHsmConnector } from '../custom-key-stores/cloud-hsm';
import { StoreSecrets } from '../custom-key-stores/secrets';
import { findStore } from '../custom-key-stores/stores';
import type { Database } from '../db';
import type { Log } from '../log';

interface Parts {
  readonly config: Config;
  readonly database: Database;
  /** The main one, which opens the passwords of the others. */
  readonly token: Token;
  readonly log: Log;
}

/** The tokens of custom key stores, each opened when a command asks for it, and closed when the command ends. */
export class ClusterTokens {
  private readonly tokens = new Map<string, Promise<Token>>();

  constructor(private readonly parts: Parts) {}

  ofStore(customKeyStoreId: string): Promise<Token> {
    const known = this.tokens.get(customKeyStoreId);
    if (known !== undefined) return known;
    const opening = this.open(customKeyStoreId);
    this.tokens.set(customKeyStoreId, opening);
    return opening;
  }

  async close(): Promise<void> {
    for (const opened of await Promise.allSettled(this.tokens.values())) {
      if (opened.status === 'fulfilled') await opened.value.close();
    }
  }

  private async open(id: string): Promise<Token> {
    const { config, database, token, log } = this.parts;
    const store = await findStore(database, id);
    if (store?.of.type !== 'AWS_CLOUDHSM') throw new Error(`${id} is no store with a token`);
    const sealing = new Sealing(token, 'key-store-sealing', database);
    const sealingKeys = new SealingKeys(database, sealing);
    const secrets = new StoreSecrets({ sealing, sealingKeys });
    const connector = new CloudHsmConnector({
      clusters: keyStores(config).clusters,
      ownSerial: () => token.status().serial,
      maxCachedKeys: config.tokenCachedKeys,
      log,
    });
    return connector.connect(store.of, () => secrets.open(store));
  }
}
