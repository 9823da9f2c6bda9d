import { HsmError, type Token, type WantedPair } from '../../hsm';
import { type Database, inTransaction, readClock } from '../db';
import { KmsError } from '../errors';
import { type TokenObject, countImportPairs, doom, removeEntry } from './doomed-objects';
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

/** Requests of an account that wait in a worker for a pair, which is made in up to 3 s: others of it learn that there is no rush. */
const mostWaiting = 8;

/** Makes what a customer needs to import material: a key pair in the token, whose private half unwraps it. */
export class ImportParametersMaker {
  /** How many wait, by account. */
  private readonly waiting = new Map<string, number>();

  constructor(private readonly parts: Parts) {}

  /**
   * The pair is destroyed when the parameters have expired, however far this gets. The token is locked, and a connection
   * held, only for the copy of a pair that was generated before: see KeyPairs in hsm/. Throws LimitExceededException where
   * the account has as many as it may have, and ThrottlingException where too many wait for theirs.
   */
  async make(key: Pick<Key, 'keyId' | 'accountId'>, wrapping: Wrapping): Promise<ImportParameters> {
    const { accountId } = key;
    const others = this.waiting.get(accountId) ?? 0;
    if (others > mostWaiting) throw new KmsError('ThrottlingException', 'Rate exceeded');
    this.waiting.set(accountId, others + 1);
    try {
      return await this.makeNow(key, wrapping);
    } finally {
      const left = (this.waiting.get(accountId) ?? 1) - 1;
      if (left > 0) this.waiting.set(accountId, left);
      else this.waiting.delete(accountId);
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
    const object = { tokenKeyId: importKeyId, tokenSerial };
    await this.enter({ ...object, accountId });
    const publicKey = await this.generate(object, `claviger:import:${keyId}`, {
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

  /** Where others are in the way, nothing was begun, and the account has its place again. */
  private async generate(object: TokenObject, label: string, wanted: WantedPair): Promise<Buffer> {
    const { database, token } = this.parts;
    try {
      return await token.generateImportKeyPair(object.tokenKeyId, label, wanted);
    } catch (error) {
      if (error instanceof HsmError && error.code === 'busy') await removeEntry(database, object);
      throw error;
    }
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
