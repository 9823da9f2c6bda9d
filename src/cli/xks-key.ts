import { randomUUID } from 'node:crypto';
import type { Token } from '../../hsm';
import type { Config } from '../config';
import { AliasStore } from '../keys/aliases';
import { parseKeyReference } from '../keys/identifiers';
import type { Key } from '../keys/key';
import { countNewKey, requireKeyRoom } from '../keys/key-count';
import { requireState } from '../keys/states';
import { requireServable } from '../keys/storage';
import { KeyStore } from '../keys/store';
import { requireMaterialToCome, rotateOnDemand } from '../operations/rotate-key-on-demand';
import { defaultKeyPolicy } from '../policy/compile';
import {
  type ExternalKeyRecord,
  externalKeyOf,
  findExternalKey,
  putExternalKey,
} from '../xks/keys';
import { type StoreRecord, storeCacheKey } from '../xks/stores';
import { createLog } from '../log';
import { type RecordedChange, changeRecorded, withToken } from './open';
import { print } from './print';
import { type Command, CommandError } from './subcommand';
import {
  externalKeyId,
  requireStore,
  rulesOf,
  shownPrefix,
  storePrefix,
  usagesOf,
} from './xks-input';
import {
  type KeyParts,
  externalKeyEvent,
  externalKeyJson,
  keyParts,
  placeOf,
  requireExternalKey,
} from './xks-key-parts';

type NewExternalKey = Pick<ExternalKeyRecord, 'prefix' | 'externalKeyId' | 'usages' | 'rules'>;

function wantedKey(options: Readonly<Record<string, unknown>>): NewExternalKey {
  return {
    ...{ prefix: storePrefix(options), externalKeyId: externalKeyId(options) },
    usages: usagesOf(options) ?? ['ENCRYPT', 'DECRYPT'],
    rules: rulesOf(options) ?? undefined,
  };
}

/** `claviger xks key create <prefix> <external id>`: a new KMS key of the store's account, under that id. */
export const createExternalKey: Command = async (config, options) => {
  const wanted = wantedKey(options);
  const made = await withToken(config, createLog('warn'), (token) =>
    changeRecorded(config, async (change) => {
      const { database, transaction, record } = change;
      await requireServable({ db: database, token, storage: config.keyMaterial });
      const store = await requireStore(transaction, wanted.prefix);
      await requireFree(change, wanted, undefined);
      const key = await createKey(config, { token, change, store, wanted });
      const external = { ...wanted, keyId: key.keyId, status: 'ENABLED' } as const;
      const put = await putExternalKey(transaction, external);
      record(
        externalKeyEvent(config, 'CreateExternalKey', {
          accountId: store.accountId,
          external: put,
        }),
      );
      return { put, key };
    }),
  );
  print(options, {
    json: externalKeyJson(made.put, made.key),
    text: `made the external key ${wanted.externalKeyId} of ${shownPrefix(wanted.prefix)}: the KMS key ${made.key.arn}`,
  });
};

interface Creation {
  readonly token: Token;
  readonly change: RecordedChange;
  readonly store: StoreRecord;
  readonly wanted: NewExternalKey;
}

/** As CreateKey makes one. */
async function createKey(config: Config, { token, change, store, wanted }: Creation): Promise<Key> {
  const { database, transaction, undo } = change;
  const { place, keys, materials, limits } = keyParts(config, { database, token });
  const { accountId } = store;
  await requireKeyRoom(transaction, { accountId, limits });
  const key = await keys.insert(transaction, {
    keyId: randomUUID(),
    accountId,
    description: `XKS ${storeCacheKey(wanted.prefix)} ${wanted.externalKeyId}`,
    ...{ keySpec: 'SYMMETRIC_DEFAULT', keyUsage: 'ENCRYPT_DECRYPT' },
    policy: defaultKeyPolicy(place, accountId),
    tags: [],
  });
  const made = await materials.create(transaction, key, { undo });
  await countNewKey(transaction, { accountId, limits });
  return made;
}

/** `claviger xks key link <prefix> <external id> <kms key>`: a KMS key that is there, under that id. */
export const linkExternalKey: Command = async (config, options) => {
  const wanted = wantedKey(options);
  const named = String(options['key']);
  const linked = await changeRecorded(config, async (change) => {
    const { transaction, record } = change;
    const store = await requireStore(transaction, wanted.prefix);
    const key = await requireLinkable(config, change, { store, named });
    await requireFree(change, wanted, key);
    const external = { ...wanted, keyId: key.keyId, status: 'ENABLED' } as const;
    const put = await putExternalKey(transaction, external);
    record(
      externalKeyEvent(config, 'LinkExternalKey', { accountId: store.accountId, external: put }),
    );
    return { put, key };
  });
  print(options, {
    json: externalKeyJson(linked.put, linked.key),
    text: `the external key ${wanted.externalKeyId} of ${shownPrefix(wanted.prefix)} is the KMS key ${linked.key.arn}`,
  });
};

/** Locked, so that no other command makes an external key of it meanwhile. */
async function requireLinkable(
  config: Config,
  { transaction }: RecordedChange,
  { store, named }: { readonly store: StoreRecord; readonly named: string },
): Promise<Key> {
  const place = placeOf(config);
  const reference = parseKeyReference(named, place, store.accountId);
  const alias =
    reference.kind === 'alias'
      ? await new AliasStore().find(transaction, reference.accountId, reference.aliasName)
      : undefined;
  const keyId = reference.kind === 'key' ? reference.keyId : alias?.keyId;
  const key = keyId === undefined ? undefined : await new KeyStore(place).lock(transaction, keyId);
  if (key?.accountId !== store.accountId || reference.accountId !== store.accountId) {
    throw new CommandError(`the account ${store.accountId} has no KMS key ${reference.arn}`);
  }
  for (const { holds, what } of demands) {
    if (!holds(key)) throw new CommandError(`${key.arn} cannot be an external key: ${what(key)}`);
  }
  return key;
}

/** What a KMS key must be. The XKS proxy API knows AES-256 alone. */
const demands: readonly {
  readonly holds: (key: Key) => boolean;
  readonly what: (key: Key) => string;
}[] = [
  {
    holds: ({ keyUsage, keySpec }) =>
      keyUsage === 'ENCRYPT_DECRYPT' && keySpec === 'SYMMETRIC_DEFAULT',
    what: ({ keySpec, keyUsage }) =>
      `it is ${keySpec} for ${keyUsage}, and not SYMMETRIC_DEFAULT for ENCRYPT_DECRYPT`,
  },
  {
    holds: ({ keyManager }) => keyManager === 'CUSTOMER',
    what: () => 'it is managed by a service',
  },
  {
    holds: ({ origin }) => origin !== 'EXTERNAL_KEY_STORE',
    what: () => 'it is under an external key itself',
  },
  { holds: ({ state }) => state !== 'PendingDeletion', what: () => 'it is pending deletion' },
];

/** An external key id is one key for ever, and a KMS key has one external key id. The store is locked. */
async function requireFree(
  { transaction }: RecordedChange,
  { prefix, externalKeyId: id }: NewExternalKey,
  key: Key | undefined,
): Promise<void> {
  const other = key === undefined ? undefined : await externalKeyOf(transaction, key.keyId);
  if (other !== undefined) {
    throw new CommandError(
      `${key?.arn} is the external key ${other.externalKeyId} of ${shownPrefix(other.prefix)} already: AWS KMS could not tell that two are one`,
    );
  }
  const there = await findExternalKey(transaction, prefix, id);
  if (there === undefined) return;
  const called = `the external key ${id} of ${shownPrefix(prefix)}`;
  if (there.status !== 'DELETED') throw new CommandError(`${called} is there already`);
  if (there.keyId === undefined) {
    throw new CommandError(
      `${called} was deleted, and its KMS key is gone: no other key may be called so`,
    );
  }
  if (there.keyId === key?.keyId) return;
  throw new CommandError(
    `${called} was deleted, and stands for the KMS key ${there.keyId} alone: \`claviger xks key link\` puts that back`,
  );
}

/** `claviger xks key rotate <prefix> <external id>`: as RotateKeyOnDemand. What was encrypted before is decrypted as before. */
export const rotateExternalKey: Command = async (config, options) => {
  const [prefix, id] = [storePrefix(options), externalKeyId(options)];
  const { external, key } = await withToken(config, createLog('warn'), (token) =>
    changeRecorded(config, async (change) => {
      const { database, transaction, record } = change;
      await requireServable({ db: database, token, storage: config.keyMaterial });
      await requireStore(transaction, prefix);
      const found = await requireExternalKey(transaction, { prefix, externalKeyId: id });
      const parts = keyParts(config, { database, token });
      const locked = await requireRotatable(parts, change, found);
      record(await rotateOnDemand(parts, change, locked));
      return { external: found, key: (await parts.keys.find(transaction, locked.keyId)) ?? locked };
    }),
  );
  print(options, {
    json: externalKeyJson(external, key),
    text: `the external key ${id} of ${shownPrefix(prefix)} encrypts with new key material: ${key.currentMaterial?.id ?? ''}`,
  });
};

async function requireRotatable(
  { keys }: Pick<KeyParts, 'keys'>,
  { transaction }: RecordedChange,
  { keyId, externalKeyId: id }: ExternalKeyRecord,
): Promise<Key> {
  const key = keyId === undefined ? undefined : await keys.lock(transaction, keyId);
  if (key === undefined) throw new CommandError(`the KMS key of the external key ${id} is gone`);
  requireState(key, 'rotatableOnDemand');
  requireMaterialToCome(key);
  return key;
}
