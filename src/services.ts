import { randomUUID } from 'node:crypto';
import type { Token } from '../hsm';
import type { Attestations } from './attestation/attestations';
import type { AuditWriter } from './audit';
import { Sealing, type SealingPurpose } from './auth/sealing';
import { SealingKeys } from './auth/sealing-keys';
import type { Caches } from './caches';
import type { Config } from './config';
import type { ChangeFeed, Database } from './db';
import { Identities } from './iam/identities';
import { destroyObjects } from './jobs/destroy-objects';
import { AliasStore } from './keys/aliases';
import type { EncryptionCounts } from './keys/encryption-counts';
import { Encryption } from './keys/encryption';
import { KeyFinder } from './keys/finder';
import { GrantFinder } from './keys/grant-finder';
import { GrantTokens } from './keys/grant-tokens';
import { GrantStore } from './keys/grants';
import { ImportParametersMaker } from './keys/import-parameters';
import { ImportTokens } from './keys/import-tokens';
import { Imports } from './keys/imports';
import type { KeyUses } from './keys/key-uses';
import { Keyring } from './keys/keyring';
import type { Limits } from './keys/limits';
import { MaterialUses, type Reread } from './keys/material-use';
import { Materials } from './keys/materials';
import { ManagedKeys } from './keys/managed';
import { KeyStore } from './keys/store';
import type { Services } from './operation';
import type { Signatures } from './signatures';
import { ExternalKeys, XksStores } from './xks/finder';
import type { OpenKeyStores } from './store-connections';

export interface ServiceParts {
  readonly database: Database;
  readonly token: Token;
  readonly caches: Caches;
  readonly signatures: Signatures;
  readonly attestations: Attestations;
  readonly keyUses: KeyUses;
  readonly customKeyStores: OpenKeyStores;
  readonly encryptionCounts: EncryptionCounts;
  readonly audit: AuditWriter;
  readonly changes: ChangeFeed;
  readonly onLeftover: (error: unknown) => void;
}

/** The services that operations use. */
export function buildServices(
  config: Config,
  { caches, signatures, attestations, keyUses, encryptionCounts, ...parts }: ServiceParts,
): Services {
  const { database, token } = parts;
  const place = { partition: config.partition, region: config.region };
  const keys = new KeyStore(place);
  const aliases = new AliasStore();
  const held = { database, token, keys };
  const limits = limitsOf(config);
  const materials = new Materials({ ...held, storage: config.keyMaterial });
  const newKeyId = randomUUID;
  const managed = new ManagedKeys({ ...parts, place, keys, materials, aliases, newKeyId });
  const grants = new GrantStore();
  const sealingFor = (purpose: SealingPurpose) => {
    const sealing = new Sealing(token, purpose, database);
    return { sealing, sealingKeys: new SealingKeys(database, sealing) };
  };
  const reread: Reread = (keyId) => keys.find(database, keyId);
  const keyring = new Keyring({ token, counts: encryptionCounts, reread });
  const materialUses = new MaterialUses({ reread });
  const importTokens = new ImportTokens(sealingFor('import-token-sealing'));
  return {
    place,
    db: database,
    token,
    keys,
    limits,
    materials,
    importParameters: new ImportParametersMaker({ ...held, importTokens, limits }),
    imports: new Imports({ token, materials, importTokens }),
    destroyObjects: destroyObjects(held),
    aliases,
    finder: new KeyFinder({
      db: database,
      place,
      keys,
      aliases,
      keyCache: caches.keys,
      aliasCache: caches.aliases,
      managed,
    }),
    keyring,
    materialUses,
    encryption: new Encryption({ keyring, token, materialUses }),
    keyUses,
    grants,
    grantFinder: new GrantFinder({ db: database, grants, cache: caches.grants }),
    grantTokens: new GrantTokens(sealingFor('grant-token-sealing')),
    publicKeyOfDisabled: config.publicKeyOfDisabled,
    identities: new Identities({ db: database, cache: caches.identities }),
    sessions: signatures.sessions,
    webIdentities: signatures.webIdentities,
    presignedCallers: signatures.presignedCallers,
    attestations,
    ...externalKeyStores({ database, token, caches }),
    customKeyStores: parts.customKeyStores,
    storeConnections: parts.customKeyStores.connections,
    newKeyId,
  };
}

function externalKeyStores({
  database: db,
  token,
  caches,
}: Pick<ServiceParts, 'database' | 'token' | 'caches'>): Pick<
  Services,
  'xksStores' | 'externalKeys'
> {
  const sealing = new Sealing(token, 'xks-credential-sealing', db);
  return {
    xksStores: new XksStores({ db, sealing, cache: caches.xks }),
    externalKeys: new ExternalKeys({ db, cache: caches.xks.keys }),
  };
}

export function limitsOf(config: Config): Limits {
  return {
    keysPerAccount: config.maxKeysPerAccount,
    aliasesPerKey: config.maxAliasesPerKey,
    grantsPerKey: config.maxGrantsPerKey,
    importParametersPerAccount: config.maxImportParametersPerAccount,
    customKeyStoresPerAccount: config.maxCustomKeyStoresPerAccount,
    keyPolicyBytes: config.maxKeyPolicyBytes,
  };
}
