import { writeOutput } from '../src/shapes';
import { randomUUID } from 'node:crypto';
import { write } from '../src/change';
import type { Corridor, DoorRequest } from '../src/corridor';
import { DatabaseError } from '../src/db/errors';
import type { Transaction } from '../src/db';
import type { Key } from '../src/keys/key';
import { KeyStore } from '../src/keys/store';
import type { Change, WritingOperation } from '../src/operation';
import { defaultKeyPolicy } from '../src/policy/compile';
import { noIdentity } from '../src/policy/identity';
import { Trail } from '../src/trail';
import { type AccountsDatabase, insertKey, newKey, openAccounts } from './support/accounts';
import { administer } from './support/postgres';
import { accountId, otherAccountId, place, rootOf, callFacts } from './support/sample-keys';

let accounts: AccountsDatabase;
beforeAll(async () => {
  accounts = await openAccounts();
});
afterAll(() => accounts.drop());

const services = {
  place,
  keys: new KeyStore(place),
  identities: { now: () => Promise.resolve(noIdentity) },
} as unknown as Corridor['services'];

/** The audit writer is a fake: a real one cannot be told to fail in just this way. */
function corridor(commit: Corridor['audit']['commitWith'] = (t) => t.commit()): {
  corridor: Corridor;
  leftovers: unknown[];
} {
  const leftovers: unknown[] = [];
  const parts: Partial<Corridor> = {
    database: accounts.database,
    services,
    audit: { commitWith: commit } as unknown as Corridor['audit'],
    changes: { acknowledged: () => Promise.resolve() } as unknown as Corridor['changes'],
    onLeftover: (error) => void leftovers.push(error),
  };
  return { corridor: parts as Corridor, leftovers };
}

function describing(
  body: (change: Change, keys: readonly Key[]) => Promise<void>,
): WritingOperation<'UpdateKeyDescription'> {
  return {
    name: 'UpdateKeyDescription',
    readOnly: false,
    audited: [],
    unannounced: 'nobody listens here',
    requires: { state: 'notPendingDeletion' },
    write: async ({ keys }, change) => {
      await body(change, keys);
      return {};
    },
  };
}

function permitted(key: Key): Parameters<typeof write<'UpdateKeyDescription'>>[2] {
  const { origin } = callFacts;
  const call = {
    input: { KeyId: key.keyId, Description: 'new' },
    caller: rootOf(accountId),
    services,
    ...callFacts,
  };
  return {
    call,
    asker: { call, conditions: undefined },
    request: { write: writeOutput } as unknown as DoorRequest,
    permissions: {
      accountActions: [],
      targets: [{ key, action: 'kms:UpdateKeyDescription' }],
      crossAccount: false,
      needsNoPermission: false,
    },
    trail: new Trail(
      { requestId: randomUUID(), origin, service: 'kms' },
      { region: place.region, accountId },
    ),
  };
}

const made = (): Promise<Key> => insertKey(accounts.database, newKey());
const rename = async (transaction: Transaction, key: Key): Promise<void> =>
  new KeyStore(place).setDescription(transaction, key.keyId, 'new');
const stored = (key: Key): Promise<Key | undefined> =>
  new KeyStore(place).find(accounts.database, key.keyId);

test('a change that commits is there, and nothing is undone', async () => {
  const key = await made();
  let undone = 0;
  const operation = describing(async ({ transaction, undo }) => {
    undo(() => Promise.resolve(void (undone += 1)));
    await rename(transaction, key);
  });
  expect(await write(corridor().corridor, operation, permitted(key))).toBe('');
  expect((await stored(key))?.description).toBe('new');
  expect(undone).toBe(0);
});

test('what the service did for it is recorded after the request, in the same commit', async () => {
  const key = await made();
  const lines: string[] = [];
  const { corridor: parts } = corridor((transaction, ...committed) => {
    lines.push(...committed);
    return transaction.commit();
  });
  const { keyId, arn } = key;
  const operation = describing(({ serviceEvent }) => {
    serviceEvent({
      ...{ completedAt: new Date(), eventId: randomUUID(), eventName: 'RotateKey' },
      ...{ region: place.region, accountId, resources: [{ accountId, arn }], details: { keyId } },
    });
    return Promise.resolve();
  });
  await write(parts, operation, permitted(key));
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { eventType: 'AwsApiCall' },
    { eventType: 'AwsServiceEvent', eventName: 'RotateKey', serviceEventDetails: { keyId } },
  ]);
});

test('a change that should be announced and is not is rolled back and undone', async () => {
  const key = await made();
  let undone = 0;
  const silent = describing(async ({ transaction, undo }) => {
    undo(() => Promise.resolve(void (undone += 1)));
    await rename(transaction, key);
  });
  const { unannounced: _, ...operation } = silent;
  await expect(write(corridor().corridor, operation, permitted(key))).rejects.toThrow(
    'UpdateKeyDescription changed something and announced nothing',
  );
  expect((await stored(key))?.description).toBe('');
  expect(undone).toBe(1);
});

test('a change whose record fails is rolled back and undone, and fails with that error', async () => {
  const key = await made();
  let undone = 0;
  const operation = describing(async ({ transaction, undo }) => {
    undo(() => Promise.resolve(void (undone += 1)));
    await rename(transaction, key);
  });
  const failure = new DatabaseError('timeout', 'the record could not be written');
  const { corridor: failing } = corridor(() => Promise.reject(failure));
  await expect(write(failing, operation, permitted(key))).rejects.toBe(failure);
  expect((await stored(key))?.description).toBe('');
  expect(undone).toBe(1);
});

test('a commit of unknown outcome undoes nothing in the token', async () => {
  const key = await made();
  let undone = 0;
  const operation = describing(({ undo }) => {
    undo(() => Promise.resolve(void (undone += 1)));
    return Promise.resolve();
  });
  const failure = new DatabaseError('unavailable', 'the connection broke', {
    outcomeUnknown: true,
  });
  const { corridor: failing } = corridor(() => Promise.reject(failure));
  await expect(write(failing, operation, permitted(key))).rejects.toBe(failure);
  expect(undone).toBe(0);
});

test('a step that cannot be undone is told of and does not hide why the change failed', async () => {
  const key = await made();
  const failure = new Error('why it failed');
  const stuck = new Error('the token is away');
  const { corridor: parts, leftovers } = corridor();
  const operation = describing(({ undo }) => {
    undo(() => Promise.reject(stuck));
    return Promise.reject(failure);
  });
  await expect(write(parts, operation, permitted(key))).rejects.toBe(failure);
  expect(leftovers).toEqual([stuck]);
});

test('a policy that changed since the caller was authorized decides again', async () => {
  const key = await made();
  await administer(accounts.url, 'update kms_key set policy = $2 where key_id = $1', [
    key.keyId,
    defaultKeyPolicy(place, otherAccountId),
  ]);
  const operation = describing(({ transaction }) => rename(transaction, key));
  await expect(write(corridor().corridor, operation, permitted(key))).rejects.toMatchObject({
    code: 'AccessDeniedException',
  });
  expect((await stored(key))?.description).toBe('');
});

test('a state that changed since the key was resolved decides, and a deleted key is not found', async () => {
  const key = await made();
  const operation = describing(({ transaction }) => rename(transaction, key));
  await administer(
    accounts.url,
    `update kms_key set state = 'PendingDeletion', deletion_date = now() where key_id = $1`,
    [key.keyId],
  );
  await expect(write(corridor().corridor, operation, permitted(key))).rejects.toMatchObject({
    code: 'KMSInvalidStateException',
    message: `${key.arn} is pending deletion.`,
  });
  await administer(accounts.url, 'delete from kms_key where key_id = $1', [key.keyId]);
  await expect(write(corridor().corridor, operation, permitted(key))).rejects.toMatchObject({
    code: 'NotFoundException',
    message: `Key '${key.arn}' does not exist`,
  });
});
