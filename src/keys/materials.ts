import type { Token } from '../../hsm';
import type { Database, Transaction } from '../db';
import type { RotationType } from '../shapes/kms.generated';
import type { UndoStep } from '../undo';
import { doom, spare, untilForgottenSeconds } from './doomed-objects';
import type { Key } from './key';
import {
  type MaterialStorage,
  type NewMaterial,
  insertMaterial,
  retireCurrentMaterial,
  setCurrentMaterial,
} from './material';
import type { KeyStore } from './store';
import { holdCurrentWrappingKey } from './wrapping-keys';

/** A key store: a token, and how the material of its keys is kept. */
interface Parts {
  readonly database: Pick<Database, 'apart'>;
  readonly token: Token;
  readonly storage: MaterialStorage;
  readonly keys: KeyStore;
}

export interface MaterialRequest {
  /** Is given what takes back from the token what was made there. */
  readonly undo: (step: UndoStep) => void;
  /** Where it takes the place of another: why. */
  readonly rotationType?: RotationType;
}

interface Wanted {
  readonly keyId: string;
  readonly materialId: string;
  readonly insert: (place: NewMaterial['place']) => Promise<void>;
  readonly undo: MaterialRequest['undo'];
}

/** Makes key material in the token. */
export class Materials {
  constructor(private readonly parts: Parts) {}

  /**
   * New material for an AWS_KMS key of this transaction, current from now on; what was current stays for Decrypt. The key as
   * it is with it. The caller announces the key, unless it is new.
   */
  async create(
    transaction: Transaction,
    { keyId }: Pick<Key, 'keyId'>,
    { undo, rotationType }: MaterialRequest,
  ): Promise<Key> {
    const { token, keys, storage } = this.parts;
    const materialId = token.generateRandom(32).toString('hex');
    const insert = (place: NewMaterial['place']): Promise<void> =>
      insertMaterial(transaction, keyId, {
        ...{ materialId, state: 'CURRENT', place },
        ...(rotationType && { rotationType }),
      });
    await retireCurrentMaterial(transaction, keyId);
    await setCurrentMaterial(transaction, keyId, materialId);
    await this[storage](transaction, { keyId, materialId, insert, undo });
    const made = await keys.find(transaction, keyId);
    if (made === undefined) throw new Error('a key that was just given material is not there');
    return made;
  }

  private async resident(
    transaction: Transaction,
    { keyId, materialId, insert, undo }: Wanted,
  ): Promise<void> {
    const { database, token, keys } = this.parts;
    const tokenSerial = token.status().serial;
    const object = { tokenKeyId: materialId, tokenSerial };
    await doom(database.apart, {
      ...object,
      ...{ kind: 'secret-key', dueInSeconds: untilForgottenSeconds },
    });
    await insert({ tokenSerial });
    await spare(transaction, object);
    await keys.lockToken(transaction, tokenSerial);
    undo(() => token.destroyKey(materialId));
    await token.generateAesKey(materialId, `claviger:key:${keyId}`);
  }

  /** Nothing of it stays in the token, so there is nothing to take back, and nobody to wait for. */
  private async wrapped(transaction: Transaction, { insert }: Wanted): Promise<void> {
    const wrappingKeyId = await holdCurrentWrappingKey(transaction);
    await insert({ wrapped: await this.parts.token.generateWrappedAesKey(wrappingKeyId) });
  }
}
