import { randomUUID } from 'node:crypto';
import type { Token } from '../hsm';
import type { Attestations } from './attestation/attestations';
import type { AuditWriter } from './audit';
import { Sealing, type SealingPurpose } from './auth/sealing';
import { sealingOf } from './auth/sealing-keys';
import type { Caches } from './caches';
import type { Config } from './config';
import type { ChangeFeed, Database } from './db';
import { Identities } from './iam/identities';
import { destroyObjects } from './jobs/destroy-objects';
import { AliasStore } from './keys/aliases';
import type { EncryptionCounts } from './keys/encryption-counts';
import { Encryption } from './keys/encryption';
import { DoubleCipher } from './keys/double-cipher';
import { KeyFinder } from './keys/finder';
import { GrantFinder } from './keys/grant-finder';
import { GrantTokens } from './keys/grant-tokens';
import { GrantStore } from './keys/grants';
import { ImportParametersMaker } from './keys/import-parameters';
import { ImportTokens } from './keys/import-tokens';
import { Imports } from './keys/imports';
import { KeyTokens } from './keys/key-tokens';
import type { KeyUses } from './keys/key-uses';
import { Keyring } from './keys/keyring';
import type { Limits } from './keys/limits';
import { MaterialUses, type Reread } from './keys/material-use';
import { Materials } from './keys/materials';
import { ManagedKeys } from './keys/managed';
import { KeyStore } from './keys/store';
import type { Services } from './operation';
import type { Signatures } from './signatures';
import type { OpenKeyStores } from './store-connections';
import { ExternalKeys, XksStores } from './xks/finder';

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
  const { database, token, customKeyStores } = parts;
  const storeConnections = customKeyStores.connections;
  const limits = limitsOf(config);
  const place = { partition: config.partition, region: config.region };
  const keys = new KeyStore(place);
  const aliases = new AliasStore();
  const keyTokens = new KeyTokens({ token, storeConnections });
  const held = { database, token, keyTokens, keys };
  const materials = new Materials({ ...held, storage: config.keyMaterial });
  const made = { newKeyId: randomUUID, materials };
  const managed = new ManagedKeys({ ...parts, ...made, place, keys, aliases });
  const grants = new GrantStore();
  const sealingFor = (purpose: SealingPurpose) => sealingOf(purpose, { database, token });
  const reread: Reread = (keyId) => keys.find(database, keyId);
  const importTokens = new ImportTokens(sealingFor('import-token-sealing'));
  return {
    place,
    db: database,
    ...{ token, storeConnections, keyTokens, keys },
    limits,
    ...made,
    importParameters: new ImportParametersMaker({ ...held, importTokens, limits }),
    imports: new Imports({ token, materials, importTokens }),
    destroyObjects: destroyObjects(held),
    aliases,
    finder: new KeyFinder({
      ...{ db: database, place, keys, aliases, managed },
      ...{ keyCache: caches.keys, aliasCache: caches.aliases },
    }),
    ...usesOfMaterial(parts, { encryptionCounts, keyTokens, reread }),
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
  };
}

function usesOfMaterial(
  { token, customKeyStores }: Pick<ServiceParts, 'token' | 'customKeyStores'>,
  {
    encryptionCounts: counts,
    keyTokens: tokens,
    reread,
  }: Pick<ServiceParts, 'encryptionCounts'> & Pick<Services, 'keyTokens'> & { reread: Reread },
): Pick<Services, 'keyring' | 'materialUses' | 'encryption'> {
  const keyring = new Keyring({ tokens, counts, reread });
  const materialUses = new MaterialUses({ reread });
  const external = new DoubleCipher({ keyring, storeConnections: customKeyStores.connections });
  const encryption = new Encryption({ keyring, external, token, materialUses });
  return { keyring, materialUses, encryption };
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
    apiTokensPerPrincipal: config.maxApiTokensPerPrincipal,
    keyPolicyBytes: config.maxKeyPolicyBytes,
  };
}
