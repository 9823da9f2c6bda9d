import type { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import Ajv from 'ajv';
import { type IdentityRules, noIdentityRules } from './auth/identity-rules';
import { readAttestationRoots, unsafeAttestationRoots } from './config/attestation-roots';
import { requireConsistent } from './config/checks';
import { ConfigError } from './config/error';
import { readIdentityRules } from './config/identity-rules';
import { type KeyStoresFile, noKeyStores, readKeyStores } from './config/key-stores';
import { readRateLimits } from './config/rates';
import type { Setting } from './config/setting';
import { settings } from './config/settings';
import type { RateLimits } from './request-rates/limits';

export { ConfigError, type Setting, settings };
export { networkSettings, unsafeSettings } from './config/checks';
export { xksCertificate, xksClientNames, xksHost } from './config/xks';

type Settings = typeof settings;
type ValueOf<S extends Setting> = S['schema'] extends { readonly enum: readonly (infer E)[] }
  ? E
  : S['schema'] extends { readonly type: 'integer' }
    ? number
    : S['schema'] extends { readonly type: 'boolean' }
      ? boolean
      : string;
type NameWithDefault = {
  [K in keyof Settings]: Settings[K] extends { readonly default: unknown } ? K : never;
}[keyof Settings];

export type Config = {
  readonly [K in NameWithDefault]: ValueOf<Settings[K]>;
} & {
  readonly [K in Exclude<keyof Settings, NameWithDefault>]?: ValueOf<Settings[K]>;
};

/** Every command begins with this, and a test holds the schemas against JSON Schema's own. */
const cheap = { validateSchema: false, meta: false, code: { optimize: false } } as const;

/**
 * Reads the settings: the process environment first, then `<data dir>/claviger.env` (KEY=value lines), then defaults.
 * Throws ConfigError with every fault at once.
 */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const given = withoutBlanks(environment);
  const dataDir = given[settings.dataDir.env] ?? settings.dataDir.default;
  const merged = { ...withoutBlanks(readEnvFile(path.join(dataDir, 'claviger.env'))), ...given };
  const values: Record<string, unknown> = {};
  const properties: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting>(settings)) {
    const value = merged[setting.env] ?? setting.default;
    if (value !== undefined) values[name] = value;
    properties[name] = setting.schema;
  }
  const ajv = new Ajv({ allErrors: true, coerceTypes: true, ...cheap });
  const validate = ajv.compile<Config>({ type: 'object', properties });
  if (!validate(values)) {
    throw new ConfigError((validate.errors ?? []).map((e) => explain(e)).join('; '));
  }
  requireConsistent(values);
  return Object.freeze(values);
}

/** Who the holders of certificates and tokens are. Reads a file. Throws ConfigError. */
export function identityRules(config: Config): IdentityRules {
  if (config.identityRulesFile === undefined) return noIdentityRules;
  const { env } = settings.identityRulesFile;
  const rules = readIdentityRules(env, config.identityRulesFile);
  if (rules.certificates.length > 0 && config.tlsClientCaFile === undefined) {
    throw new ConfigError(`${env}: rules for certificates need CLAVIGER_TLS_CLIENT_CA_FILE`);
  }
  return rules;
}

/** What custom key stores can be connected to. Reads a file, and those that it names. Throws ConfigError. */
export function keyStores(config: Config): KeyStoresFile {
  const { keyStoresFile, softhsmConf, tokenLibraryParameters, tokenSerial } = config;
  if (keyStoresFile === undefined) return noKeyStores;
  return readKeyStores(settings.keyStoresFile.env, keyStoresFile, {
    module: config.tokenModule,
    label: config.tokenLabel,
    ...(tokenSerial !== undefined && { serial: tokenSerial }),
    ...(tokenLibraryParameters !== undefined && { libraryParameters: tokenLibraryParameters }),
    ...(softhsmConf !== undefined && { environment: { [settings.softhsmConf.env]: softhsmConf } }),
  });
}

/** How often principals may call; undefined where nothing is said of it. Reads a file. Throws ConfigError. */
export function rateLimits({ ratesFile }: Config): RateLimits | undefined {
  return ratesFile === undefined ? undefined : readRateLimits(settings.ratesFile.env, ratesFile);
}

/** Whose attestation documents are believed. Reads a file. Throws ConfigError. */
export function attestationRoots({ attestationRootsFile }: Config): readonly X509Certificate[] {
  if (attestationRootsFile === undefined) return [];
  return readAttestationRoots(settings.attestationRootsFile.env, attestationRootsFile);
}

/** What attestationRoots() reads and should not be as it is; each is shouted at start-up. */
export function unsafeRoots({ attestationRootsFile }: Config, now: Date): string[] {
  if (attestationRootsFile === undefined) return [];
  return unsafeAttestationRoots(settings.attestationRootsFile.env, attestationRootsFile, now);
}

/** The one setting without a default that every command with a database needs. Throws ConfigError. */
export function requireDatabaseUrl(config: Config): string {
  if (config.databaseUrl === undefined) throw new ConfigError('DATABASE_URL is not set');
  return config.databaseUrl;
}

/** The environment as a native library reads it: SoftHSM2 finds its configuration by getenv. */
export function exportToLibraries(config: Config): void {
  if (config.softhsmConf !== undefined) process.env[settings.softhsmConf.env] = config.softhsmConf;
}

function readEnvFile(file: string): NodeJS.ProcessEnv {
  if (!existsSync(file)) return {};
  const pairs = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.includes('=') && !line.startsWith('#'))
    .map((line): [string, string] => {
      const at = line.indexOf('=');
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    });
  return Object.fromEntries(pairs);
}

/** A variable that is set to nothing is not set; coercion would read white space as 0. */
function withoutBlanks(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value?.trim() !== ''),
  );
}

function explain(error: { instancePath: string; message?: string; params: object }): string {
  const name = error.instancePath.slice(1) as keyof Settings;
  const allowed = 'allowedValues' in error.params ? `: ${String(error.params.allowedValues)}` : '';
  return `${settings[name].env} ${error.message ?? 'is invalid'}${allowed}`;
}
