import type { Token } from '../../hsm';
import { type Database, inTransaction, readClock } from '../db';
import { doom } from './doomed-objects';
import type { ImportTokens } from './import-tokens';
import type { Wrapping } from './import-wrapping';
import type { Key } from './key';
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
}

/** kms-semantics §9.1 */
const lifetimeSeconds = 24 * 3600;

/** Makes what a customer needs to import material: a key pair in the token, whose private half unwraps it. */
export class ImportParametersMaker {
  constructor(private readonly parts: Parts) {}

  /**
   * The pair is destroyed when the parameters have expired, however far this gets. The token is locked, and a connection
   * held, only for the copy of a pair that was generated before: see KeyPairs in hsm/.
   */
  async make(
    { keyId }: Pick<Key, 'keyId'>,
    { algorithm, bits }: Wrapping,
  ): Promise<ImportParameters> {
    const { database, token, keys, importTokens } = this.parts;
    const tokenSerial = token.status().serial;
    const importKeyId = token.generateRandom(32).toString('hex');
    const validTo = new Date((await readClock(database)).getTime() + lifetimeSeconds * 1000);
    await doom(database, {
      ...{ tokenKeyId: importKeyId, tokenSerial, kind: 'key-pair' },
      dueInSeconds: lifetimeSeconds,
    });
    const publicKey = await token.generateImportKeyPair(importKeyId, `claviger:import:${keyId}`, {
      bits,
      exclusively: (work) =>
        inTransaction(database, async (transaction) => {
          await keys.lockToken(transaction, tokenSerial);
          return work();
        }),
    });
    const importToken = await importTokens.seal({ keyId, importKeyId, algorithm, validTo });
    return { importToken, publicKey, validTo };
  }
}
