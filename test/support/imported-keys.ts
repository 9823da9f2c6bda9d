import { randomBytes } from 'node:crypto';
import {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { type Token, openToken } from '../../hsm';
import type { TestDaemon } from './daemon';
import { type AuditRow, auditTexts, type NewKey, sdkRefusal } from './kms';
import { type Parameters, createExternalKey, getParameters, importMaterial } from './kms-imports';
import { administer } from './postgres';
import { tokenOptions } from './token-options';

/** A key with imported material, and what is needed to import it again. */
export interface BroughtKey extends NewKey {
  readonly material: Buffer;
  readonly materialId: string;
  readonly parameters: Parameters;
  /** Encrypted under the material. */
  readonly blob: Uint8Array;
}

const Plaintext = Buffer.from('attack at dawn');

/** Looks at what becomes of imported material, in a daemon's answers, in its database and in its token. */
export interface ImportWatch {
  bring(more?: { readonly ValidTo?: Date }): Promise<BroughtKey>;
  again(key: BroughtKey): Promise<string>;
  state(key: NewKey): Promise<string | undefined>;
  /** The code and text of what Encrypt and Decrypt answer; `ok` where they work. */
  uses(key: BroughtKey): Promise<readonly [encrypt: string, decrypt: string]>;
  inToken(id: string): Promise<boolean>;
  /** Entries of objects that are to be destroyed. */
  doomed(id: string): Promise<number>;
  expiries(key: NewKey): Promise<AuditRow[]>;
  close(): Promise<void>;
}

export async function watchImports(daemon: TestDaemon, kms: KMSClient): Promise<ImportWatch> {
  const token: Token = await openToken(tokenOptions(daemon.token));
  const outcome = async (sending: Promise<unknown>): Promise<string> => {
    try {
      await sending;
      return 'ok';
    } catch {
      const { code, message } = await sdkRefusal(sending);
      return `${code}: ${message}`;
    }
  };
  return {
    bring: async (more = {}) => {
      const key = await createExternalKey(kms);
      const material = randomBytes(32);
      const parameters = await getParameters(kms, key.id);
      const materialId = await importMaterial(kms, key.id, { material, parameters, ...more });
      const sealed = await kms.send(new EncryptCommand({ KeyId: key.id, Plaintext }));
      const { CiphertextBlob: blob = new Uint8Array() } = sealed;
      return { ...key, material, materialId, parameters, blob };
    },
    again: ({ id, material, parameters }) => importMaterial(kms, id, { material, parameters }),
    state: async ({ id: KeyId }) =>
      (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState,
    uses: async ({ id: KeyId, blob: CiphertextBlob }) => [
      await outcome(kms.send(new EncryptCommand({ KeyId, Plaintext }))),
      await outcome(kms.send(new DecryptCommand({ CiphertextBlob }))),
    ],
    inToken: async (id) =>
      (await token.listObjects('claviger:')).some((object) => object.id === id),
    doomed: async (id) =>
      (
        await administer(daemon.databaseUrl, 'select from doomed_object where token_key_id = $1', [
          id,
        ])
      ).length,
    expiries: async ({ arn }) =>
      (await auditTexts(daemon))
        .map((text) => JSON.parse(text) as AuditRow)
        .filter(
          ({ eventName, resources }) =>
            eventName === 'DeleteExpiredKeyMaterial' && resources[0]?.['ARN'] === arn,
        ),
    close: () => token.close(),
  };
}
