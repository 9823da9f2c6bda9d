import type { Token } from '../../hsm';
import { type Database, inTransaction, readClock } from '../db';
import { KmsError } from '../errors';
import { type TokenObject, countImportPairs, doom } from './doomed-objects';
import type { ImportTokens } from './import-tokens';
import type { Wrapping } from './import-wrapping';
import type { Key } from './key';
import { type Limits, requireRoom } from './limits';
import { lockToken } from './token-lock';

export interface ImportParameters {
  readonly importToken: Buffer;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer;
  readonly validTo: Date;
}

interface Parts {
  readonly database: Database;
  readonly token: Token;
  readonly importTokens: ImportTokens;
  readonly limits: Limits;
}

/** kms-semantics §9.1 */
const lifetimeSeconds = 24 * 3600;

/** The first half of an advisory lock's name; the second is the account's. */
const pairLock = 0x70616972;

/** Requests of a worker that wait for a pair, which is made in up to 3 s: others find that there is no rush. */
const mostWaiting = 8;

/** Makes what a customer needs to import material: a key pair in the token, whose private half unwraps it. */
export class ImportParametersMaker {
  private waiting = 0;

  constructor(private readonly parts: Parts) {}

  /**
   * The pair is destroyed when the parameters have expired, however far this gets. The token is locked, and a connection
   * held, only for the copy of a pair that was generated before: see KeyPairs in hsm/. Throws LimitExceededException where
   * the account has as many as it may have, and ThrottlingException where too many wait for theirs.
   */
  async make(key: Pick<Key, 'keyId' | 'accountId'>, wrapping: Wrapping): Promise<ImportParameters> {
    if (this.waiting > mostWaiting) throw new KmsError('ThrottlingException', 'Rate exceeded');
    this.waiting += 1;
    try {
      return await this.makeNow(key, wrapping);
    } finally {
      this.waiting -= 1;
    }
  }

  private async makeNow(
    { keyId, accountId }: Pick<Key, 'keyId' | 'accountId'>,
    { algorithm, bits }: Wrapping,
  ): Promise<ImportParameters> {
    const { database, token, importTokens } = this.parts;
    const tokenSerial = token.status().serial;
    const importKeyId = token.generateRandom(32).toString('hex');
    const validTo = new Date((await readClock(database)).getTime() + lifetimeSeconds * 1000);
    await this.enter({ tokenKeyId: importKeyId, tokenSerial, accountId });
    const publicKey = await token.generateImportKeyPair(importKeyId, `claviger:import:${keyId}`, {
      ...{ bits, algorithm, asker: accountId },
      exclusively: (work) =>
        inTransaction(database, async (transaction) => {
          await lockToken(transaction, tokenSerial);
          return work();
        }),
    });
    const importToken = await importTokens.seal({ keyId, importKeyId, algorithm, validTo });
    return { importToken, publicKey, validTo };
  }

  /** Counted and entered under a lock of the account's, so that no two take the same place. */
  private async enter(pair: TokenObject & { readonly accountId: string }): Promise<void> {
    const { database, limits } = this.parts;
    const { accountId } = pair;
    await inTransaction(database, async (transaction) => {
      await transaction.query({
        name: 'import-pairs-lock',
        text: 'select pg_advisory_xact_lock($1::int, hashtext($2::text))',
        values: [pairLock, accountId],
      });
      const current = await countImportPairs(transaction, accountId);
      requireRoom(limits, 'importParametersPerAccount', current);
      await doom(transaction, { ...pair, kind: 'key-pair', dueInSeconds: lifetimeSeconds });
    });
  }
}
