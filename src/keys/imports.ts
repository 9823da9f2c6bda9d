import {
  HsmError,
  type IdentifiedImport,
  type ImportedKey,
  type MaterialKind,
  type Token,
} from '../../hsm';
import { type Transaction, readClock } from '../db';
import type { ImportType } from '../shapes/kms.generated';
import { doom } from './doomed-objects';
import { decideImport } from './import-decision';
import { type ImportTokens, expiredImportToken } from './import-tokens';
import {
  type ImportTerms,
  discardImport,
  forgetImport,
  recordImport,
  renewTerms,
  settleImportState,
} from './imported-material';
import type { Key } from './key';
import { setCurrentMaterial } from './material';
import type { Materials } from './materials';
import { tokenObjectOf } from './specs';

interface Parts {
  readonly token: Token;
  readonly materials: Materials;
  readonly importTokens: ImportTokens;
}

export interface ImportRequest {
  readonly importToken: Buffer;
  readonly encrypted: Buffer;
  readonly importType: ImportType | undefined;
  readonly expectedId: string | undefined;
  readonly terms: ImportTerms;
}

/** Material that customers bring, and take away. The caller holds the lock of its key, and announces the key. */
export class Imports {
  constructor(private readonly parts: Parts) {}

  /** The key material id. */
  async admit(transaction: Transaction, key: Key, request: ImportRequest): Promise<string> {
    const { materials } = this.parts;
    const imported = await this.open(transaction, key, request);
    const { id: materialId, publicKey } = await this.identify(imported);
    const { importType, expectedId, terms } = request;
    const decision = decideImport(key, { materialId, importType, expectedId });
    if (decision.kind === 'again' && decision.material.imported?.state === 'IMPORTED') {
      await renewTerms(transaction, { materialId, publicKey }, terms);
      return materialId;
    }
    const place = await materials.admit(transaction, key, { imported, materialId });
    const state = decision.kind === 'first' ? 'CURRENT' : 'PENDING_ROTATION';
    await recordImport(transaction, key.keyId, {
      ...{ materialId, state, place, publicKey, terms },
    });
    if (decision.kind === 'first') await setCurrentMaterial(transaction, key.keyId, materialId);
    await settleImportState(transaction, key.keyId);
    return materialId;
  }

  /**
   * The material is of no use from now on, and its object in the token is doomed and due. Material that waits for a
   * rotation is the key's no more; all other can be imported again. Does nothing where it was gone before.
   */
  async remove(
    transaction: Transaction,
    { keyId, keySpec }: Pick<Key, 'keyId' | 'keySpec'>,
    materialId: string,
  ): Promise<void> {
    const former =
      (await discardImport(transaction, materialId)) ??
      (await forgetImport(transaction, materialId));
    if (former?.tokenSerial !== undefined) {
      const object = { tokenKeyId: materialId, tokenSerial: former.tokenSerial };
      await doom(transaction, { ...object, kind: tokenObjectOf(keySpec), dueInSeconds: 0 });
    }
    await settleImportState(transaction, keyId);
  }

  private async open(
    transaction: Transaction,
    { keyId, keySpec, keyUsage }: Key,
    { importToken, encrypted }: ImportRequest,
  ): Promise<ImportedKey> {
    const now = await readClock(transaction);
    const { importKeyId, algorithm } = await this.parts.importTokens.open(importToken, {
      ...{ keyId, now, transaction },
    });
    // CreateKey makes keys of no other spec for imported material.
    const kind = { spec: keySpec, usage: keyUsage } as MaterialKind;
    return { importKeyId, algorithm, encrypted, kind, keyId };
  }

  /** A pair is destroyed when its parameters have expired, by the same clock. */
  private async identify(imported: ImportedKey): Promise<IdentifiedImport> {
    try {
      return await this.parts.token.identifyImport(imported);
    } catch (thrown) {
      if (thrown instanceof HsmError && thrown.code === 'key-not-found') {
        throw expiredImportToken(thrown);
      }
      throw thrown;
    }
  }
}
