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
