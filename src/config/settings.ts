import { availableParallelism } from 'node:os';
import { type Setting, count, milliseconds, port, text } from './setting';
import { xksSettings } from './xks-settings';

/** Every setting there is. A secret is never a value here, always the path of a file (DATABASE_URL excepted). */
export const settings = {
  host: {
    env: 'CLAVIGER_HOST',
    schema: text,
    default: '127.0.0.1',
    sentence: 'Address to listen on.',
  },
  port: {
    env: 'CLAVIGER_PORT',
    schema: port,
    default: 4599,
    sentence: 'Port to listen on; 0 takes a free one.',
  },
  dataDir: {
    env: 'CLAVIGER_DATA_DIR',
    schema: text,
    default: '.claviger',
    sentence: 'Directory of what `scripts/dev` makes: token, database, credentials, claviger.env.',
  },
  accountId: {
    env: 'CLAVIGER_ACCOUNT_ID',
    schema: { type: 'string', pattern: '^[0-9]{12}$' },
    default: '000000000000',
    sentence: 'Account that `claviger init` creates.',
  },
  region: {
    env: 'CLAVIGER_REGION',
    schema: { type: 'string', pattern: '^[a-z]{2,}(-[a-z0-9]+)*$' },
    default: 'us-east-1',
    sentence: 'Region in ARNs and in the SigV4 credential scope.',
  },
  partition: {
    env: 'CLAVIGER_PARTITION',
    schema: { type: 'string', pattern: '^aws(-[a-z]+)*$' },
    default: 'aws',
    sentence: 'Partition in ARNs.',
  },
  databaseUrl: {
    env: 'DATABASE_URL',
    schema: { type: 'string', pattern: '^postgres(ql)?://' },
    sentence: 'Postgres connection URL.',
  },
  databasePoolSize: {
    env: 'CLAVIGER_DATABASE_POOL_SIZE',
    schema: count,
    default: 8,
    sentence:
      'Database connections of one worker, besides its listener, its audit writer and one for what is committed apart.',
  },
  databaseStatementTimeoutMs: {
    env: 'CLAVIGER_DATABASE_STATEMENT_TIMEOUT_MS',
    schema: milliseconds,
    default: 5000,
    sentence: 'Longest time one statement may take.',
  },
  databaseConnectTimeoutMs: {
    env: 'CLAVIGER_DATABASE_CONNECT_TIMEOUT_MS',
    schema: milliseconds,
    default: 2000,
    sentence: 'Longest time a request waits for a database connection.',
  },
  workers: {
    env: 'CLAVIGER_WORKERS',
    schema: { type: 'integer', minimum: 1, maximum: 256 },
    default: availableParallelism(),
    sentence: 'Worker processes; by default one a core.',
  },
  logLevel: {
    env: 'CLAVIGER_LOG_LEVEL',
    schema: { enum: ['error', 'warn', 'info', 'debug'] },
    default: 'info',
    sentence: 'Least severe level that is logged; `info` has one event a request.',
  },
  tokenModule: {
    env: 'CLAVIGER_PKCS11_MODULE',
    schema: text,
    default: '/usr/lib/softhsm/libsofthsm2.so',
    sentence: 'PKCS#11 library of the token.',
  },
  tokenLibraryParameters: {
    env: 'CLAVIGER_PKCS11_LIBRARY_PARAMETERS',
    schema: text,
    sentence:
      "What the library is given when it is initialised, where it is configured so (NSS: `configdir='sql:/directory'`).",
  },
  tokenLabel: {
    env: 'CLAVIGER_TOKEN_LABEL',
    schema: text,
    default: 'claviger',
    sentence: 'Label of the token.',
  },
  tokenSerial: {
    env: 'CLAVIGER_TOKEN_SERIAL',
    schema: text,
    sentence: 'Serial number of the token; without it the label must be unique.',
  },
  tokenPinFile: {
    env: 'CLAVIGER_TOKEN_PIN_FILE',
    schema: text,
    sentence: 'File with the user PIN of the token (`user:password` for CloudHSM).',
  },
  tokenLocal: {
    env: 'CLAVIGER_TOKEN_LOCAL',
    schema: { type: 'boolean' },
    default: true,
    sentence:
      'true: short operations run in the process that took the request; false (a network HSM): on worker threads.',
  },
  tokenLanes: {
    env: 'CLAVIGER_TOKEN_LANES',
    schema: { type: 'integer', minimum: 1, maximum: 64 },
    default: 2,
    sentence: 'Worker threads of one worker process, each with a token session of its own.',
  },
  tokenDeadlineMs: {
    env: 'CLAVIGER_TOKEN_DEADLINE_MS',
    schema: milliseconds,
    default: 10_000,
    sentence: 'Longest time a token operation on a worker thread may take.',
  },
  tokenIvSource: {
    env: 'CLAVIGER_TOKEN_IV_SOURCE',
    schema: { enum: ['random', 'token'] },
    default: 'random',
    sentence:
      'Who makes a GCM IV: `random` is C_GenerateRandom, `token` leaves it to the encryption itself (CloudHSM, FIPS).',
  },
  tokenMaxSessions: {
    env: 'CLAVIGER_TOKEN_MAX_SESSIONS',
    schema: count,
    default: 16,
    sentence: 'Token sessions of one worker at the most.',
  },
  tokenCachedKeys: {
    env: 'CLAVIGER_TOKEN_CACHED_KEYS',
    schema: count,
    default: 100_000,
    sentence:
      'Objects of the token that one worker keeps for keys in use: session copies of resident keys, and wrapped keys that it unwrapped; 9 KB each on SoftHSM.',
  },
  cachedKeys: {
    env: 'CLAVIGER_CACHED_KEYS',
    schema: count,
    default: 100_000,
    sentence:
      'KMS keys that one worker keeps of the database, and as many aliases, grantees and reservations of encryptions; about 2 KB a key.',
  },
  importInMemory: {
    env: 'CLAVIGER_IMPORT_IN_MEMORY',
    schema: { type: 'boolean' },
    default: true,
    sentence:
      "Whether imported key material, or the key that wraps it, may pass through a worker's memory where the token cannot unwrap it alone; false refuses such imports.",
  },
  keyMaterial: {
    env: 'CLAVIGER_KEY_MATERIAL',
    schema: { enum: ['resident', 'wrapped'] },
    default: 'resident',
    sentence:
      'Where new key material is kept: `resident`, each an object of the token that never leaves it; `wrapped`, in Postgres, wrapped by a key of the token.',
  },
  tokenDirectory: {
    env: 'CLAVIGER_TOKEN_DIRECTORY',
    schema: text,
    sentence:
      'Directory of a file-based token (SoftHSM), which is flushed to disk after each key generation.',
  },
  softhsmConf: {
    env: 'SOFTHSM2_CONF',
    schema: text,
    sentence: 'Configuration file of SoftHSM2, read by its library.',
  },
  tlsCertFile: {
    env: 'CLAVIGER_TLS_CERT_FILE',
    schema: text,
    sentence: 'PEM certificate chain; with it the listener speaks TLS 1.2 or later only.',
  },
  tlsKeyFile: {
    env: 'CLAVIGER_TLS_KEY_FILE',
    schema: text,
    sentence: 'PEM private key of the certificate.',
  },
  tlsClientCaFile: {
    env: 'CLAVIGER_TLS_CLIENT_CA_FILE',
    schema: text,
    sentence: 'PEM certificates of the authorities whose client certificates are believed.',
  },
  tlsClientCertificates: {
    env: 'CLAVIGER_TLS_CLIENT_CERTIFICATES',
    schema: { enum: ['optional', 'required'] },
    default: 'optional',
    sentence:
      'With a client CA, `required` refuses connections without a good client certificate, probes of `/healthz` too.',
  },
  ...xksSettings,
  identityRulesFile: {
    env: 'CLAVIGER_IDENTITY_RULES_FILE',
    schema: text,
    sentence: 'JSON file that says which principals the holders of certificates and tokens are.',
  },
  attestationRootsFile: {
    env: 'CLAVIGER_ATTESTATION_ROOTS_FILE',
    schema: text,
    sentence:
      'PEM root certificates whose attestation documents are believed; without it requests with a Recipient are refused.',
  },
  keyStoresFile: {
    env: 'CLAVIGER_KEY_STORES_FILE',
    schema: text,
    sentence:
      'JSON file of the tokens and the XKS proxies that custom key stores can be connected to.',
  },
  ratesFile: {
    env: 'CLAVIGER_RATES_FILE',
    schema: text,
    sentence:
      'JSON file of how often principals may call, by group of operations; without it as often as they like.',
  },
  trustedProxies: {
    env: 'CLAVIGER_TRUSTED_PROXIES',
    schema: text,
    sentence:
      'Networks of the proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, such as `10.0.0.0/8,2001:db8::7`.',
  },
  networkZones: {
    env: 'CLAVIGER_NETWORK_ZONES',
    schema: text,
    sentence:
      'What aws:SourceVpc and aws:SourceVpce are for clients of a network, such as `10.1.0.0/16=vpc-1234/vpce-5678,10.2.0.0/16=vpce-9`; the narrowest network wins.',
  },
  maxBodyBytes: {
    env: 'CLAVIGER_MAX_BODY_BYTES',
    schema: { type: 'integer', minimum: 1024, maximum: 16_777_216 },
    default: 1_048_576,
    sentence: 'Largest request body.',
  },
  maxHeaderBytes: {
    env: 'CLAVIGER_MAX_HEADER_BYTES',
    schema: { type: 'integer', minimum: 1024, maximum: 65_536 },
    default: 16_384,
    sentence: 'Largest request header block.',
  },
  headersTimeoutMs: {
    env: 'CLAVIGER_HEADERS_TIMEOUT_MS',
    schema: milliseconds,
    default: 10_000,
    sentence: 'Longest time a client may take to send the headers of a request.',
  },
  requestTimeoutMs: {
    env: 'CLAVIGER_REQUEST_TIMEOUT_MS',
    schema: milliseconds,
    default: 30_000,
    sentence: 'Longest time a client may take to send a whole request.',
  },
  keepAliveTimeoutMs: {
    env: 'CLAVIGER_KEEP_ALIVE_TIMEOUT_MS',
    schema: milliseconds,
    default: 75_000,
    sentence:
      'Time an idle connection is kept; longer than the idle time of a load balancer before it.',
  },
  maxConnections: {
    env: 'CLAVIGER_MAX_CONNECTIONS',
    schema: count,
    default: 10_000,
    sentence: 'Open connections of one worker at the most.',
  },
  shutdownGraceMs: {
    env: 'CLAVIGER_SHUTDOWN_GRACE_MS',
    schema: milliseconds,
    default: 10_000,
    sentence: 'Time that requests in flight get to finish when a worker stops.',
  },
  revocationWaitMs: {
    env: 'CLAVIGER_REVOCATION_WAIT_MS',
    schema: milliseconds,
    default: 2000,
    sentence:
      'Longest time a revoking call waits for a worker to acknowledge it; a worker that cannot has stopped trusting its caches by then.',
  },
  maxKeysPerAccount: {
    env: 'CLAVIGER_MAX_KEYS_PER_ACCOUNT',
    schema: { type: 'integer', minimum: 1, maximum: 10_000_000 },
    default: 100_000,
    sentence: 'Customer managed keys of an account, in whatever state.',
  },
  maxAliasesPerKey: {
    env: 'CLAVIGER_MAX_ALIASES_PER_KEY',
    schema: { type: 'integer', minimum: 1, maximum: 10_000 },
    default: 50,
    sentence: 'Aliases of a key.',
  },
  maxGrantsPerKey: {
    env: 'CLAVIGER_MAX_GRANTS_PER_KEY',
    schema: { type: 'integer', minimum: 1, maximum: 1_000_000 },
    default: 50_000,
    sentence: 'Grants of a key.',
  },
  maxImportParametersPerAccount: {
    env: 'CLAVIGER_MAX_IMPORT_PARAMETERS_PER_ACCOUNT',
    schema: { type: 'integer', minimum: 1, maximum: 1_000_000 },
    default: 1000,
    sentence:
      'Answers of GetParametersForImport of an account that have not expired: each keeps a key pair in the token for 24 hours.',
  },
  maxCustomKeyStoresPerAccount: {
    env: 'CLAVIGER_MAX_CUSTOM_KEY_STORES_PER_ACCOUNT',
    schema: { type: 'integer', minimum: 1, maximum: 1000 },
    default: 10,
    sentence: 'Custom key stores of an account.',
  },
  maxApiTokensPerPrincipal: {
    env: 'CLAVIGER_MAX_API_TOKENS_PER_PRINCIPAL',
    schema: { type: 'integer', minimum: 1, maximum: 100_000 },
    default: 100,
    sentence:
      'API tokens of a principal that have not expired; of a role, those of all of its sessions.',
  },
  maxKeyPolicyBytes: {
    env: 'CLAVIGER_MAX_KEY_POLICY_BYTES',
    schema: { type: 'integer', minimum: 1024, maximum: 32_768 },
    default: 32_768,
    sentence: 'Largest key policy, as the request has it.',
  },
  maxEncryptionsPerMaterial: {
    env: 'CLAVIGER_MAX_ENCRYPTIONS_PER_MATERIAL',
    schema: { type: 'integer', minimum: 100, maximum: 2 ** 32 },
    default: 2 ** 32,
    sentence:
      'Encryptions under one key material at the most (NIST SP 800-38D §8.3 allows 2^32): its key is rotated when half of them are used up, and refuses to encrypt after the last.',
  },
  publicKeyOfDisabled: {
    env: 'CLAVIGER_PUBLIC_KEY_OF_DISABLED_KEYS',
    schema: { type: 'boolean' },
    default: false,
    sentence:
      'GetPublicKey answers for disabled keys too, as AWS KMS was seen to do; its documentation says DisabledException.',
  },
  jobIntervalMs: {
    env: 'CLAVIGER_JOB_INTERVAL_MS',
    schema: milliseconds,
    default: 60_000,
    sentence:
      'Pause on average between two looks of a worker for timed work that is due, and after its first failure.',
  },
  docs: {
    env: 'CLAVIGER_DOCS',
    schema: { type: 'boolean' },
    default: true,
    sentence:
      'Serves the reference of the REST API to everybody: its OpenAPI document at `/v1/openapi.json`, and a page at `/docs`.',
  },
} as const satisfies Record<string, Setting>;
