import { inTransaction } from '../../src/db';
import { insertEntity } from '../../src/iam/entities';
import {
  findPolicy,
  insertPolicy,
  lockPolicy,
  policyDocument,
  removePolicy,
} from '../../src/iam/managed-policies';
import { newUniqueId } from '../../src/iam/ids';
import { insertVersion, parseVersionId, setDefaultVersion } from '../../src/iam/policy-versions';
import { findRoleByArn } from '../../src/iam/roles';
import { allowing, trusting } from '../support/iam-documents';
import { type IamDatabase, openIamDatabase } from '../support/iam';
import { accountId, otherAccountId } from '../support/sample-keys';

let iam: IamDatabase;

beforeAll(async () => {
  iam = await openIamDatabase(accountId, otherAccountId);
});
afterAll(() => iam.remove());

const arnOf = (name: string, path = '/') => `arn:aws:iam::${accountId}:policy${path}${name}`;

async function newPolicy(name: string, path = '/'): Promise<string> {
  const policyId = newUniqueId('ANPA');
  const document = allowing('kms:Encrypt');
  await inTransaction(iam.database, (db) =>
    insertPolicy(db, { policyId, accountId, name, path, description: undefined, document }),
  );
  return policyId;
}

test('The document of a policy is that of its default version', async () => {
  const policyId = await newPolicy('versioned', '/p/');
  const arn = arnOf('versioned', '/p/');
  expect(await policyDocument(iam.database, arn)).toBe(allowing('kms:Encrypt'));
  await inTransaction(iam.database, async (db) => {
    const { version } = await insertVersion(db, policyId, allowing('kms:Decrypt'));
    await setDefaultVersion(db, policyId, version);
  });
  expect(await policyDocument(iam.database, arn)).toBe(allowing('kms:Decrypt'));
});

test.each([
  arnOf('none'),
  arnOf('versioned'),
  arnOf('Versioned', '/p/'),
  `arn:aws:iam::${otherAccountId}:policy/p/versioned`,
  'no arn',
])('%s has no document', async (arn) => {
  expect(await policyDocument(iam.database, arn)).toBeUndefined();
});

test("AWS's own policies have documents", async () => {
  const arn = 'arn:aws:iam::aws:policy/AdministratorAccess';
  expect(await policyDocument(iam.database, arn)).toContain('"Action":"*"');
});

test('A policy is found by its account and by no other', async () => {
  await newPolicy('private');
  const named = { accountId, path: '/', name: 'private' };
  expect(await findPolicy(iam.database, accountId, named)).toMatchObject({ name: 'private' });
  expect(await findPolicy(iam.database, otherAccountId, named)).toBeUndefined();
});

test('A policy that was removed can no longer be locked', async () => {
  const policyId = await newPolicy('removed');
  expect(await lockPolicy(iam.database, policyId, 'use')).toBe(true);
  await inTransaction(iam.database, (db) => removePolicy(db, policyId));
  expect(await lockPolicy(iam.database, policyId, 'use')).toBe(false);
  expect(await lockPolicy(iam.database, policyId, 'change')).toBe(false);
});

test.each([
  ['v1', 1],
  ['v42', 42],
  ['v0', undefined],
  ['1', undefined],
  ['v01', undefined],
  ['v1.x', undefined],
  ['v9999999999', undefined],
])('The version id %s names %p', (id, version) => {
  expect(parseVersionId(id)).toBe(version);
});

test('A role is found by its exact ARN, with what AssumeRole needs', async () => {
  const arn = `arn:aws:iam::${accountId}:role/ci/Deployer`;
  const entity = { accountId, kind: 'role', name: 'Deployer', path: '/ci/', arn } as const;
  const trustPolicy = trusting('*');
  const id = newUniqueId('AROA');
  await insertEntity(iam.database, { ...entity, id, trustPolicy, maxSessionSeconds: 7200 });
  expect(await findRoleByArn(iam.database, arn)).toMatchObject({
    ...{ id, accountId, arn, name: 'Deployer', path: '/ci/' },
    ...{ trustPolicy, maxSessionSeconds: 7200 },
  });
  expect(await findRoleByArn(iam.database, arn.toLowerCase())).toBeUndefined();
  const user = { ...entity, kind: 'user', arn: arn.replace('role', 'user') } as const;
  await insertEntity(iam.database, { ...user, id: newUniqueId('AIDA') });
  expect(await findRoleByArn(iam.database, user.arn)).toBeUndefined();
});
