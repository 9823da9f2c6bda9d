import { type Token, openToken } from '../../hsm';
import { AccessKeys } from '../../src/auth/access-keys';
import { initialiseAccount, type IssuedAccessKey } from '../../src/auth/accounts';
import { Sealing } from '../../src/auth/sealing';
import type { Credential } from '../../src/auth/sigv4';
import { noStoreConnections } from '../../src/custom-key-stores/no-connections';
import { type Database, FeedCache, openDatabase } from '../../src/db';
import { KeyTokens } from '../../src/keys/key-tokens';
import type { Principal } from '../../src/policy/principal';
import { cloneDatabase } from './postgres';
import { place } from './sample-keys';
import { makeSoftHsm } from './softhsm';
import { tokenOptions } from './token-options';

/** A token and a database of their own, as `claviger init` finds them. */
export interface Vault {
  readonly token: Token;
  /** It alone. */
  readonly keyTokens: KeyTokens;
  readonly database: Database;
  readonly url: string;
  /** An access key of the account's root: the first, or with `another` one more. */
  issue(accountId: string, another: boolean): Promise<IssuedAccessKey>;
  /** With an empty cache. */
  accessKeys(): AccessKeys;
  remove(): Promise<void>;
}

export async function openVault(): Promise<Vault> {
  const hsm = await makeSoftHsm();
  const token = await openToken(tokenOptions(hsm));
  const cloned = await cloneDatabase();
  const { url } = cloned;
  const limits = { poolSize: 4, statementTimeoutMs: 5000, connectTimeoutMs: 5000 };
  const database = openDatabase({ url, ...limits });
  return {
    token,
    keyTokens: new KeyTokens({ token, storeConnections: noStoreConnections }),
    database,
    url,
    issue: async (accountId, another) => {
      const key = await initialiseAccount({ database, token, place }, accountId, { another });
      if (key === undefined) throw new Error('no access key was made');
      return key;
    },
    accessKeys: () => {
      const feed = { trusted: true, epoch: 0, onChange: () => undefined, onReset: () => undefined };
      const cache = new FeedCache<Credential<Principal>>({
        feed,
        capacity: 10,
        keyOf: () => undefined,
      });
      return new AccessKeys({ db: database, sealing: new Sealing(token), cache });
    },
    remove: async () => {
      await database.close();
      await token.close();
      await Promise.all([cloned.drop(), hsm.remove()]);
    },
  };
}
