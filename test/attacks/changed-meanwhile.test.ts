import {
  DeleteUserCommand,
  DeleteUserPolicyCommand,
  GetUserCommand,
  PutUserPolicyCommand,
  TagUserCommand,
  UpdateUserCommand,
} from '@aws-sdk/client-iam';
import type { Database, Transaction } from '../../src/db';
import { openDatabase } from '../../src/db';
import { lockAccount } from '../../src/iam/entities';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeAccessKey, makeIamUser } from '../support/iam-client';
import { administer } from '../support/postgres';
import { until } from '../support/until';

let daemon: TestDaemon;
let database: Database;
const root = () => iamClient(daemon);

beforeAll(async () => {
  daemon = await startDaemon();
  const limits = { poolSize: 2, statementTimeoutMs: 5000, connectTimeoutMs: 5000 };
  database = openDatabase({ url: daemon.databaseUrl, ...limits });
});
afterAll(async () => {
  await database.close();
  await daemon.remove();
});

/** A user with one inline policy, as a client. */
async function userWith(name: string, ...Statement: readonly object[]) {
  await makeIamUser(root(), name);
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await root().send(
    new PutUserPolicyCommand({ UserName: name, PolicyName: 'own', PolicyDocument }),
  );
  return iamClient(daemon, await makeAccessKey(root(), name));
}

/** Sends a request while a change of the account has begun, and lets that commit once the request waits for it. */
async function during<T>(
  change: (transaction: Transaction) => Promise<unknown>,
  request: () => Promise<T>,
): Promise<T> {
  const transaction = await database.begin();
  await lockAccount(transaction, daemon.accountId);
  await change(transaction);
  const sent = request();
  sent.catch(() => undefined);
  await until('the request waits for a lock', async () => {
    const waiting = await administer(
      daemon.databaseUrl,
      `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return waiting.length > 0;
  });
  await transaction.commit();
  return sent;
}

const arn = (path: string) => `arn:aws:iam::${daemon.accountId}:user${path}`;

test('who may delete what is below one path does not delete what was moved to another meanwhile', async () => {
  const cleaner = await userWith('cleaner', {
    Effect: 'Allow',
    Action: 'iam:DeleteUser',
    Resource: arn('/temporary/*'),
  });
  await makeIamUser(root(), 'worker');
  await root().send(new UpdateUserCommand({ UserName: 'worker', NewPath: '/temporary/' }));
  const move = (transaction: Transaction) =>
    transaction.execute({
      text: `update principal set path = '/production/', arn = $1::text where name = 'worker'`,
      values: [arn('/production/worker')],
    });
  const deleting = during(move, () => cleaner.send(new DeleteUserCommand({ UserName: 'worker' })));
  expect(await iamRefusal(deleting)).toEqual({
    code: 'AccessDenied',
    message: `User: ${arn('/cleaner')} is not authorized to perform: iam:DeleteUser on resource: ${arn('/production/worker')} because no identity-based policy allows the iam:DeleteUser action`,
    status: 403,
  });
  const { User } = await root().send(new GetUserCommand({ UserName: 'worker' }));
  expect(User?.Arn).toBe(arn('/production/worker'));
});

test('who may change what has one tag does not change what lost it meanwhile', async () => {
  const tagger = await userWith('tagger', {
    Effect: 'Allow',
    Action: 'iam:TagUser',
    Resource: '*',
    Condition: { StringEquals: { 'aws:ResourceTag/free': 'yes' } },
  });
  const { UserId } = await makeIamUser(root(), 'tagged');
  await root().send(
    new TagUserCommand({ UserName: 'tagged', Tags: [{ Key: 'free', Value: 'yes' }] }),
  );
  const take = (transaction: Transaction) =>
    transaction.execute({
      text: 'delete from iam_tag where resource_id = $1::text',
      values: [UserId],
    });
  const tagging = during(take, () =>
    tagger.send(new TagUserCommand({ UserName: 'tagged', Tags: [{ Key: 'mine', Value: '' }] })),
  );
  expect(await iamRefusal(tagging)).toMatchObject({ code: 'AccessDenied', status: 403 });
});

test('a change that waited is refused when its caller lost the permission meanwhile', async () => {
  const admin = await userWith('admin', { Effect: 'Allow', Action: 'iam:*', Resource: '*' });
  const { User } = await root().send(new GetUserCommand({ UserName: 'admin' }));
  const UserId = User?.UserId ?? '';
  const revoke = async (transaction: Transaction) => {
    await transaction.execute({
      text: 'delete from inline_policy where owner_id = $1::text',
      values: [UserId],
    });
    transaction.announce({ topic: 'principal', id: UserId });
  };
  const returning = during(revoke, () =>
    admin.send(
      new PutUserPolicyCommand({
        UserName: 'admin',
        PolicyName: 'own',
        PolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: { Effect: 'Allow', Action: '*', Resource: '*' },
        }),
      }),
    ),
  );
  expect(await iamRefusal(returning)).toMatchObject({ code: 'AccessDenied', status: 403 });
  expect(
    await iamRefusal(
      root().send(new DeleteUserPolicyCommand({ UserName: 'admin', PolicyName: 'own' })),
    ),
  ).toMatchObject({ code: 'NoSuchEntity' });
});
