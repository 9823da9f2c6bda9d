import { CreateKeyCommand, KMSClient, type KeySpec, type KeyUsageType } from '@aws-sdk/client-kms';
import { openDatabase } from '../../../src/db';
import { type Cleanup, type Ground, openGround, region } from '../ground';
import { type KeyUseName, keyUseNames } from '../load/workload';
import { type Contender, profiling, type Site } from '../site';

export interface UsedKey {
  readonly keyId: string;
  /** CKA_ID of its object in the token. */
  readonly tokenKeyId: string;
}

/** A daemon with a key of each kind that is measured. */
export interface KeySite extends Pick<Site, 'token' | 'identity' | 'postgresProcesses'> {
  readonly databaseUrl: string;
  readonly daemon: Omit<Contender, 'keyId' | 'name'>;
  readonly keys: Readonly<Record<KeyUseName, UsedKey>>;
  /** Of an AES key. */
  readonly symmetric: UsedKey;
}

export async function withKeySite(
  settings: {
    readonly workers: number;
    readonly lanes: number;
    /** Directory for CPU profiles of the workers. */
    readonly profile?: string;
  },
  use: (site: KeySite) => Promise<void>,
): Promise<void> {
  const cleanups: Cleanup[] = [];
  try {
    const environment = {
      CLAVIGER_WORKERS: String(settings.workers),
      CLAVIGER_TOKEN_LANES: String(settings.lanes),
    };
    const ground = await openGround(environment, (step) => cleanups.push(step));
    await use(await openKeySite(ground, settings.profile));
  } finally {
    for (const step of cleanups.reverse()) await step();
  }
}

async function openKeySite(ground: Ground, profile: string | undefined): Promise<KeySite> {
  const { token, identity, databaseUrl } = ground;
  const daemon = await ground.serve(profiling(profile));
  const kms = new KMSClient({
    ...{ endpoint: `http://127.0.0.1:${daemon.port}`, region, credentials: identity },
  });
  const limits = { statementTimeoutMs: 5000, connectTimeoutMs: 5000 };
  const database = openDatabase({ url: databaseUrl, poolSize: 1, ...limits });
  const make = async (KeySpec: KeySpec, KeyUsage: KeyUsageType): Promise<UsedKey> => {
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({ KeySpec, KeyUsage }));
    const keyId = KeyMetadata?.KeyId ?? '';
    const [row] = await database.query<{ id: string }>({
      text: 'select current_material_id as id from kms_key where key_id = $1::text',
      values: [keyId],
    });
    if (row === undefined) throw new Error('no key was made');
    return { keyId, tokenKeyId: row.id };
  };
  try {
    const keys: Partial<Record<KeyUseName, UsedKey>> = {};
    for (const name of keyUseNames) {
      const [operation, spec] = name.split(' ') as [string, KeySpec];
      keys[name] = await make(spec, operation === 'Sign' ? 'SIGN_VERIFY' : 'GENERATE_VERIFY_MAC');
    }
    return {
      ...{ token, identity, databaseUrl },
      ...{ daemon, keys: keys as KeySite['keys'] },
      symmetric: await make('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT'),
      postgresProcesses: () => ground.postgresProcesses(),
    };
  } finally {
    await database.close();
    kms.destroy();
  }
}
