import { X509Certificate } from 'node:crypto';
import { accessSync, constants, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { faultOf, readJsonFile } from './json-file';

/** Where the tokens and the XKS proxies of custom key stores are: CLAVIGER_KEY_STORES_FILE. */
export interface KeyStoresFile {
  /** By cluster id: tokens that a store of type AWS_CLOUDHSM can be. */
  readonly clusters: ReadonlyMap<string, ClusterToken>;
  /** By host of an endpoint: what is not as public DNS and public authorities have it. */
  readonly proxies: ReadonlyMap<string, ProxySettings>;
}

export interface ClusterToken {
  readonly module: string;
  readonly libraryParameters?: string;
  readonly label: string;
  readonly serial?: string;
  /** CloudHSM's PIN is `user:password`; without it, the password alone. */
  readonly user?: string;
  /** Whose it is: to others there is no such cluster. Left out, it is any account's. */
  readonly account?: string;
  /** What the TrustAnchorCertificate of CreateCustomKeyStore must be. */
  readonly trustAnchor?: X509Certificate;
  readonly local?: boolean;
  readonly lanes?: number;
  readonly deadlineMs?: number;
  readonly ivSource?: 'random' | 'token';
  readonly maxSessions?: number;
  /** Directory of a file-based token. */
  readonly directory?: string;
  /** Of the process that loads the module: SOFTHSM2_CONF and the like. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ProxySettings {
  /** `host:port` in place of the endpoint's own host and 443. */
  readonly connectTo?: string;
  /** PEM: authorities believed in place of the public ones. */
  readonly caFile?: string;
  /** PEM: our client certificate and its key. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** For one try; AWS KMS has 250. */
  readonly deadlineMs?: number;
}

export const noKeyStores: KeyStoresFile = { clusters: new Map(), proxies: new Map() };

/** A token as the settings of the daemon's own have it too. */
export type TokenPlace = Pick<
  ClusterToken,
  'module' | 'libraryParameters' | 'label' | 'serial' | 'environment'
>;

interface ClusterEntry extends Omit<ClusterToken, 'trustAnchor'> {
  /** PEM. */
  readonly trustAnchorFile?: string;
}

interface Entries {
  readonly clusters?: Readonly<Record<string, ClusterEntry>>;
  readonly proxies?: Readonly<Record<string, ProxySettings>>;
}

const text = { type: 'string', minLength: 1, maxLength: 4096 } as const;

const cluster = {
  type: 'object',
  additionalProperties: false,
  required: ['module', 'label'],
  properties: {
    module: text,
    libraryParameters: text,
    label: { type: 'string', minLength: 1, maxLength: 32 },
    serial: { type: 'string', minLength: 1, maxLength: 16 },
    // A colon would end it: the PIN is `user:password`.
    user: { type: 'string', pattern: '^[^:\\s]{1,31}$' },
    account: { type: 'string', pattern: '^[0-9]{12}$' },
    trustAnchorFile: text,
    local: { type: 'boolean' },
    lanes: { type: 'integer', minimum: 1, maximum: 64 },
    deadlineMs: { type: 'integer', minimum: 1, maximum: 3_600_000 },
    ivSource: { enum: ['random', 'token'] },
    maxSessions: { type: 'integer', minimum: 3 },
    directory: text,
    environment: {
      type: 'object',
      // Those of Node.js are not for the library: they would open the process to a debugger, or load other code.
      propertyNames: { pattern: '^(?!NODE_)[A-Za-z_][A-Za-z0-9_]*$' },
      additionalProperties: { type: 'string', maxLength: 4096 },
    },
  },
} as const;

const proxy = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  dependencies: { certFile: ['keyFile'], keyFile: ['certFile'] },
  properties: {
    connectTo: { type: 'string', pattern: '^(\\[[0-9a-fA-F:.]+\\]|[A-Za-z0-9.-]+):[0-9]{1,5}$' },
    caFile: text,
    certFile: text,
    keyFile: text,
    deadlineMs: { type: 'integer', minimum: 1, maximum: 60_000 },
  },
} as const;

const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    clusters: {
      type: 'object',
      propertyNames: { pattern: '^cluster-[2-7a-zA-Z]{11,16}$' },
      additionalProperties: cluster,
    },
    proxies: {
      type: 'object',
      // As the host of a URL is read: lower case.
      propertyNames: { pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$' },
      additionalProperties: proxy,
    },
  },
} as const;

type Report = (pointer: string, message: string) => void;

/**
 * Reads the file of key stores. `own`: the daemon's token, which cannot be that of a custom key store as well. Throws
 * ConfigError that names the file and every fault's place in it by JSON pointer.
 */
export function readKeyStores(variable: string, file: string, own: TokenPlace): KeyStoresFile {
  const fault = faultOf(variable, file);
  const { clusters = {}, proxies = {} } = readJsonFile(file, schema, fault) as Entries;
  const faults: string[] = [];
  const report: Report = (pointer, message) => faults.push(`${pointer} ${message}`);
  const tokens = new Map<string, ClusterToken>();
  for (const [id, entry] of Object.entries(clusters)) {
    tokens.set(id, readCluster(entry, `/clusters/${id}`, report));
  }
  reportTwice(tokens, own, report);
  for (const [host, settings] of Object.entries(proxies)) {
    reportUnreadable(settings, `/proxies/${host}`, report);
  }
  if (faults.length > 0) throw fault(faults.join('; '));
  return { clusters: tokens, proxies: new Map(Object.entries(proxies)) };
}

function readCluster(
  { trustAnchorFile, ...token }: ClusterEntry,
  pointer: string,
  report: Report,
): ClusterToken {
  if (trustAnchorFile === undefined) return token;
  try {
    return { ...token, trustAnchor: new X509Certificate(readFileSync(trustAnchorFile)) };
  } catch {
    report(`${pointer}/trustAnchorFile`, 'has no certificate that can be read');
    return token;
  }
}

/** Keys of the one would be taken for leftovers of the other. */
function reportTwice(
  tokens: ReadonlyMap<string, ClusterToken>,
  own: TokenPlace,
  report: Report,
): void {
  const before: [string, TokenPlace][] = [["the daemon's own", own]];
  for (const [id, token] of tokens) {
    const [same] = before.find(([, other]) => isSamePlace(token, other)) ?? [];
    if (same !== undefined) report(`/clusters/${id}`, `must not be the token that is ${same}`);
    before.push([`that of ${id}`, token]);
  }
}

/** Without a serial a label must be unique, so that it names the token whose serial the other one gives. */
function isSamePlace(one: TokenPlace, other: TokenPlace): boolean {
  const { serial = other.serial } = one;
  return (
    one.module === other.module &&
    one.label === other.label &&
    serial === (other.serial ?? serial) &&
    one.libraryParameters === other.libraryParameters &&
    isDeepStrictEqual(one.environment ?? {}, other.environment ?? {})
  );
}

function reportUnreadable(settings: ProxySettings, pointer: string, report: Report): void {
  for (const member of ['caFile', 'certFile', 'keyFile'] as const) {
    const file = settings[member];
    if (file !== undefined && !isReadable(file)) {
      report(`${pointer}/${member}`, 'cannot be read');
    }
  }
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
