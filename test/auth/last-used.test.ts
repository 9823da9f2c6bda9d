import { isDeepStrictEqual } from 'node:util';
import { insertApiToken } from '../../src/auth/api-token-rows';
import { LastUsed } from '../../src/auth/last-used';
import type { Queryable } from '../../src/db';
import type { Principal } from '../../src/policy/principal';
import { openIamDatabase, type IamDatabase } from '../support/iam';
import { accountId, rootOf } from '../support/sample-keys';
import { until } from '../support/until';

const keyA = 'AKIAAAAAAAAAAAAAAAAA';
const keyB = 'AKIABBBBBBBBBBBBBBBB';
const tokenId = 'ATKNAAAAAAAAAAAAAAAA';
const roleId = 'AROACCCCCCCCCCCCCCCCC';
const kms = { service: 'kms', region: 'eu-central-1' };
const iam = { service: 'iam', region: 'us-east-1' };

let site: IamDatabase;
let clock = Date.parse('2026-11-25T12:00:00Z');
const failures: unknown[] = [];

beforeAll(async () => {
  site = await openIamDatabase(accountId);
  await site.database.execute({
    text: `
      insert into access_key (access_key_id, account_id, principal_id, sealed_secret, sealing_key_id)
      select unnest($1::text[]), $2::text, $2::text, decode(repeat('00', 40), 'hex'), repeat('0', 64)`,
    values: [[keyA, keyB], accountId],
  });
  await site.database.execute({
    text: `
      insert into principal (principal_id, account_id, arn, kind, name, trust_policy, max_session_seconds)
      values ($1::text, $2::text, 'arn:aws:iam::' || $2::text || ':role/r', 'role', 'r', '{}', 3600)`,
    values: [roleId, accountId],
  });
  const made = new Date(clock);
  await insertApiToken(site.database, {
    ...{ tokenId, hash: Buffer.alloc(32), accountId, principalId: accountId, callerId: accountId },
    ...{ name: undefined, policy: undefined, session: undefined },
    ...{ createdAt: made, expiresAt: new Date(clock + 86_400_000) },
  });
});
afterAll(() => site.remove());
beforeEach(() => void failures.splice(0));

function open(db: Queryable = site.database, intervalMs = 3_600_000): LastUsed {
  return new LastUsed({
    db,
    intervalMs,
    now: () => clock,
    onFailed: (error) => void failures.push(error),
  });
}

const holder = (accessKeyId: string): Principal => ({ ...rootOf(accountId), accessKeyId });

function sessionOf(role: boolean): Principal {
  return {
    ...holder('ASIAAAAAAAAAAAAAAAAA'),
    session: {
      issuedAt: new Date(clock),
      expiresAt: new Date(clock + 1000),
      policies: [],
      tags: {},
      transitiveTagKeys: [],
      ...(role ? { role: { roleId, arn: 'arn', name: 'r', sessionName: 's' } } : {}),
    },
  };
}

async function read(id: string): Promise<object | undefined> {
  const [row] = await site.database.query<object>({
    text: `
      select last_used_at as at, last_used_service as service, last_used_region as region
      from access_key where access_key_id = $1::text
      union all
      select last_used_at, null, last_used_region from principal where principal_id = $1::text
      union all
      select last_used_at, null, null from api_token where token_id = $1::text`,
    values: [id],
  });
  return row;
}

test('The last use of each key is written with its service and region, and a key that is gone is passed over', async () => {
  const uses = open();
  uses.note(holder(keyA), kms);
  uses.note(holder(keyB), kms);
  clock += 1000;
  uses.note(holder(keyA), iam);
  uses.note(holder('AKIAGONEGONEGONEGONE'), iam);
  await uses.flush();
  expect(await read(keyA)).toEqual({ at: new Date(clock), ...iam });
  expect(await read(keyB)).toEqual({ at: new Date(clock - 1000), ...kms });
  await uses.close();
  expect(failures).toEqual([]);
});

test('A session of a role is a use of the role, and any other session is a use of nothing', async () => {
  const uses = open();
  clock += 1000;
  uses.note(sessionOf(true), kms);
  uses.note(sessionOf(false), kms);
  await uses.close();
  expect(await read(roleId)).toEqual({ at: new Date(clock), service: null, region: kms.region });
});

test('A use of an API token is one of it, and of the role whose session made it', async () => {
  const uses = open();
  const apiToken = { tokenId };
  clock += 1000;
  const { accessKeyId: _, ...session } = sessionOf(true);
  uses.note({ ...session, accessKeyId: undefined, apiToken }, kms);
  uses.note({ ...sessionOf(false), apiToken: { tokenId: 'ATKNGONEGONEGONEGONE' } }, kms);
  await uses.close();
  expect(await read(tokenId)).toEqual({ at: new Date(clock), service: null, region: null });
  expect(await read(roleId)).toEqual({ at: new Date(clock), service: null, region: kms.region });
  expect(failures).toEqual([]);
});

test('A use that is older than the one written is not', async () => {
  const [first, second] = [open(), open()];
  clock += 1000;
  first.note(holder(keyA), kms);
  clock += 1000;
  second.note(holder(keyA), iam);
  await second.close();
  await first.close();
  expect(await read(keyA)).toEqual({ at: new Date(clock), ...iam });
});

test('A batch that fails is told of and written with the next, without what was noted meanwhile', async () => {
  let failing = true;
  const uses = open({
    query: (statement) =>
      failing ? Promise.reject(new Error('no database')) : site.database.query(statement),
    execute: () => Promise.reject(new Error('not used')),
  });
  clock += 1000;
  uses.note(holder(keyA), kms);
  uses.note(holder(keyB), kms);
  const flushed = uses.flush();
  clock += 1000;
  uses.note(holder(keyA), iam);
  await flushed;
  expect(failures).toEqual([new Error('no database')]);
  failing = false;
  await uses.close();
  expect(await read(keyA)).toEqual({ at: new Date(clock), ...iam });
  expect(await read(keyB)).toEqual({ at: new Date(clock - 1000), ...kms });
});

test('A key that a change holds is not waited for, and is written later', async () => {
  const uses = open();
  const holding = await site.database.begin();
  await holding.query({
    text: 'select access_key_id from access_key where access_key_id = $1::text for update',
    values: [keyA],
  });
  clock += 1000;
  uses.note(holder(keyA), kms);
  uses.note(holder(keyB), kms);
  await uses.flush();
  expect(await read(keyB)).toEqual({ at: new Date(clock), ...kms });
  expect(await read(keyA)).not.toEqual({ at: new Date(clock), ...kms });
  await holding.rollback();
  await uses.close();
  expect(await read(keyA)).toEqual({ at: new Date(clock), ...kms });
  expect(failures).toEqual([]);
});

test('What was noted is written after the interval', async () => {
  const uses = open(site.database, 5);
  clock += 1000;
  uses.note(holder(keyB), iam);
  await until('the use is written', async () =>
    isDeepStrictEqual(await read(keyB), { at: new Date(clock), ...iam }),
  );
  await uses.close();
});
