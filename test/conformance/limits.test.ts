import {
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  EncryptCommand,
  type KMSClient,
  ListAliasesCommand,
  ListGrantsCommand,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { bringForward } from '../support/deletion';
import { plaintext } from '../support/keys';
import { type NewKey, clientOf, createKey, otherAccount, sdkRefusal } from '../support/kms';
import { administer } from '../support/postgres';
import { until } from '../support/until';

const limits = {
  CLAVIGER_MAX_KEYS_PER_ACCOUNT: '12',
  CLAVIGER_MAX_ALIASES_PER_KEY: '7',
  CLAVIGER_MAX_GRANTS_PER_KEY: '8',
  CLAVIGER_MAX_KEY_POLICY_BYTES: '2000',
};

let daemon: TestDaemon;
let kms: KMSClient;
let key: NewKey;
beforeAll(async () => {
  daemon = await startDaemon({
    workers: 2,
    environment: {
      ...limits,
      CLAVIGER_JOB_INTERVAL_MS: '100',
      // Twenty that wait for each other take a while on a busy machine.
      CLAVIGER_DATABASE_STATEMENT_TIMEOUT_MS: '20000',
      CLAVIGER_DATABASE_CONNECT_TIMEOUT_MS: '20000',
    },
  });
  kms = daemon.client();
  key = await createKey(kms);
});
afterAll(() => daemon.remove());

const full = (what: string, limit: number, current = limit) => ({
  code: 'LimitExceededException',
  message: `${what} quota for this account in this region is ${limit}, current usage is ${current}.`,
  status: 400,
});

/** How many of twenty requests at once were granted; the others were all refused so. */
async function granted(
  send: (number: number) => Promise<unknown>,
  refusal: ReturnType<typeof full>,
): Promise<number> {
  const sent = Array.from({ length: 20 }, (_, number) => send(number));
  const ended = await Promise.allSettled(sent);
  for (const [number, { status }] of ended.entries()) {
    if (status === 'rejected') expect(await sdkRefusal(sent[number]!)).toEqual(refusal);
  }
  return ended.filter(({ status }) => status === 'fulfilled').length;
}

interface Counted {
  readonly counted: number;
  readonly there: number;
}

/** Keys of the daemon's own account, as they are counted and as they are. */
async function keyCount(): Promise<Counted | undefined> {
  const [row] = await administer<Counted>(
    daemon.databaseUrl,
    `select key_count as counted, (select count(*)::int from kms_key k where k.account_id = a.account_id) as there
     from account a where account_id = $1`,
    [daemon.accountId],
  );
  return row;
}

const alias = (n: number | string, TargetKeyId: string) =>
  kms.send(new CreateAliasCommand({ AliasName: `alias/limits-${n}`, TargetKeyId }));
const grant = (client: KMSClient = kms) =>
  client.send(
    new CreateGrantCommand({
      KeyId: key.id,
      GranteePrincipal: `arn:aws:iam::${daemon.accountId}:root`,
      Operations: ['Encrypt'],
    }),
  );

test('Of twenty aliases at once for five places five are made, and an alias is moved into none', async () => {
  const other = await createKey(kms);
  await alias('other', other.id);
  for (const n of ['a', 'b']) await alias(n, key.id);
  expect(await granted((n) => alias(n, key.id), full('Aliases per key', 7))).toBe(5);
  const { Aliases } = await kms.send(new ListAliasesCommand({ KeyId: key.id }));
  expect(Aliases).toHaveLength(7);
  const move = new UpdateAliasCommand({ AliasName: 'alias/limits-other', TargetKeyId: key.id });
  expect(await sdkRefusal(kms.send(move))).toEqual(full('Aliases per key', 7));
});

test('Of twenty grants at once for five places five are made', async () => {
  for (let i = 0; i < 3; i += 1) await grant();
  expect(await granted(() => grant(), full('Grants per key', 8))).toBe(5);
  const { Grants } = await kms.send(new ListGrantsCommand({ KeyId: key.id }));
  expect(Grants).toHaveLength(8);
});

test('A key policy is as large as it may be, and no larger', async () => {
  const policy = (bytes: number): string => {
    const statement = { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' };
    const text = JSON.stringify({ Version: '2012-10-17', Statement: statement });
    return text + ' '.repeat(bytes - text.length);
  };
  const put = (Policy: string) => kms.send(new PutKeyPolicyCommand({ KeyId: key.id, Policy }));
  const tooLarge = {
    code: 'LimitExceededException',
    message: 'The key policy is larger than 2000 bytes.',
    status: 400,
  };
  await put(policy(2000));
  expect(await sdkRefusal(put(policy(2001)))).toEqual(tooLarge);
  const making = kms.send(new CreateKeyCommand({ Policy: policy(2001) }));
  expect(await sdkRefusal(making)).toEqual(tooLarge);
});

test('Of twenty keys at once for five places five are made, and what is refused leaves nothing', async () => {
  while (((await keyCount())?.there ?? 0) < 7) await createKey(kms);
  // Refused when its row is there already.
  const lockedOut = JSON.stringify({
    Version: '2012-10-17',
    Statement: {
      ...{ Effect: 'Allow', Principal: '*', Action: 'kms:Encrypt', Resource: '*' },
    },
  });
  const refusal = await sdkRefusal(kms.send(new CreateKeyCommand({ Policy: lockedOut })));
  expect(refusal.code).toBe('MalformedPolicyDocumentException');
  expect(await keyCount()).toEqual({ counted: 7, there: 7 });
  expect(await granted(() => createKey(kms), full('Key', 12))).toBe(5);
  expect(await keyCount()).toEqual({ counted: 12, there: 12 });
  // Other accounts have keys of their own.
  await createKey(clientOf(daemon, await otherAccount(daemon, '444455556666')));
  const materials = await administer(daemon.databaseUrl, 'select from key_material');
  expect(materials).toHaveLength(13);
});

test('Keys count until they are deleted, whatever their state', async () => {
  const refusal = full('Key', 12);
  const [doomed] = await administer<{ key_id: string }>(
    daemon.databaseUrl,
    'select key_id from kms_key where account_id = $1 and key_id <> $2',
    [daemon.accountId, key.id],
  );
  const KeyId = doomed?.key_id ?? '';
  await kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
  expect(await sdkRefusal(createKey(kms))).toEqual(refusal);
  await bringForward(daemon.databaseUrl, KeyId);
  await until('it is deleted', async () => (await keyCount())?.there === 11);
  expect(await keyCount()).toEqual({ counted: 11, there: 11 });
  await createKey(kms);
  expect(await sdkRefusal(createKey(kms))).toEqual(refusal);
});

test('Limits below what there is refuse what is new, and leave what is there alone', async () => {
  const lower = await startDaemon({
    beside: daemon,
    environment: {
      CLAVIGER_MAX_KEYS_PER_ACCOUNT: '3',
      CLAVIGER_MAX_ALIASES_PER_KEY: '2',
      CLAVIGER_MAX_GRANTS_PER_KEY: '1',
      CLAVIGER_MAX_KEY_POLICY_BYTES: '1024',
    },
  });
  try {
    const client = lower.client();
    const name = new CreateAliasCommand({ AliasName: 'alias/one-more', TargetKeyId: key.id });
    expect(await sdkRefusal(createKey(client))).toEqual(full('Key', 3, 12));
    expect(await sdkRefusal(client.send(name))).toEqual(full('Aliases per key', 2, 7));
    expect(await sdkRefusal(grant(client))).toEqual(full('Grants per key', 1, 8));
    const used = new EncryptCommand({ KeyId: 'alias/limits-a', Plaintext: plaintext });
    expect(await client.send(used)).toMatchObject({ KeyId: key.arn });
    const { Grants } = await client.send(new ListGrantsCommand({ KeyId: key.id }));
    expect(Grants).toHaveLength(8);
  } finally {
    await lower.remove();
  }
});
