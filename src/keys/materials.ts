import type {
  Exclusively,
  GeneratedKey,
  GeneratedWrappedKey,
  ImportedKey,
  PreparedKey,
  Token,
} from '../../hsm';
import type { Database, Transaction } from '../db';
import type { RotationType } from '../shapes/kms.generated';
import type { UndoStep } from '../undo';
import {
  type DoomedObject,
  type TokenObjectKind,
  destroyObject,
  doom,
  spare,
  untilForgottenSeconds,
} from './doomed-objects';
import type { Key } from './key';
import type { KeyTokens } from './key-tokens';
import {
  type MaterialPlace,
  type MaterialStorage,
  insertMaterial,
  retireCurrentMaterial,
  setCurrentMaterial,
} from './material';
import { materialKind } from './material-use';
import { tokenObjectOf } from './specs';
import type { KeyStore } from './store';
import { lockToken } from './token-lock';
import { holdCurrentWrappingKey } from './wrapping-keys';

/** The tokens, and how the material of keys is kept. */
interface Parts {
  readonly database: Pick<Database, 'apart'>;
  /** The main one. */
  readonly token: Token;
  readonly keyTokens: Pick<KeyTokens, 'of'>;
  /** Of keys in the main token. */
  readonly storage: MaterialStorage;
  readonly keys: KeyStore;
}

export interface MaterialRequest {
  /** Is given what takes back from the token what was made there. */
  readonly undo: (step: UndoStep) => void;
  /** What `prepare` gave. */
  readonly prepared?: PreparedKey | undefined;
  /** Where it takes the place of another: why. */
  readonly rotationType?: RotationType;
}

/** Material that was identified as a key's, and is not there. */
export interface Admission {
  readonly imported: ImportedKey;
  readonly materialId: string;
}

/** What becomes an object of the token. */
interface NewObject {
  readonly label: string;
  readonly object: Omit<DoomedObject, 'dueInSeconds'>;
  /** Only within it the token has one object more. */
  readonly exclusively: Exclusively;
}

/** How a material comes to be, for each way of keeping it. */
interface Making {
  readonly keyId: string;
  readonly materialId: string;
  /** What it is as an object of the token. */
  readonly kind: TokenObjectKind;
  /** Makes an object of the token, called by the material id. */
  readonly resident: (made: NewObject) => Promise<GeneratedKey>;
  readonly wrapped: (wrappingKeyId: string) => Promise<GeneratedWrappedKey>;
}

/** Where a key's material goes. */
interface Shelf {
  readonly token: Token;
  readonly storage: MaterialStorage;
  /** Of a token that is not the main one. */
  readonly customKeyStoreId?: string;
}

/** What material is made for. */
export type MaterialOwner = Pick<
  Key,
  'keyId' | 'keySpec' | 'keyUsage' | 'origin' | 'customKeyStore'
>;

/** Where material is that was just made, and its public half. */
interface Made {
  readonly place: MaterialPlace;
  readonly publicKey: Buffer | undefined;
}

/** Makes key material in the token. */
export class Materials {
  constructor(private readonly parts: Parts) {}

  /** What of a new material takes seconds; undefined where nothing does. Rejects with `busy` where too many want that. */
  prepare(key: Pick<Key, 'accountId' | 'keySpec' | 'keyUsage'>): Promise<PreparedKey | undefined> {
    return this.parts.token.prepareKey(materialKind(key), this.parts.storage, key.accountId);
  }

  /**
   * New material for a key of this transaction whose owner brings none, current from now on; what was current stays for
   * Decrypt. The key as it is with it. The caller announces the key, unless it is new.
   */
  async create(
    transaction: Transaction,
    key: MaterialOwner,
    { undo, prepared, rotationType }: MaterialRequest,
  ): Promise<Key> {
    const { keys } = this.parts;
    const { keyId } = key;
    const shelf = await this.shelfOf(key);
    const { token } = shelf;
    const materialId = this.parts.token.generateRandom(32).toString('hex');
    const material = materialKind(key);
    await retireCurrentMaterial(transaction, keyId);
    await setCurrentMaterial(transaction, keyId, materialId);
    const { place, publicKey } = await this.make(transaction, shelf, {
      ...{ keyId, materialId, kind: tokenObjectOf(key.keySpec) },
      resident: ({ label, object, exclusively }) => {
        undo(() => destroyObject(token, object));
        return token.generateKey(material, { id: materialId, label, prepared }, exclusively);
      },
      wrapped: (wrappingKeyId) => token.generateWrappedKey(material, wrappingKeyId, prepared),
    });
    await insertMaterial(transaction, keyId, {
      ...{ materialId, state: 'CURRENT', place, publicKey },
      ...(rotationType && { rotationType }),
    });
    const made = await keys.find(transaction, keyId);
    if (made === undefined) throw new Error('a key that was just given material is not there');
    return made;
  }

  /**
   * Takes in imported material; the caller records where it is, in this transaction. When that fails the object is left to
   * its entry: the same material has the same id again, so by then it may be there by another import.
   */
  async admit(
    transaction: Transaction,
    { keyId, keySpec }: Pick<Key, 'keyId' | 'keySpec'>,
    { imported, materialId }: Admission,
  ): Promise<MaterialPlace> {
    const { token } = this.parts;
    const publicKey = undefined;
    const { place } = await this.make(transaction, this.mainShelf, {
      ...{ keyId, materialId, kind: tokenObjectOf(keySpec) },
      resident: ({ label, object, exclusively }) =>
        exclusively(async () => {
          // The same material may have been deleted a moment ago, and its object still wait to be destroyed.
          await destroyObject(token, object);
          await token.admitImport(imported, materialId, { label });
          return { publicKey };
        }),
      wrapped: async (wrappingKeyId) => {
        const wrapped = await token.admitImport(imported, materialId, { wrappingKeyId });
        if (wrapped === undefined) throw new Error('imported material was not wrapped');
        return { wrapped, publicKey };
      },
    });
    return place;
  }

  private get mainShelf(): Shelf {
    return this.parts;
  }

  /** What a CloudHSM cluster has does not leave it, wrapped neither (kms-semantics §12.4). */
  private async shelfOf(key: MaterialOwner): Promise<Shelf> {
    const { origin, customKeyStore } = key;
    if (origin !== 'AWS_CLOUDHSM' || customKeyStore === undefined) return this.mainShelf;
    const token = await this.parts.keyTokens.of(key);
    return { token, storage: 'resident', customKeyStoreId: customKeyStore.id };
  }

  private make(transaction: Transaction, shelf: Shelf, making: Making): Promise<Made> {
    return shelf.storage === 'resident'
      ? this.makeResident(transaction, shelf, making)
      : this.makeWrapped(transaction, making);
  }

  /** Others make theirs until this one's has to be in the token. */
  private async makeResident(
    transaction: Transaction,
    { token, customKeyStoreId }: Shelf,
    { keyId, materialId, kind, resident }: Making,
  ): Promise<Made> {
    const tokenSerial = token.status().serial;
    const object = { tokenKeyId: materialId, tokenSerial, kind };
    await doom(this.parts.database.apart, {
      ...{ ...object, customKeyStoreId },
      dueInSeconds: untilForgottenSeconds,
    });
    await spare(transaction, object);
    const { publicKey } = await resident({
      ...{ label: `claviger:key:${keyId}`, object },
      exclusively: async (work) => {
        await lockToken(transaction, tokenSerial);
        return work();
      },
    });
    return { place: { tokenSerial }, publicKey };
  }

  /** Nothing of it stays in the token, so there is nothing to take back, and nobody to wait for. */
  private async makeWrapped(transaction: Transaction, { wrapped }: Making): Promise<Made> {
    const made = await wrapped(await holdCurrentWrappingKey(transaction));
    return { place: { wrapped: made.wrapped }, publicKey: made.publicKey };
  }
}
