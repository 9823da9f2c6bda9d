import crypto from 'node:crypto';
import { newApiToken } from '../../src/auth/api-token';
import { type NewApiTokenRow, insertApiToken } from '../../src/auth/api-token-rows';
import { ApiTokens, type KnownApiToken } from '../../src/auth/api-tokens';
import { writeSession } from '../../src/auth/session-json';
import { type Change, FeedCache, type Queryable, type Statement } from '../../src/db';
import { compileIdentityPolicy } from '../../src/policy/compile';
import type { Principal, Session } from '../../src/policy/principal';
import { type IamDatabase, openIamDatabase } from '../support/iam';
import { refusalOf } from '../support/refusal';
import { accountId } from '../support/sample-keys';

const invalid = {
  code: 'UnrecognizedClientException',
  message: 'The security token included in the request is invalid.',
};
const expired = {
  code: 'ExpiredToken',
  message: 'The security token included in the request is expired',
};
const readAll = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'kms:Get*', Resource: '*' }],
});
const user = { id: 'AIDAAAAAAAAAAAAAAAAAA', arn: `arn:aws:iam::${accountId}:user/team/ann` };
const role = { id: 'AROABBBBBBBBBBBBBBBBB', arn: `arn:aws:iam::${accountId}:role/team/r` };

let site: IamDatabase;
let clock = Date.parse('2026-11-26T12:00:00Z');
let statements: Statement[];
let changed: ((change: Change) => void)[];
let reasons: unknown[];
let running: { now: number; most: number };
let tokens: ApiTokens;

beforeAll(async () => {
  site = await openIamDatabase(accountId);
  await site.database.execute({
    text: `
      insert into principal (principal_id, account_id, arn, kind, name, trust_policy, max_session_seconds)
      values ($1::text, $5::text, $2::text, 'user', 'ann', null, null), ($3::text, $5::text, $4::text, 'role', 'r', '{}', 3600),
        ('s3.amazonaws.com', $5::text, 's3.amazonaws.com', 'service', 's3.amazonaws.com', null, null)`,
    values: [user.id, user.arn, role.id, role.arn, accountId],
  });
});
afterAll(() => site.remove());
beforeEach(() => {
  [statements, changed, reasons] = [[], [], []];
  running = { now: 0, most: 0 };
  tokens = open();
});

function open(): ApiTokens {
  const db: Queryable = {
    query: async (statement) => {
      statements.push(statement);
      running.now += 1;
      running.most = Math.max(running.most, running.now);
      return site.database.query<never>(statement).finally(() => (running.now -= 1));
    },
    execute: () => Promise.reject(new Error('not used')),
  };
  const cache = new FeedCache<KnownApiToken>({
    feed: {
      ...{ trusted: true, epoch: 0, onReset: () => undefined },
      onChange: (handler) => void changed.push((change) => void handler(change)),
    },
    ...{ capacity: 10, absences: 10 },
    keyOf: ({ topic, id }) => (topic === 'api-token' ? id : undefined),
  });
  return new ApiTokens({
    ...{ db, cache, compile: compileIdentityPolicy, now: () => clock },
    onRefused: (reason) => void reasons.push(reason),
  });
}

let made = 0;

/** A token that is good for an hour; its text. */
async function make(different: Partial<NewApiTokenRow> = {}): Promise<string> {
  made += 1;
  const { tokenId, hash, text } = newApiToken({
    generateRandom: (length) => Buffer.alloc(length, made),
  });
  await insertApiToken(site.database, {
    ...{ tokenId, hash, accountId, principalId: accountId, callerId: accountId },
    ...{ name: undefined, policy: undefined, session: undefined },
    ...{ createdAt: new Date(clock), expiresAt: new Date(clock + 3_600_000), ...different },
  });
  return text.revealText();
}

const idOf = (text: string): string => text.split('_')[1] ?? '';
const find = async (text: string): Promise<Principal> => tokens.find(text);
const refused = (text: string): ReturnType<typeof refusalOf> => refusalOf(() => tokens.find(text));

describe('the holder of an API token', () => {
  test('is its principal, in a session that the token began', async () => {
    const text = await make({ principalId: user.id, callerId: user.id, policy: readAll });
    const caller = await find(text);
    expect(caller).toEqual({
      ...{ kind: 'user', accountId, arn: user.arn, principalId: user.id, userName: 'ann' },
      accessKeyId: undefined,
      session: {
        ...{ issuedAt: new Date(clock), expiresAt: new Date(clock + 3_600_000) },
        ...{ policies: [], tags: {}, transitiveTagKeys: [] },
      },
      apiToken: {
        tokenId: idOf(text),
        policy: expect.objectContaining({ text: readAll }) as object,
      },
    });
  });

  test.each([
    ['root', accountId, `arn:aws:iam::${accountId}:root`],
    ['service', 's3.amazonaws.com', 's3.amazonaws.com'],
  ])('is a %s without a name', async (kind, id, arn) => {
    const text = await make({ principalId: id, callerId: id });
    expect(await find(text)).toMatchObject({
      ...{ kind, arn, principalId: id, userName: undefined, apiToken: { tokenId: idOf(text) } },
    });
  });

  test('of a role’s session is that session, which ends with the token', async () => {
    const session: Session = {
      ...{ issuedAt: new Date(clock - 60_000), expiresAt: new Date(clock + 7_200_000) },
      policies: [compileIdentityPolicy(readAll)],
      tags: { Team: 'a' },
      transitiveTagKeys: ['Team'],
      role: { roleId: role.id, arn: role.arn, name: 'r', sessionName: 's' },
      sourceIdentity: 'ann',
      mfaAuthenticatedAt: new Date(clock - 90_000),
      webIdentity: { provider: 'arn:p', claims: { 'i:sub': 'a\0b' } },
    };
    const written = JSON.stringify(writeSession(session));
    const text = await make({ principalId: role.id, callerId: `${role.id}:s`, session: written });
    const caller = await find(text);
    expect(caller).toMatchObject({
      kind: 'assumed-role',
      arn: `arn:aws:sts::${accountId}:assumed-role/r/s`,
      principalId: `${role.id}:s`,
    });
    expect(caller.session).toMatchObject({
      ...session,
      expiresAt: new Date(clock + 3_600_000),
      policies: [expect.objectContaining({ text: readAll })],
    });
  });

  test('is asked for once, and again when the token has changed', async () => {
    const text = await make();
    const first = await find(text);
    expect(await find(text)).toBe(first);
    expect(statements).toHaveLength(1);
    for (const change of changed) change({ topic: 'api-token', id: idOf(text) });
    await find(text);
    expect(statements).toHaveLength(2);
  });
});

describe('a token that is refused', () => {
  test('is one of an id that there is not, one with another secret, and one that is malformed: in one way', async () => {
    const [text, other] = [await make(), await make()];
    const wrong = `clv_${idOf(text)}_${other.slice(-43)}`;
    const absent = text.replace(idOf(text), 'ATKNABSENT2222222222');
    for (const bad of [wrong, absent, text.slice(0, -1)])
      expect(await refused(bad)).toEqual(invalid);
    expect(reasons).toEqual([
      new Error(`The secret of API token ${idOf(text)} is wrong`),
      new Error('There is no API token ATKNABSENT2222222222'),
      new Error('An API token is malformed'),
    ]);
    expect(JSON.stringify(reasons.map(String))).not.toContain(other.slice(-43));
  });

  test('is compared in constant time, where there is nothing to compare it with too', async () => {
    const compare = jest.spyOn(crypto, 'timingSafeEqual');
    const [text, other] = [await make(), await make()];
    const absent = text.replace(idOf(text), 'ATKNABSENT3333333333');
    for (const bad of [`clv_${idOf(text)}_${other.slice(-43)}`, absent, absent]) {
      compare.mockClear();
      await refused(bad);
      expect(compare.mock.calls.map(([one, two]) => [one.byteLength, two.byteLength])).toEqual([
        [32, 32],
      ]);
    }
    compare.mockRestore();
  });

  test('is one that has expired, which only who has its secret is told', async () => {
    const [text, other] = [await make(), await make()];
    await find(text);
    clock += 3_600_000;
    expect(await refused(text)).toEqual(expired);
    expect(await refused(`clv_${idOf(text)}_${other.slice(-43)}`)).toEqual(invalid);
  });

  test('does not work as the hash that is stored of it', async () => {
    const text = await make();
    const [row] = await site.database.query<{ hash: Buffer }>({
      text: 'select secret_hash as hash from api_token where token_id = $1::text',
      values: [idOf(text)],
    });
    expect(await refused(`clv_${idOf(text)}_${row?.hash.toString('base64url') ?? ''}`)).toEqual(
      invalid,
    );
  });

  test.each([
    ['a policy that is none', { policy: '{}' }],
    ['a role without its session', { principalId: role.id, callerId: `${role.id}:s` }],
    ['a session that is none', { session: '[' }],
  ])('is one that is stored with %s, and no other with it', async (_, different) => {
    const [bad, good] = [await make(different), await make()];
    const [first, second] = await Promise.allSettled([find(bad), find(good)]);
    expect(first).toMatchObject({ status: 'rejected', reason: invalid });
    expect(second).toMatchObject({ status: 'fulfilled' });
    expect(statements).toHaveLength(1);
  });
});

describe('ids that there are not', () => {
  const absent = (at: number): string =>
    `clv_ATKN${String(at).padStart(16, 'A')}_${'a'.repeat(43)}`;

  test('are asked for once, until one is announced', async () => {
    for (let i = 0; i < 3; i += 1) expect(await refused(absent(1))).toEqual(invalid);
    expect(statements).toHaveLength(1);
    for (const change of changed) change({ topic: 'api-token', id: idOf(absent(1)) });
    expect(await refused(absent(1))).toEqual(invalid);
    expect(statements).toHaveLength(2);
  });

  test('share statements, of which there is one at a time', async () => {
    const all = Array.from({ length: 250 }, (_, at) => refused(absent(at)));
    expect(new Set((await Promise.all(all)).map(({ code }) => code))).toEqual(
      new Set([invalid.code]),
    );
    expect(statements.map(({ values }) => (values?.[0] as string[]).length)).toEqual([
      100, 100, 50,
    ]);
    expect(running.most).toBe(1);
  });
});
