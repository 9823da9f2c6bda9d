import { type Token, residentKey } from '../../hsm';
import type { Database, Queryable, Transaction } from '../db';
import { doom, spare, untilForgottenSeconds } from '../keys/doomed-objects';
import { Secret } from './secret';

/** What keys of the token seal, each purpose with keys of its own, and the labels that its keys have in the token. */
const labels = {
  'access-key-sealing': 'claviger:sealing',
  'grant-token-sealing': 'claviger:grant-token-sealing',
  'import-token-sealing': 'claviger:import-token-sealing',
  'session-sealing': 'claviger:session-sealing',
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

/** Seals secrets under an AES key that stays in the token; the owner's id is bound to them as associated data. */
export class Sealing {
  constructor(
    private readonly token: Token,
    readonly purpose: SealingPurpose = 'access-key-sealing',
  ) {}

  /** The id of the newest sealing key, or undefined before `claviger init`. */
  async currentKey(db: Queryable): Promise<string | undefined> {
    return (await this.keys(db))[0];
  }

  /** The ids of all sealing keys of the purpose: the newest one seals, each of them opens. */
  async keys(db: Queryable): Promise<readonly string[]> {
    const rows = await db.query<{ token_key_id: string }>({
      name: 'sealing-keys',
      text: `
        select token_key_id from system_key
        where purpose = $1::text order by created_at desc, token_key_id`,
      values: [this.purpose],
    });
    return rows.map((row) => row.token_key_id);
  }

  /** Makes a sealing key in the token and records it. */
  async createKey({ apart }: Pick<Database, 'apart'>, transaction: Transaction): Promise<string> {
    const id = this.token.generateRandom(32).toString('hex');
    const object = { tokenKeyId: id, tokenSerial: this.token.status().serial };
    await doom(apart, { ...object, kind: 'secret-key', dueInSeconds: untilForgottenSeconds });
    await spare(transaction, object);
    await this.token.generateAesKey(id, labels[this.purpose]);
    await transaction.execute({
      text: `
        insert into system_key (purpose, token_key_id, token_serial)
        values ($1::text, $2::text, $3::text)`,
      values: [this.purpose, id, object.tokenSerial],
    });
    return id;
  }

  async seal(secret: Secret, { owner, keyId }: { owner: string; keyId: string }): Promise<Sealed> {
    const key = residentKey(keyId);
    const sealed = await this.token.encryptAesGcm(key, Buffer.from(owner), secret.reveal());
    return { blob: Buffer.concat([sealed.iv, sealed.ciphertext]), sealingKeyId: keyId };
  }

  async open(sealed: Sealed, owner: string): Promise<Secret> {
    const plaintext = await this.token.decryptAesGcm(residentKey(sealed.sealingKeyId), {
      iv: sealed.blob.subarray(0, ivBytes),
      ciphertext: sealed.blob.subarray(ivBytes),
      aad: Buffer.from(owner),
    });
    const secret = new Secret(plaintext);
    plaintext.fill(0);
    return secret;
  }
}
