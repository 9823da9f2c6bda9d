import type { Token } from '../../hsm';
import { type Database, type Transaction, inTransaction, readClock } from '../db';
import { KmsError } from '../errors';
import { countImportPairs, doom } from './doomed-objects';
import type { ImportTokens } from './import-tokens';
import type { Wrapping } from './import-wrapping';
import type { Key } from './key';
import { type Limits, requireRoom } from './limits';
import type { KeyStore } from './store';

export interface ImportParameters {
  readonly importToken: Buffer;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer;
  readonly validTo: Date;
}

interface Parts {
  readonly database: Database;
  readonly token: Token;
  readonly keys: KeyStore;
  readonly importTokens: ImportTokens;
  readonly limits: Limits;
}

/** kms-semantics §9.1 */
const lifetimeSeconds = 24 * 3600;

/** Requests of a worker that wait for a pair, which is made in up to 3 s: others find that there is no rush. */
const mostWaiting = 8;

/** Makes what a customer needs to import material: a key pair in the token, whose private half unwraps it. */
export class ImportParametersMaker {
  private waiting = 0;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: Parts) {}

  /**
   * The pair is destroyed when the parameters have expired, however far this gets. Throws LimitExceededException where the
   * account has as many as it may have, and ThrottlingException where too many wait for theirs.
   */
  make(key: Pick<Key, 'keyId' | 'accountId'>, wrapping: Wrapping): Promise<ImportParameters> {
    return this.inTurn(() => this.makeNow(key, wrapping));
  }

  private async makeNow(
    { keyId, accountId }: Pick<Key, 'keyId' | 'accountId'>,
    { algorithm, bits }: Wrapping,
  ): Promise<ImportParameters> {
    const { database, token, keys, importTokens } = this.parts;
    const tokenSerial = token.status().serial;
    const importKeyId = token.generateRandom(32).toString('hex');
    const validTo = new Date((await readClock(database)).getTime() + lifetimeSeconds * 1000);
    const publicKey = await inTransaction(database, async (transaction) => {
      await keys.lockPairs(transaction, tokenSerial);
      await this.requireRoom(transaction, accountId);
      await doom(database.apart, {
        ...{ tokenKeyId: importKeyId, tokenSerial, kind: 'key-pair', accountId },
        dueInSeconds: lifetimeSeconds,
      });
      await keys.lockToken(transaction, tokenSerial);
      return token.generateImportKeyPair(importKeyId, `claviger:import:${keyId}`, bits);
    });
    const importToken = await importTokens.seal({ keyId, importKeyId, algorithm, validTo });
    return { importToken, publicKey, validTo };
  }

  /** Whoever else makes a pair waits for the lock of this transaction, so that the number is the right one. */
  private async requireRoom(transaction: Transaction, accountId: string): Promise<void> {
    const current = await countImportPairs(transaction, accountId);
    requireRoom(this.parts.limits, 'importParametersPerAccount', current);
  }

  /** One at a time: those that wait hold no connection of the worker, which everybody else needs. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.waiting > mostWaiting) throw new KmsError('ThrottlingException', 'Rate exceeded');
    this.waiting += 1;
    const result = this.last.then(work).finally(() => (this.waiting -= 1));
    this.last = result.catch(() => undefined);
    return result;
  }
}
