import { entityArn } from '../../src/iam/arns';
import {
  countEntities,
  deleteEntity,
  findEntity,
  insertEntity,
  listEntities,
  lockEntity,
  renameEntity,
  requireEntity,
} from '../../src/iam/entities';
import { newUniqueId } from '../../src/iam/ids';
import { inTransaction } from '../../src/db';
import { refusalOf } from '../support/refusal';
import { accountId, otherAccountId, place } from '../support/sample-keys';
import { openIamDatabase, type IamDatabase } from '../support/iam';

let iam: IamDatabase;

beforeAll(async () => {
  iam = await openIamDatabase(accountId, otherAccountId);
});

afterAll(() => iam.remove());

const user = (name: string) => ({ accountId, kind: 'user', name }) as const;

function insert(name: string, path = '/', kind: 'user' | 'group' = 'user') {
  const entity = { accountId, kind, name };
  return insertEntity(iam.database, {
    ...entity,
    id: newUniqueId(kind === 'user' ? 'AIDA' : 'AGPA'),
    path,
    arn: entityArn(place, entity, path),
  });
}

test('An entity is found by its name without regard to case, and keeps the case it was given', async () => {
  const made = await insert('Alice', '/staff/');
  expect(made.arn).toBe(`arn:aws:iam::${accountId}:user/staff/Alice`);
  expect(made.id).toMatch(/^AIDA[A-Z2-7]{17}$/);
  expect(await findEntity(iam.database, user('aLICE'))).toEqual(made);
  expect(await findEntity(iam.database, { ...user('Alice'), kind: 'group' })).toBeUndefined();
  expect(
    await findEntity(iam.database, { ...user('Alice'), accountId: otherAccountId }),
  ).toBeUndefined();
});

test('A name that differs in case alone is taken', async () => {
  await insert('Bob');
  expect(await refusalOf(() => insert('BOB', '/elsewhere/'))).toEqual({
    code: 'EntityAlreadyExists',
    message: 'User with name BOB already exists.',
  });
  await insert('Bob', '/', 'group');
});

test('An entity that does not exist is refused in the words of its kind', async () => {
  const { database } = iam;
  const kinds = ['user', 'role', 'group'] as const;
  const refusals = await Promise.all(
    kinds.map((kind) => refusalOf(() => requireEntity(database, { accountId, kind, name: 'x' }))),
  );
  expect(refusals).toEqual(
    kinds.map((kind) => ({
      code: 'NoSuchEntity',
      message: `The ${kind} with name x cannot be found.`,
    })),
  );
  expect(await refusalOf(() => lockEntity(database, user('nobody')))).toEqual({
    code: 'NoSuchEntity',
    message: 'The user with name nobody cannot be found.',
  });
});

test('A renamed entity keeps its id, may change the case of its name, and cannot take another name', async () => {
  await insert('Carol');
  const dave = await insert('Dave');
  const to = (name: string) => ({ name, path: '/x/', arn: entityArn(place, user(name), '/x/') });
  expect(await refusalOf(() => renameEntity(iam.database, dave, to('CAROL')))).toEqual({
    code: 'EntityAlreadyExists',
    message: 'User with name CAROL already exists.',
  });
  await renameEntity(iam.database, dave, to('DAVE'));
  expect(await findEntity(iam.database, user('dave'))).toEqual({ ...dave, ...to('DAVE') });
});

test('Entities are listed in order of name, by path prefix and page by page', async () => {
  for (const [name, path] of [
    ['list-c', '/l/'],
    ['list-a', '/l/m/'],
    ['list-b', '/l/'],
    ['list-d', '/other/'],
  ] as const) {
    await insert(name, path);
  }
  const page = { accountId, kind: 'user', pathPrefix: '/l/', after: '', limit: 2 } as const;
  const names = async (change: object) =>
    (await listEntities(iam.database, { ...page, ...change })).map(({ name }) => name);
  expect(await names({})).toEqual(['list-a', 'list-b']);
  expect(await names({ after: 'list-b' })).toEqual(['list-c']);
  expect(await names({ pathPrefix: '/l/%' })).toEqual([]);
  expect(await names({ accountId: otherAccountId })).toEqual([]);
});

test('A deleted entity is gone and no longer counted', async () => {
  const before = await countEntities(iam.database, user(''));
  const eve = await insert('Eve');
  expect(await countEntities(iam.database, user(''))).toBe(before + 1);
  await inTransaction(iam.database, async (transaction) =>
    deleteEntity(transaction, await lockEntity(transaction, user('eve'))),
  );
  expect(await findEntity(iam.database, eve)).toBeUndefined();
  expect(await countEntities(iam.database, user(''))).toBe(before);
});
