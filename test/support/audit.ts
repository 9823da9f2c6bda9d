import type { Answer } from './load';
import { administer } from './postgres';

/** The requestIDs of the audit records of a database. */
export async function recordedRequests(databaseUrl: string): Promise<Set<string>> {
  const rows = await administer<{ id: string }>(
    databaseUrl,
    `select record::json ->> 'requestID' as id from audit_record`,
  );
  return new Set(rows.map(({ id }) => id));
}

/**
 * Answers that have no audit record, though they should. An answer of 500 may say that the record could not be written.
 */
export async function unrecorded(
  databaseUrl: string,
  answers: readonly Answer[],
): Promise<Answer[]> {
  const recorded = await recordedRequests(databaseUrl);
  return answers.filter(
    ({ status, requestId }) =>
      status !== undefined && status < 500 && !recorded.has(requestId ?? 'none'),
  );
}

/** The audit records of that event, oldest first. */
export async function eventsNamed(
  { databaseUrl }: { readonly databaseUrl: string },
  eventName: string,
): Promise<Record<string, unknown>[]> {
  const rows = await administer<{ record: string }>(
    databaseUrl,
    `select record from audit_record where record::json ->> 'eventName' = $1 order by recorded_at, seq`,
    [eventName],
  );
  return rows.map(({ record }) => JSON.parse(record) as Record<string, unknown>);
}
