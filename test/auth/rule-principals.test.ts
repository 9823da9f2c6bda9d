import type { CertificateRule, IdentityTarget } from '../../src/auth/identity-rules';
import {
  RulePrincipals,
  type RulePrincipalMap,
  asCaller,
  everyRulePrincipal,
} from '../../src/auth/rule-principals';
import { FeedCache } from '../../src/db';
import type { Change } from '../../src/db/queryable';
import { type IamDatabase, openIamDatabase } from '../support/iam';

const accountId = '111122223333';
const arn = (rest: string): string => `arn:aws:iam::${accountId}:${rest}`;
const role: IdentityTarget = { kind: 'role', arn: arn('role/team/pay') };
const user: IdentityTarget = { kind: 'user', arn: arn('user/ann') };
const service: IdentityTarget = { kind: 'service', name: 'db.claviger.internal' };
const later: IdentityTarget = { kind: 'role', arn: arn('role/later') };

let iam: IamDatabase;
let queries: number;
let announce: (change: Change) => void;
let principals: RulePrincipals;

beforeAll(async () => {
  iam = await openIamDatabase(accountId);
  await insertRole('AROAPAYPAYPAYPAY', arn('role/team/pay'), 'pay');
  await insert(['AIDAANNANNANNANN', arn('user/ann'), 'user', 'ann']);
  await insert([service.name, service.name, 'service', service.name]);
});
afterAll(() => iam.remove());

beforeEach(() => {
  queries = 0;
  const handlers: ((change: Change) => void | Promise<void>)[] = [];
  const feed = {
    trusted: true,
    epoch: 0,
    onChange: (handler: (change: Change) => void | Promise<void>) => void handlers.push(handler),
    onReset: () => undefined,
  };
  announce = (change) => {
    feed.epoch += 1;
    for (const handle of handlers) void handle(change);
  };
  const cache = new FeedCache<RulePrincipalMap>({
    feed,
    capacity: 1,
    keyOf: ({ topic }) => (topic === 'principal' ? everyRulePrincipal : undefined),
  });
  const certificates = [role, user, service, later].map((target): CertificateRule => ({
    certificate: { dns: 'x' },
    target,
  }));
  principals = new RulePrincipals({
    db: {
      ...iam.database,
      query: (statement) => {
        queries += 1;
        return iam.database.query(statement);
      },
    },
    rules: { certificates, tokens: [] },
    cache,
  });
});

function insertRole(id: string, roleArn: string, name: string): Promise<unknown> {
  return insert([id, roleArn, 'role', name], '{}', 3600);
}

function insert(
  values: readonly string[],
  trust: string | null = null,
  seconds: number | null = null,
): Promise<unknown> {
  return iam.database.execute({
    text: `
      insert into principal (principal_id, arn, kind, name, account_id, trust_policy, max_session_seconds)
      values ($1::text, $2::text, $3::text, $4::text, '${accountId}', $5::text, $6::int)`,
    values: [...values, trust, seconds],
  });
}

test('roles, users and services are found, all at once, and then remembered', async () => {
  expect(await principals.find(role)).toEqual({
    ...{ kind: 'role', accountId, arn: arn('role/team/pay'), id: 'AROAPAYPAYPAYPAY', name: 'pay' },
  });
  expect(principals.find(user)).toMatchObject({ kind: 'user', id: 'AIDAANNANNANNANN' });
  expect(principals.find(service)).toMatchObject({ kind: 'service', arn: service.name });
  expect(queries).toBe(1);
});

test('what does not exist is looked for every time', async () => {
  expect(await principals.find(later)).toBeUndefined();
  await insertRole('AROALATERLATERLA', arn('role/later'), 'later');
  expect(await principals.find(later)).toMatchObject({ id: 'AROALATERLATERLA' });
});

test('what changed of any principal is read again', async () => {
  await principals.find(role);
  const rename = (name: string): Promise<number> =>
    iam.database.execute({
      text: 'update principal set name = $1::text where arn = $2::text',
      values: [name, arn('role/team/pay')],
    });
  await rename('renamed');
  announce({ topic: 'key', id: 'AROAPAYPAYPAYPAY' });
  expect(principals.find(role)).toMatchObject({ name: 'pay' });
  announce({ topic: 'principal', id: 'AROAPAYPAYPAYPAY' });
  expect(await principals.find(role)).toMatchObject({ name: 'renamed' });
  await rename('pay');
});

test('a service is not found by the name of a user, nor a role by the ARN of one', async () => {
  expect(await principals.find({ kind: 'service', name: user.arn })).toBeUndefined();
  expect(await principals.find({ kind: 'role', arn: user.arn })).toBeUndefined();
  expect(await principals.find({ kind: 'role', arn: arn('root') })).toBeUndefined();
});

test('a user and a service call as themselves, and have no session', () => {
  const proof = { sessionName: 'x', issuedAt: new Date(0), expiresAt: new Date(1) };
  const common = { accountId, id: 'AIDAANNANNANNANN', name: 'ann' };
  expect(asCaller({ ...common, kind: 'user', arn: user.arn }, proof)).toEqual({
    ...{ kind: 'user', accountId, arn: user.arn, principalId: 'AIDAANNANNANNANN' },
    ...{ userName: 'ann', accessKeyId: undefined },
  });
  const name = service.name;
  expect(asCaller({ kind: 'service', accountId, arn: name, id: name, name }, proof)).toEqual({
    ...{ kind: 'service', accountId, arn: name, principalId: name },
    ...{ userName: undefined, accessKeyId: undefined },
  });
});
