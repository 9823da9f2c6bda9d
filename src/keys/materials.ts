import type { Token } from '../../hsm';
import type { Database, Transaction } from '../db';
import type { RotationType } from '../shapes/kms.generated';
import type { UndoStep } from '../undo';
import { doom, spare, untilForgottenSeconds } from './doomed-objects';
import type { Key } from './key';
import { insertMaterial, retireCurrentMaterial, setCurrentMaterial } from './material';
import type { KeyStore } from './store';

interface Parts {
  readonly database: Pick<Database, 'apart'>;
  readonly token: Token;
  readonly keys: KeyStore;
}

export interface MaterialRequest {
  /** Is given what takes back from the token what was made there. */
  readonly undo: (step: UndoStep) => void;
  /** Where it takes the place of another: why. */
  readonly rotationType?: RotationType;
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
    const { database, token, keys } = this.parts;
    const tokenSerial = token.status().serial;
    const materialId = token.generateRandom(32).toString('hex');
    const object = { tokenKeyId: materialId, tokenSerial };
    await doom(database.apart, {
      ...object,
      ...{ kind: 'secret-key', dueInSeconds: untilForgottenSeconds },
    });
    await retireCurrentMaterial(transaction, keyId);
    await insertMaterial(transaction, keyId, {
      materialId,
      state: 'CURRENT',
      place: { tokenSerial },
      ...(rotationType && { rotationType }),
    });
    await setCurrentMaterial(transaction, keyId, materialId);
    await spare(transaction, object);
    await keys.lockToken(transaction, tokenSerial);
    undo(() => token.destroyKey(materialId));
    await token.generateAesKey(materialId, `claviger:key:${keyId}`);
    const made = await keys.find(transaction, keyId);
    if (made === undefined) throw new Error('a key that was just given material is not there');
    return made;
  }
}
