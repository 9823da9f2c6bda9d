import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { requiredMechanisms } from '../../hsm';
import { type ClonedDatabase, cloneDatabase, copyDatabase } from './postgres';
import { commandLine, settingsOf } from './settings';
import { type SoftHsm, makeSoftHsm } from './softhsm';

export interface TestCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A token and a database as `claviger init` leaves them, and the access key that it printed. */
export interface Initialised {
  readonly token: SoftHsm;
  readonly database: ClonedDatabase;
  readonly credentials: TestCredentials;
}

/** Where a jest run keeps the one that the others are copies of: a plain form of the above. */
const variable = 'CLAVIGER_TEST_INITIALISED';

interface Original {
  readonly token: Pick<SoftHsm, 'label' | 'serial' | 'pin' | 'tokenDir'>;
  readonly databaseUrl: string;
  readonly credentials: TestCredentials;
}

/** Runs `claviger init` once, for all of the run. */
export async function makeOriginal(): Promise<{ remove(): Promise<unknown> }> {
  const token = await makeSoftHsm({ mechanisms: requiredMechanisms, further: true });
  const database = await cloneDatabase();
  const credentials = await runInit(settingsOf(token, database.url));
  const { label, serial, pin, tokenDir } = token;
  const original: Original = {
    token: { label, serial, pin, tokenDir },
    databaseUrl: database.url,
    credentials,
  };
  process.env[variable] = JSON.stringify(original);
  return { remove: () => Promise.all([token.remove(), database.drop()]) };
}

/** Copies: what is done to one of them is done to no other. Token and access key have the same names in all of them. */
export async function makeInitialised(): Promise<Initialised> {
  const { token, databaseUrl, credentials } = JSON.parse(process.env[variable] ?? '') as Original;
  return {
    token: await makeSoftHsm({ mechanisms: requiredMechanisms, copyOf: token }),
    database: await copyDatabase(databaseUrl),
    credentials,
  };
}

export async function runInit(env: NodeJS.ProcessEnv): Promise<TestCredentials> {
  const { stdout } = await promisify(execFile)(process.execPath, [commandLine, 'init'], { env });
  const issued = JSON.parse(stdout) as Record<'AccessKeyId' | 'SecretAccessKey', string>;
  return { accessKeyId: issued.AccessKeyId, secretAccessKey: issued.SecretAccessKey };
}
