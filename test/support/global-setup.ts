import { makeTemplate, startThrowawayPostgres } from './postgres';
import { atTeardown } from './global-teardown';

/** One Postgres a jest run: the one of DATABASE_URL when that is given, a throwaway one otherwise. */
export default async function setUp(): Promise<void> {
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
