import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openDatabase } from '../../../src/db';
import { provisionCertificates } from '../../dev-server/certificates';
import { type Cleanup, accountId, openGround, region } from '../ground';
import { profiling } from '../site';
import { fill } from '../stores/fill';
import type { StoreAddress } from './requests';

export interface XksSite {
  readonly databaseUrl: string;
  readonly store: StoreAddress;
  /** Process ids of the daemon's workers. */
  readonly workers: readonly number[];
  /** Process ids of the database's processes, as they are now. */
  postgresProcesses(): number[];
}

export interface XksSiteOptions {
  readonly workers: number;
  readonly keys: number;
  /** Directory for CPU profiles of all workers. */
  readonly profile: string | undefined;
}

const prefix = '/bench';

interface IssuedCredential {
  readonly AccessKeyId: string;
  readonly RawSecretAccessKey: string;
}

/** A daemon that serves XKS over TLS, with a store of so many keys. */
export async function openXksSite(
  options: XksSiteOptions,
  onClose: (step: Cleanup) => void,
): Promise<XksSite> {
  const ground = await openGround({ CLAVIGER_WORKERS: String(options.workers) }, onClose);
  const { caFile, certFile, keyFile } = provisionCertificates(path.join(ground.home, 'tls'));
  await ground.run('xks', 'store', 'create', prefix);
  const issued = JSON.parse(
    await ground.run('xks', 'credential', 'create', prefix, '--json'),
  ) as IssuedCredential;
  await fill(ground, { storage: 'resident', keys: options.keys });
  await link(ground.databaseUrl);
  const daemon = await ground.serve({
    ...profiling(options.profile),
    CLAVIGER_XKS_PORT: '0',
    // Where the machine has much else to do a slow answer shall be measured, and not end it all.
    CLAVIGER_XKS_DEADLINE_MS: '10000',
    CLAVIGER_XKS_TLS_CERT_FILE: certFile,
    CLAVIGER_XKS_TLS_KEY_FILE: keyFile,
  });
  if (daemon.xksPort === undefined) throw new Error('the daemon does not serve XKS');
  return {
    databaseUrl: ground.databaseUrl,
    store: {
      ...{ port: daemon.xksPort, prefix, region },
      ca: readFileSync(caFile, 'utf8'),
      accessKeyId: issued.AccessKeyId,
      secret: issued.RawSecretAccessKey,
    },
    workers: daemon.workers,
    postgresProcesses: () => ground.postgresProcesses(),
  };
}

/** What `claviger xks key link` does to one key, of all: a process for each would take minutes. */
async function link(databaseUrl: string): Promise<void> {
  const limits = { statementTimeoutMs: 60_000, connectTimeoutMs: 5000 };
  const database = openDatabase({ url: databaseUrl, poolSize: 1, ...limits });
  try {
    await database.execute({
      text: `
        insert into xks_key (prefix, external_key_id, key_id, usages)
        select $1::text, 'key-' || row_number() over (order by key_id) - 1, key_id, array['ENCRYPT', 'DECRYPT']
        from kms_key where account_id = $2::text`,
      values: [prefix, accountId],
    });
  } finally {
    await database.close();
  }
}
