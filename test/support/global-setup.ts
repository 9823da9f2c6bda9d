import { startAwsCli } from './aws-cli-server';
import { makeTemplate, startThrowawayPostgres } from './postgres';
import { atTeardown } from './global-teardown';
import { makeOriginal } from './initialised';
import { makeStartCache } from './start-cache';

/** What tests share: a Postgres, and in it and beside it what they have copies of. */
export default async function setUp(): Promise<void> {
  const aws = await startAwsCli();
  atTeardown(() => aws.stop());
  const cache = await makeStartCache();
  atTeardown(() => cache.remove());
  await setUpPostgres();
  const original = await makeOriginal();
  atTeardown(() => original.remove());
}

/** One Postgres a jest run: the one of DATABASE_URL when that is given, a throwaway one otherwise. */
async function setUpPostgres(): Promise<void> {
  const given = process.env['DATABASE_URL'];
  if (given !== undefined && given !== '') {
    const template = await makeTemplate(given);
    atTeardown(() => template.drop());
    return;
  }
  const postgres = await startThrowawayPostgres();
  atTeardown(() => postgres.remove());
  await makeTemplate(postgres.url);
}
