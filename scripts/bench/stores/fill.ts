import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import * as pkcs11 from 'pkcs11js';
import { run } from '../command-line';
import { aesKind, openToken } from '../../../hsm';
import { generatedSecret } from '../../../hsm/material/templates';
import { type Database, openDatabase } from '../../../src/db';
import type { MaterialStorage } from '../../../src/keys/material';
import { currentWrappingKey } from '../../../src/keys/wrapping-keys';
import { defaultKeyPolicy } from '../../../src/policy/compile';
import { type Ground, accountId, label, region, softHsm } from '../ground';
import { openSession } from '../raw-token';

export interface FillOptions {
  readonly storage: MaterialStorage;
  readonly keys: number;
  readonly databaseUrl: string;
  readonly pinFile: string;
}

/**
 * Fills a key store as CreateKey would, without its requests: many rows a statement, and of resident keys without the look
 * for another of the same id, which SoftHSM takes ever longer for. In a process of its own, which leaves the token again.
 */
export async function fill(
  { token, databaseUrl }: Ground,
  wanted: Pick<FillOptions, 'storage' | 'keys'>,
): Promise<void> {
  const options: FillOptions = { ...wanted, databaseUrl, pinFile: token.pinFile };
  const env = { ...process.env, SOFTHSM2_CONF: token.conf };
  await promisify(execFile)(process.execPath, [__filename, JSON.stringify(options)], { env });
}

interface Material {
  readonly id: string;
  readonly tokenSerial?: string;
  readonly wrappingKeyId?: string;
  readonly blob?: Buffer;
}

/** Makes so many materials for the keys of these ids. */
type Maker = (keyIds: readonly string[]) => Material[] | Promise<Material[]>;

const batch = 500;
const callsAtOnce = 8;

async function fillHere(options: FillOptions): Promise<void> {
  const limits = { statementTimeoutMs: 60_000, connectTimeoutMs: 5000 };
  const database = openDatabase({ url: options.databaseUrl, poolSize: 1, ...limits });
  const { make, close } = await makers[options.storage](options, database);
  for (let done = 0; done < options.keys; done += batch) {
    const count = Math.min(batch, options.keys - done);
    const keyIds = Array.from({ length: count }, () => randomUUID());
    await insert(database, keyIds, await make(keyIds));
  }
  await database.execute({ text: 'analyze' });
  await close();
  await database.close();
}

interface OpenMaker {
  readonly make: Maker;
  readonly close: () => unknown;
}

const makers = { resident, wrapped } as const satisfies Record<
  MaterialStorage,
  (options: FillOptions, database: Database) => OpenMaker | Promise<OpenMaker>
>;

async function wrapped({ pinFile }: FillOptions, database: Database): Promise<OpenMaker> {
  const token = await openToken({
    ...{ module: softHsm, label, local: true, lanes: 2, deadlineMs: 10_000 },
    ...{ ivSource: 'random', maxCachedKeys: 10 },
    readPin: () => readFileSync(pinFile, 'utf8').trim(),
  });
  const wrappingKeyId = await currentWrappingKey(database);
  if (wrappingKeyId === undefined) throw new Error('there is no wrapping key');
  const makeOne = async (): Promise<Material> => {
    const { wrapped } = await token.generateWrappedKey(aesKind, wrappingKeyId);
    const { blob } = wrapped;
    return { id: randomBytes(32).toString('hex'), wrappingKeyId, blob };
  };
  return {
    make: async (keyIds) => {
      const made: Material[] = [];
      while (made.length < keyIds.length) {
        const count = Math.min(callsAtOnce, keyIds.length - made.length);
        made.push(...(await Promise.all(Array.from({ length: count }, makeOne))));
      }
      return made;
    },
    close: () => token.close(),
  };
}

function resident({ pinFile }: FillOptions): OpenMaker {
  const library = new pkcs11.PKCS11();
  const session = openSession(library, { module: softHsm, label, pinFile });
  const { slotID } = library.C_GetSessionInfo(session);
  const tokenSerial = library.C_GetTokenInfo(slotID).serialNumber.trim();
  return {
    make: (keyIds) =>
      keyIds.map((keyId) => {
        const id = randomBytes(32);
        const key = { id, label: `claviger:key:${keyId}`, modifiable: true };
        const mechanism = { mechanism: pkcs11.CKM_AES_KEY_GEN };
        library.C_GenerateKey(session, mechanism, generatedSecret(aesKind, 32, key));
        return { id: id.toString('hex'), tokenSerial };
      }),
    close: () => library.C_Finalize(),
  };
}

async function insert(
  database: Database,
  keyIds: readonly string[],
  materials: readonly Material[],
): Promise<void> {
  await database.execute({
    text: `
      with k as (
        insert into kms_key (key_id, account_id, key_spec, key_usage, state, policy, current_material_id)
        select key_id, $1::text, 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', 'Enabled', $2::text, material_id
        from unnest($3::text[], $4::text[]) as n(key_id, material_id)
      ), a as (
        update account set key_count = key_count + $8::int where account_id = $1::text
      )
      insert into key_material (key_id, material_id, kind, token_serial, wrapping_key_id, wrapped, state)
      select key_id, material_id, case when token_serial is null then 'wrapped' else 'resident' end,
        token_serial, wrapping_key_id, wrapped, 'CURRENT'
      from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[])
        as n(key_id, material_id, token_serial, wrapping_key_id, wrapped)`,
    values: [
      accountId,
      defaultKeyPolicy({ partition: 'aws', region }, accountId),
      keyIds,
      materials.map(({ id }) => id),
      materials.map(({ tokenSerial }) => tokenSerial ?? null),
      materials.map(({ wrappingKeyId }) => wrappingKeyId ?? null),
      materials.map(({ blob }) => blob ?? null),
      keyIds.length,
    ],
  });
}

if (require.main === module) {
  run(() => fillHere(JSON.parse(process.argv[2] ?? '{}') as FillOptions));
}
