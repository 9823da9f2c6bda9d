import path from 'node:path';
import { withAwsCli } from './aws-cli-server';
import type { SoftHsm } from './softhsm';
import { startCache } from './start-cache';

export const commandLine = path.join(__dirname, '..', '..', 'src', 'cli', 'claviger.js');

export const accountId = '111122223333';
export const region = 'us-east-1';

/** What every command needs to find token and database, as environment variables. */
export function settingsOf(token: SoftHsm, databaseUrl: string): NodeJS.ProcessEnv {
  return {
    PATH: withAwsCli(process.env['PATH']),
    ...startCache(),
    CLAVIGER_ACCOUNT_ID: accountId,
    CLAVIGER_PKCS11_MODULE: token.module,
    CLAVIGER_REGION: region,
    CLAVIGER_TOKEN_LABEL: token.label,
    CLAVIGER_TOKEN_PIN_FILE: token.pinFile,
    CLAVIGER_TOKEN_SERIAL: token.serial,
    DATABASE_URL: databaseUrl,
    SOFTHSM2_CONF: token.conf,
  };
}
