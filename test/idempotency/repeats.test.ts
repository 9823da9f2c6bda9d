import { randomUUID } from 'node:crypto';
import type { Corridor } from '../../src/corridor';
import { administer, lockWaiters } from '../support/postgres';
import { accountId, otherAccountId, rootOf } from '../support/sample-keys';
import { type Site, openSite, perform } from '../support/site';
import { tokenWith } from '../support/token-with';
import { until } from '../support/until';

/** Requests that are repeated under an Idempotency-Key, in the corridor, on a real token and a real database. */
let site: Site;
let corridor: Corridor;
beforeAll(async () => {
  site = await openSite();
  await site.issue(otherAccountId, false);
  corridor = site.worker();
});
afterAll(() => site.close());

const sql = <R extends object>(text: string, ...values: unknown[]): Promise<R[]> =>
  administer<R>(site.url, text, values);

interface Made {
  readonly KeyMetadata: { readonly KeyId: string; readonly Arn: string };
}
const createKey = (idempotencyKey: string, input: object = {}): Promise<Made> =>
  perform<Made>(corridor, 'CreateKey', input, { idempotencyKey });
const newKeyId = async (): Promise<string> => (await createKey(randomUUID())).KeyMetadata.KeyId;

async function countOf(table: string): Promise<number> {
  return (await sql(`select from ${table}`)).length;
}

async function recordOf(requestId: string): Promise<Record<string, unknown>> {
  const rows = await sql<{ record: string }>(
    `select record from audit_record where record::json ->> 'requestID' = $1`,
    requestId,
  );
  expect(rows).toHaveLength(1);
  return JSON.parse(rows[0]?.record ?? '') as Record<string, unknown>;
}

const mismatch = { code: 'IdempotentParameterMismatchException' };

test('a repeated CreateKey makes nothing, in the token neither, and is answered alike', async () => {
  const idempotencyKey = randomUUID();
  const input = { Description: 'once', Tags: [{ TagKey: 'a', TagValue: 'b' }] };
  const first = await createKey(idempotencyKey, input);
  const before = [await countOf('kms_key'), (await site.token.listObjects('claviger:')).length];
  expect(await createKey(idempotencyKey, input)).toEqual(first);
  const after = [await countOf('kms_key'), (await site.token.listObjects('claviger:')).length];
  expect(after).toEqual(before);
});

test('a repeated CreateKey of an RSA key prepares no key pair', async () => {
  const idempotencyKey = randomUUID();
  const input = { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' };
  const first = await createKey(idempotencyKey, input);
  const token = tokenWith(site.token, {
    prepareKey: () => Promise.reject(new Error('a key pair was prepared')),
  });
  const other = site.worker({ database: site.database, token });
  expect(await perform(other, 'CreateKey', input, { idempotencyKey })).toEqual(first);
  await expect(perform(other, 'CreateKey', input)).rejects.toMatchObject({
    cause: new Error('a key pair was prepared'),
  });
});

test('a repeat has a record of its own, which says so and has the same response elements', async () => {
  const [idempotencyKey, first, second] = [randomUUID(), randomUUID(), randomUUID()];
  for (const requestId of [first, second]) {
    await perform(corridor, 'CreateKey', {}, { idempotencyKey, requestId });
  }
  const [done, repeated] = [await recordOf(first), await recordOf(second)];
  expect(done['additionalEventData']).toBeUndefined();
  expect(repeated).toMatchObject({
    eventName: 'CreateKey',
    responseElements: done['responseElements'],
    additionalEventData: { idempotentReplay: true, repeatedRequestID: first },
  });
});

test('another input under the same key is refused, recorded and changes nothing', async () => {
  const [idempotencyKey, requestId] = [randomUUID(), randomUUID()];
  await createKey(idempotencyKey, { Description: 'one' });
  const before = await countOf('kms_key');
  const refused = perform(
    corridor,
    'CreateKey',
    { Description: 'other' },
    { idempotencyKey, requestId },
  );
  await expect(refused).rejects.toMatchObject(mismatch);
  expect(await countOf('kms_key')).toBe(before);
  expect(await recordOf(requestId)).toMatchObject({
    errorCode: 'IdempotentParameterMismatchException',
    responseElements: null,
  });
});

test('the same key is free for another caller, and for another operation', async () => {
  const idempotencyKey = randomUUID();
  const { KeyId } = (await createKey(idempotencyKey)).KeyMetadata;
  const authenticate = () => rootOf(otherAccountId);
  const other = await perform<Made>(corridor, 'CreateKey', {}, { idempotencyKey, authenticate });
  expect(other.KeyMetadata.Arn).toContain(otherAccountId);
  const alias = { AliasName: `alias/${idempotencyKey}`, TargetKeyId: KeyId };
  await perform(corridor, 'CreateAlias', alias, { idempotencyKey });
  expect(await sql('select from alias where key_id = $1', KeyId)).toHaveLength(1);
});

test('operations without it ignore the key', async () => {
  const idempotencyKey = randomUUID();
  const KeyId = await newKeyId();
  for (const Description of ['one', 'two']) {
    await perform(corridor, 'UpdateKeyDescription', { KeyId, Description }, { idempotencyKey });
  }
  const kept = 'select from idempotent_request where idempotency_key = $1';
  expect(await sql(kept, idempotencyKey)).toEqual([]);
});

test('a repeated CreateAlias succeeds, though its alias is there', async () => {
  const idempotencyKey = randomUUID();
  const input = { AliasName: `alias/${idempotencyKey}`, TargetKeyId: await newKeyId() };
  const create = () => perform(corridor, 'CreateAlias', input, { idempotencyKey });
  expect([await create(), await create()]).toEqual([{}, {}]);
  await expect(perform(corridor, 'CreateAlias', input)).rejects.toMatchObject({
    code: 'AlreadyExistsException',
  });
  await perform(corridor, 'DeleteAlias', { AliasName: input.AliasName });
  expect(await create()).toEqual({});
  expect(await sql('select from alias where key_id = $1', input.TargetKeyId)).toEqual([]);
});

interface Granted {
  readonly GrantId: string;
  readonly GrantToken: string;
}
const grantee = `arn:aws:iam::${accountId}:root`;
const createGrant = (KeyId: string, idempotencyKey: string, different: object = {}) =>
  perform<Granted>(
    corridor,
    'CreateGrant',
    { KeyId, GranteePrincipal: grantee, Operations: ['Encrypt'], ...different },
    { idempotencyKey },
  );

test.each([
  ['disabled', 'DisableKey'],
  ['pending deletion', 'ScheduleKeyDeletion'],
] as const)('a repeat is answered alike though its key is %s since', async (_what, operation) => {
  const idempotencyKey = randomUUID();
  const KeyId = await newKeyId();
  const first = await createGrant(KeyId, idempotencyKey);
  await perform(corridor, operation, { KeyId });
  expect(await createGrant(KeyId, idempotencyKey)).toEqual(first);
  expect(await countOf(`kms_grant where key_id = '${KeyId}'`)).toBe(1);
});

test('a repeated CreateKey is answered alike though its key is gone, and a repeated CreateGrant finds no key to be allowed on', async () => {
  const idempotencyKey = randomUUID();
  const first = await createKey(idempotencyKey);
  const { KeyId, Arn } = first.KeyMetadata;
  await createGrant(KeyId, idempotencyKey);
  await sql('delete from kms_grant where key_id = $1', KeyId);
  await sql('delete from kms_key where key_id = $1', KeyId);
  expect(await createKey(idempotencyKey)).toEqual(first);
  await expect(createGrant(KeyId, idempotencyKey)).rejects.toMatchObject({
    code: 'NotFoundException',
    message: `Key '${Arn}' does not exist`,
  });
});

test('a repeat is authorized anew', async () => {
  const idempotencyKey = randomUUID();
  const KeyId = await newKeyId();
  await createGrant(KeyId, idempotencyKey);
  const policy = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' },
      { Effect: 'Deny', Principal: '*', Action: 'kms:CreateGrant', Resource: '*' },
    ],
  };
  const input = { KeyId, PolicyName: 'default', Policy: JSON.stringify(policy) };
  await perform(corridor, 'PutKeyPolicy', input);
  await expect(createGrant(KeyId, idempotencyKey)).rejects.toMatchObject({
    code: 'AccessDeniedException',
  });
});

test('what failed is not kept: the same key names what is asked for next', async () => {
  const idempotencyKey = randomUUID();
  const KeyId = await newKeyId();
  const strange = `arn:aws:iam::${accountId}:user/nobody`;
  const refused = createGrant(KeyId, idempotencyKey, { GranteePrincipal: strange });
  await expect(refused).rejects.toMatchObject({ code: 'InvalidArnException' });
  const { GrantId } = await createGrant(KeyId, idempotencyKey);
  expect((await createGrant(KeyId, idempotencyKey)).GrantId).toBe(GrantId);
});

test('a dry run is not kept, and is another request than the one that it tries', async () => {
  const idempotencyKey = randomUUID();
  const KeyId = await newKeyId();
  const dryRun = () => createGrant(KeyId, idempotencyKey, { DryRun: true });
  for (const _time of [1, 2]) {
    await expect(dryRun()).rejects.toMatchObject({ code: 'DryRunOperationException' });
  }
  await createGrant(KeyId, idempotencyKey);
  await expect(dryRun()).rejects.toMatchObject(mismatch);
});

test('of many at once one does it, and all are answered alike', async () => {
  const idempotencyKey = randomUUID();
  const before = await countOf('kms_key');
  const other = site.worker();
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, at) =>
      perform<Made>(at % 2 === 0 ? corridor : other, 'CreateKey', {}, { idempotencyKey }),
    ),
  );
  expect(new Set(answers.map(({ KeyMetadata }) => KeyMetadata.KeyId)).size).toBe(1);
  expect(await countOf('kms_key')).toBe(before + 1);
  const repeats = await sql(
    `select from audit_record where record::json #>> '{responseElements,keyMetadata,keyId}' = $1
       and record::json #>> '{additionalEventData,idempotentReplay}' = 'true'`,
    answers[0]?.KeyMetadata.KeyId,
  );
  expect(repeats).toHaveLength(11);
});

test('whoever waits for one that fails does it', async () => {
  const idempotencyKey = randomUUID();
  const failure = new Error('the token broke');
  let fail = (): void => undefined;
  const broken = new Promise<never>((_resolve, reject) => (fail = () => reject(failure)));
  const token = tokenWith(site.token, { generateKey: () => broken });
  const failing = site.worker({ database: site.database, token });
  const first = perform(failing, 'CreateKey', {}, { idempotencyKey });
  await until('the first has the name', async () => {
    const held = `select from pg_locks where relation = 'idempotent_request'::regclass`;
    return (await sql(held)).length > 0;
  });
  const second = createKey(idempotencyKey);
  await until('the second waits', async () => (await lockWaiters(site.url)) > 0);
  fail();
  await expect(first).rejects.toMatchObject({ cause: failure });
  const made = await second;
  expect(await createKey(idempotencyKey)).toEqual(made);
});

test('a repeat is answered when every worker knows of what it repeats', async () => {
  const idempotencyKey = randomUUID();
  const KeyId = await newKeyId();
  const told: string[] = [];
  const listening: Corridor = {
    ...corridor,
    changes: {
      ...corridor.changes,
      acknowledged: (announcements) => {
        told.push(...announcements.map(({ topic, id }) => `${topic} ${id}`));
        return Promise.resolve();
      },
    },
  };
  const input = { AliasName: `alias/${idempotencyKey}`, TargetKeyId: KeyId };
  await perform(listening, 'CreateAlias', input, { idempotencyKey });
  const first = told.splice(0);
  expect(first).toHaveLength(2);
  await perform(listening, 'CreateAlias', input, { idempotencyKey });
  expect(told).toEqual(first);
});
