import { insertApiToken } from '../../src/auth/api-token-rows';
import { deleteExpiredApiToken } from '../../src/jobs/delete-api-token';
import { JobTimer } from '../../src/jobs/timer';
import { type IamDatabase, openIamDatabase } from '../support/iam';
import { accountId } from '../support/sample-keys';

const day = 86_400;
let site: IamDatabase;
beforeAll(async () => {
  site = await openIamDatabase(accountId);
});
afterAll(() => site.remove());

async function make(tokenId: string, expiresInDays: number): Promise<void> {
  const at = (days: number): Date => new Date(Date.now() + days * day * 1000);
  await insertApiToken(site.database, {
    ...{ tokenId, hash: Buffer.alloc(32), accountId, principalId: accountId, callerId: accountId },
    ...{ name: undefined, policy: undefined, session: undefined },
    ...{ createdAt: at(expiresInDays - 30), expiresAt: at(expiresInDays) },
  });
}

async function left(): Promise<string[]> {
  const text = 'select token_id as id from api_token order by token_id';
  return (await site.database.query<{ id: string }>({ text })).map(({ id }) => id);
}

async function work(clockOffsetSeconds = 0): Promise<void> {
  const timer = new JobTimer({
    ...{ db: site.database, jobs: [deleteExpiredApiToken(site.database)], intervalMs: 60_000 },
    ...{ clockOffsetSeconds, onEvent: () => undefined },
  });
  await timer.look();
  await timer.close();
}

test('An API token that expired is listed for seven days, and then is deleted', async () => {
  await make('ATKNEXPIREDLONGAGO22', -8);
  await make('ATKNEXPIREDLATELY222', -6);
  await make('ATKNINUSE22222222222', 5);
  await work();
  expect(await left()).toEqual(['ATKNEXPIREDLATELY222', 'ATKNINUSE22222222222']);
  await work(2 * day);
  expect(await left()).toEqual(['ATKNINUSE22222222222']);
});

test('One that is not due is left, whoever says that it is', async () => {
  const job = deleteExpiredApiToken(site.database);
  const task = { subject: 'ATKNINUSE22222222222', clockOffsetSeconds: 0 };
  expect(await job.run(task)).toBe(false);
  expect(await left()).toEqual(['ATKNINUSE22222222222']);
});
