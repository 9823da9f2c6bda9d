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
  readonly keyMaterial: 'resident' | 'wrapped';
  /** Where the XKS proxy has a port of its own. */
  readonly xks?: XksSettings;
}

export interface XksSettings {
  readonly port: number;
  /** PEM. */
  readonly certFile: string;
  readonly keyFile: string;
}

/**
 * The lines of `<data dir>/claviger.env`, by which `scripts/claviger` finds the same token and database. The port is
 * not among them: it belongs to a run, not to the data.
 */
export function savedEnvironment(settings: DaemonSettings): Record<string, string> {
  return {
    CLAVIGER_ACCOUNT_ID: settings.accountId,
    CLAVIGER_REGION: settings.region,
    CLAVIGER_KEY_MATERIAL: settings.keyMaterial,
    DATABASE_URL: settings.databaseUrl,
    ...tokenEnvironment(settings.token),
  };
}

/** By which the daemon finds the token. */
export function tokenEnvironment(token: SoftHsmToken): Record<string, string> {
  return {
    CLAVIGER_PKCS11_MODULE: token.module,
    CLAVIGER_TOKEN_LABEL: token.label,
    CLAVIGER_TOKEN_SERIAL: token.serial,
    CLAVIGER_TOKEN_PIN_FILE: token.pinFile,
    CLAVIGER_TOKEN_DIRECTORY: token.directory,
    SOFTHSM2_CONF: token.conf,
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
    ...(settings.xks && xksEnvironment(settings.xks)),
  };
}

function xksEnvironment({ port, certFile, keyFile }: XksSettings): Record<string, string> {
  return {
    CLAVIGER_XKS_HOST: '127.0.0.1',
    CLAVIGER_XKS_PORT: String(port),
    CLAVIGER_XKS_TLS_CERT_FILE: certFile,
    CLAVIGER_XKS_TLS_KEY_FILE: keyFile,
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
