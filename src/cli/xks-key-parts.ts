import type { Token } from '../../hsm';
import type { Config } from '../config';
import { noStoreConnections } from '../custom-key-stores/no-connections';
import type { Database, Queryable } from '../db';
import { type Place, keyArn } from '../keys/identifiers';
import type { Key } from '../keys/key';
import { KeyTokens } from '../keys/key-tokens';
import type { Limits } from '../keys/limits';
import { Materials } from '../keys/materials';
import { KeyStore } from '../keys/store';
import { limitsOf } from '../services';
import { type ExternalKeyRecord, findExternalKey } from '../xks/keys';
import { CommandError } from './subcommand';
import { changeEvent } from './xks-event';
import { shownPrefix, uriPath } from './xks-input';

/** What makes and rotates KMS keys. */
export interface KeyParts {
  readonly place: Place;
  readonly keys: KeyStore;
  readonly materials: Materials;
  readonly limits: Limits;
}

export function placeOf({ partition, region }: Pick<Config, 'partition' | 'region'>): Place {
  return { partition, region };
}

export function keyParts(
  config: Config,
  { database, token }: { readonly database: Database; readonly token: Token },
): KeyParts {
  const place = placeOf(config);
  const keys = new KeyStore(place);
  const keyTokens = new KeyTokens({ token, storeConnections: noStoreConnections });
  return {
    ...{ place, keys, limits: limitsOf(config) },
    // The keys that it makes are in the main token.
    materials: new Materials({
      ...{ database, token, keys, keyTokens, storage: config.keyMaterial },
    }),
  };
}

/** One that is not deleted. */
export async function requireExternalKey(
  db: Queryable,
  { prefix, externalKeyId }: Pick<ExternalKeyRecord, 'prefix' | 'externalKeyId'>,
): Promise<ExternalKeyRecord> {
  const key = await findExternalKey(db, prefix, externalKeyId);
  if (key !== undefined && key.status !== 'DELETED') return key;
  throw new CommandError(
    `the external key store ${shownPrefix(prefix)} has no external key ${externalKeyId}`,
  );
}

export function externalKeyEvent(
  config: Config,
  eventName: string,
  about: {
    readonly accountId: string;
    readonly external: ExternalKeyRecord;
  },
): ReturnType<typeof changeEvent> {
  const { accountId, external } = about;
  const { prefix, externalKeyId, keyId, usages, status, rules } = external;
  const arn = keyId === undefined ? undefined : keyArn(placeOf(config), accountId, keyId);
  return changeEvent(config, eventName, {
    accountId,
    ...(arn !== undefined && { key: { accountId, arn } }),
    details: {
      ...{ xksProxyUriPath: uriPath(prefix), externalKeyId, keyId: keyId ?? null },
      ...{ keyUsage: usages, status },
      ...(rules !== undefined && { rules: JSON.parse(rules) as unknown }),
    },
  });
}

export function externalKeyJson(
  external: ExternalKeyRecord,
  key?: Pick<Key, 'arn' | 'state' | 'currentMaterial'>,
): Record<string, unknown> {
  const { prefix, externalKeyId, keyId, usages, status, rules, createdAt } = external;
  return {
    ...{ Prefix: prefix, ExternalKeyId: externalKeyId, KeyId: keyId ?? null },
    ...(key !== undefined && {
      ...{ KeyArn: key.arn, KeyState: key.state },
      CurrentKeyMaterialId: key.currentMaterial?.id ?? null,
    }),
    ...{ Usage: usages, Status: status },
    Rules: rules === undefined ? null : (JSON.parse(rules) as unknown),
    CreationDate: createdAt,
  };
}
