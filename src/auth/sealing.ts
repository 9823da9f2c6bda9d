import {
  HsmError,
  type Token,
  type TokenKey,
  type WrappedMaterial,
  aesKind,
  residentKey,
} from '../../hsm';
import type { Database, Queryable, Transaction } from '../db';
import { doom, spare, untilForgottenSeconds } from '../keys/doomed-objects';
import type { MaterialStorage } from '../keys/material';
import { lockToken } from '../keys/token-lock';
import { holdCurrentWrappingKey } from '../keys/wrapping-keys';
import type { Awaitable } from '../awaitable';
import { Secret } from './secret';

/** What keys of the token seal, each purpose with keys of its own, and the labels that its keys have in the token. */
const labels = {
  'access-key-sealing': 'claviger:sealing',
  'grant-token-sealing': 'claviger:grant-token-sealing',
  'import-token-sealing': 'claviger:import-token-sealing',
  'key-store-sealing': 'claviger:key-store-sealing',
  'session-sealing': 'claviger:session-sealing',
  'xks-credential-sealing': 'claviger:xks-credential-sealing',
  'xks-health': 'claviger:xks-health',
} as const;

export type SealingPurpose = keyof typeof labels;

export const sealingPurposes = Object.keys(labels) as readonly SealingPurpose[];

export interface Sealed {
  /** IV (12 bytes), ciphertext, tag (16 bytes). */
  readonly blob: Buffer;
  /** Which key of the token sealed it. */
  readonly sealingKeyId: string;
}

const ivBytes = 12;

interface SealingKeyRow {
  readonly token_key_id: string;
  readonly wrapping_key_id: string | null;
  readonly wrapped: Buffer | null;
}

/** Seals secrets under an AES key that stays in the token; the owner's id is bound to them as associated data. */
export class Sealing {
  private readonly known = new Map<string, TokenKey>();

  constructor(
    private readonly token: Token,
    readonly purpose: SealingPurpose = 'access-key-sealing',
    /** Where keys are looked up that are not known yet; left out, `keys` has been asked before. */
    private readonly db?: Queryable,
  ) {}

  /** The id of the newest sealing key, or undefined before `claviger init`. */
  async currentKey(db: Queryable): Promise<string | undefined> {
    return (await this.keys(db))[0];
  }

  /** The ids of all sealing keys of the purpose: the newest one seals, each of them opens. */
  async keys(db: Queryable): Promise<readonly string[]> {
    const rows = await db.query<SealingKeyRow>({
      name: 'sealing-keys',
      text: `
        select token_key_id, wrapping_key_id, wrapped from system_key
        where purpose = $1::text order by created_at desc, token_key_id`,
      values: [this.purpose],
    });
    for (const row of rows) this.known.set(row.token_key_id, tokenKeyOf(row));
    return rows.map((row) => row.token_key_id);
  }

  /** Makes a sealing key in the token, or wrapped by it as the material of a wrapped store is, and records it. */
  async createKey(
    { apart }: Pick<Database, 'apart'>,
    transaction: Transaction,
    storage: MaterialStorage = 'resident',
  ): Promise<string> {
    const id = this.token.generateRandom(32).toString('hex');
    const wrapped = storage === 'wrapped' ? await this.createWrapped(transaction) : undefined;
    if (wrapped === undefined) await this.createResident(apart, transaction, id);
    await transaction.execute({
      text: `
        insert into system_key (purpose, token_key_id, token_serial, wrapping_key_id, wrapped, created_at)
        values ($1::text, $2::text, $3::text, $4::text, $5::bytea, clock_timestamp())`,
      values: [
        this.purpose,
        id,
        wrapped === undefined ? this.token.status().serial : null,
        wrapped?.wrappingKeyId ?? null,
        wrapped?.blob ?? null,
      ],
    });
    this.known.set(id, { id, wrapped });
    return id;
  }

  private async createWrapped(transaction: Transaction): Promise<WrappedMaterial> {
    const wrappingKeyId = await holdCurrentWrappingKey(transaction);
    return (await this.token.generateWrappedKey(aesKind, wrappingKeyId)).wrapped;
  }

  private async createResident(
    apart: Queryable,
    transaction: Transaction,
    id: string,
  ): Promise<void> {
    const object = { tokenKeyId: id, tokenSerial: this.token.status().serial };
    await doom(apart, { ...object, kind: 'secret-key', dueInSeconds: untilForgottenSeconds });
    await spare(transaction, object);
    await lockToken(transaction, object.tokenSerial);
    await this.token.generateKey(aesKind, { id, label: labels[this.purpose] });
  }

  async seal(secret: Secret, { owner, keyId }: { owner: string; keyId: string }): Promise<Sealed> {
    const sealed = await this.use(keyId, (key) =>
      this.token.encryptAesGcm(key, Buffer.from(owner), secret.reveal()),
    );
    return { blob: Buffer.concat([sealed.iv, sealed.ciphertext]), sealingKeyId: keyId };
  }

  async open(sealed: Sealed, owner: string): Promise<Secret> {
    const plaintext = await this.use(sealed.sealingKeyId, (key) =>
      this.token.decryptAesGcm(key, {
        iv: sealed.blob.subarray(0, ivBytes),
        ciphertext: sealed.blob.subarray(ivBytes),
        aad: Buffer.from(owner),
      }),
    );
    const secret = new Secret(plaintext);
    plaintext.fill(0);
    return secret;
  }

  /** Once more with the key as it is now, where it was put under another wrapping key and the old one is gone. */
  private async use<T>(id: string, work: (key: TokenKey) => Awaitable<T>): Promise<T> {
    const key = this.known.get(id) ?? (await this.look(id));
    try {
      return await work(key);
    } catch (error) {
      if (!(error instanceof HsmError) || error.code !== 'key-not-found') throw error;
      const now = await this.look(id);
      if (now.wrapped === undefined || now.wrapped.wrappingKeyId === key.wrapped?.wrappingKeyId) {
        throw error;
      }
      return work(now);
    }
  }

  private async look(id: string): Promise<TokenKey> {
    if (this.db !== undefined) await this.keys(this.db);
    return this.known.get(id) ?? residentKey(id);
  }
}

function tokenKeyOf(row: SealingKeyRow): TokenKey {
  const { token_key_id: id, wrapping_key_id: wrappingKeyId, wrapped: blob } = row;
  if (wrappingKeyId === null || blob === null) return residentKey(id);
  return { id, wrapped: { wrappingKeyId, blob } };
}
