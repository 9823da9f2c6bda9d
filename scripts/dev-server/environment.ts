import type { SoftHsmToken } from './softhsm';

/** What the daemon of this data directory must be told. */
export interface DaemonSettings {
  /** Absolute. */
  readonly dataDir: string;
  readonly port: number;
  readonly accountId: string;
  readonly region: string;
  readonly databaseUrl: string;
  readonly token: SoftHsmToken;
}

/**
 * The lines of `<data dir>/claviger.env`, by which `scripts/claviger` finds the same token and database. The port is
 * not among them: it belongs to a run, not to the data.
 */
export function savedEnvironment(settings: DaemonSettings): Record<string, string> {
  return {
    CLAVIGER_ACCOUNT_ID: settings.accountId,
    CLAVIGER_REGION: settings.region,
    CLAVIGER_PKCS11_MODULE: settings.token.module,
    CLAVIGER_TOKEN_LABEL: settings.token.label,
    CLAVIGER_TOKEN_SERIAL: settings.token.serial,
    CLAVIGER_TOKEN_PIN_FILE: settings.token.pinFile,
    SOFTHSM2_CONF: settings.token.conf,
    DATABASE_URL: settings.databaseUrl,
  };
}

/** The environment of the daemon: ours, with every setting that this run decides. */
export function daemonEnvironment(
  settings: DaemonSettings,
  inherited: NodeJS.ProcessEnv,
): Record<string, string | undefined> {
  return {
    ...inherited,
    ...savedEnvironment(settings),
    CLAVIGER_DATA_DIR: settings.dataDir,
    CLAVIGER_HOST: '127.0.0.1',
    CLAVIGER_PORT: String(settings.port),
  };
}

/** KEY=value lines. Throws on a value with a line break, which the format cannot hold; the message has its name only. */
export function formatEnvironment(variables: Readonly<Record<string, string>>): string {
  const lines = Object.entries(variables).map(([name, value]) => {
    if (/[\n\r]/.test(value)) throw new Error(`${name} has a line break in it`);
    return `${name}=${value}\n`;
  });
  return lines.join('');
}
