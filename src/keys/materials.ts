import type { ImportedKey, Token } from '../../hsm';
import type { Database, Transaction } from '../db';
import type { RotationType } from '../shapes/kms.generated';
import type { UndoStep } from '../undo';
import { destroyObject, doom, spare, untilForgottenSeconds } from './doomed-objects';
import type { Key } from './key';
import {
  type MaterialPlace,
  type MaterialStorage,
  insertMaterial,
  retireCurrentMaterial,
  setCurrentMaterial,
} from './material';
import { tokenObjectOf } from './specs';
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

/** Material that was identified as a key's, and is not there. */
export interface Admission extends Pick<MaterialRequest, 'undo'> {
  readonly imported: ImportedKey;
  readonly materialId: string;
}

interface Wanted {
  readonly keyId: string;
  readonly materialId: string;
  readonly insert: (place: MaterialPlace) => Promise<void>;
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
    const insert = (place: MaterialPlace): Promise<void> =>
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

  /** Takes in imported material; the caller records where it is, in this transaction. */
  admit(
    transaction: Transaction,
    key: Pick<Key, 'keyId' | 'keySpec'>,
    admission: Admission,
  ): Promise<MaterialPlace> {
    return this.parts.storage === 'resident'
      ? this.admitResident(transaction, key, admission)
      : this.admitWrapped(transaction, admission);
  }

  private async admitResident(
    transaction: Transaction,
    { keyId, keySpec }: Pick<Key, 'keyId' | 'keySpec'>,
    { imported, materialId, undo }: Admission,
  ): Promise<MaterialPlace> {
    const { database, token, keys } = this.parts;
    const tokenSerial = token.status().serial;
    const object = { tokenKeyId: materialId, tokenSerial, kind: tokenObjectOf(keySpec) };
    // The same material may have been deleted a moment ago: this waits for who destroys it, or takes its entry over.
    await doom(database.apart, { ...object, dueInSeconds: untilForgottenSeconds });
    await spare(transaction, object);
    await keys.lockToken(transaction, tokenSerial);
    undo(() => destroyObject(token, object));
    await destroyObject(token, object);
    await token.admitImport(imported, materialId, { label: `claviger:key:${keyId}` });
    return { tokenSerial };
  }

  private async admitWrapped(
    transaction: Transaction,
    { imported, materialId }: Admission,
  ): Promise<MaterialPlace> {
    const wrappingKeyId = await holdCurrentWrappingKey(transaction);
    const wrapped = await this.parts.token.admitImport(imported, materialId, { wrappingKeyId });
    if (wrapped === undefined) throw new Error('the token wrapped nothing');
    return { wrapped };
  }
}
