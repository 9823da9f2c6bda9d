import type { Change, Queryable, Transaction } from '../db';
import { KmsError } from '../errors';

/** A request that its client has named, so that it can repeat it. The name is the caller's, for that operation alone. */
export interface NamedRequest {
  readonly callerId: string;
  readonly operation: string;
  readonly idempotencyKey: string;
  readonly inputHash: Buffer;
}

/** What is kept of a request that was done. */
export interface KeptRequest {
  readonly requestId: string;
  /** As AWS writes it; empty of an operation without an output. */
  readonly answer: string;
  /** What the change told the workers. */
  readonly announced: readonly Change[];
}

/** A client that repeats its request later than this does it anew. */
const keptFor = '24 hours';

interface Row {
  readonly request_id: string;
  readonly input_hash: Buffer;
  readonly answer: string;
  readonly announced: readonly Change[];
}

const byName = 'caller_id = $1::text and operation = $2::text and idempotency_key = $3::text';

/**
 * What was done under that name; undefined when nothing was, or too long ago. Throws IdempotentParameterMismatchException
 * when it was something else.
 */
export async function findKept(
  db: Queryable,
  named: NamedRequest,
): Promise<KeptRequest | undefined> {
  const [row] = await db.query<Row>({
    name: 'idempotent-request-find',
    text: `
      select request_id, input_hash, answer, announced from idempotent_request
      where ${byName} and expires_at > now()`,
    values: nameOf(named),
  });
  if (row === undefined) return undefined;
  if (!row.input_hash.equals(named.inputHash)) {
    throw new KmsError(
      'IdempotentParameterMismatchException',
      'The same Idempotency-Key was given with another request, whose parameters differ from those of this one.',
    );
  }
  const { request_id: requestId, answer, announced } = row;
  return { requestId, answer, announced };
}

/**
 * Takes the name for the request whose transaction this is: undefined. Or else gives what was done under it. Where another
 * transaction has the name, and has not ended, this waits for its end, as long as a statement may take: when that one fails,
 * or its worker is killed, the name is this one's. Throws as `findKept`.
 */
export async function claimName(
  transaction: Transaction,
  named: NamedRequest,
  requestId: string,
): Promise<KeptRequest | undefined> {
  const claimed = await transaction.execute({
    name: 'idempotent-request-claim',
    text: `
      insert into idempotent_request as kept
        (caller_id, operation, idempotency_key, request_id, input_hash, expires_at)
      values ($1::text, $2::text, $3::text, $4::uuid, $5::bytea, now() + interval '${keptFor}')
      on conflict (caller_id, operation, idempotency_key) do update set
        request_id = excluded.request_id, input_hash = excluded.input_hash, answer = null,
        announced = default, expires_at = excluded.expires_at
      where kept.expires_at <= now()`,
    values: [...nameOf(named), requestId, named.inputHash],
  });
  // Locked by the statement above: nobody takes it away.
  return claimed === 1 ? undefined : findKept(transaction, named);
}

/** Keeps what the request did: it commits with the change. */
export async function keepRequest(
  transaction: Transaction,
  named: NamedRequest,
  answer: string,
): Promise<void> {
  const announced = transaction.announcements.map(({ topic, id }) => ({ topic, id }));
  await transaction.execute({
    name: 'idempotent-request-keep',
    text: `update idempotent_request set answer = $4::text, announced = $5::jsonb where ${byName}`,
    values: [...nameOf(named), answer, JSON.stringify(announced)],
  });
}

/** Removes up to so many rows that nobody may repeat any more; how many it were. Those that others lock are left to them. */
export async function forgetRequests(
  db: Queryable,
  { atMost, clockOffsetSeconds }: { readonly atMost: number; readonly clockOffsetSeconds: number },
): Promise<number> {
  return db.execute({
    name: 'idempotent-request-forget',
    text: `
      delete from idempotent_request where (caller_id, operation, idempotency_key) in (
        select caller_id, operation, idempotency_key from idempotent_request
        where expires_at <= now() + make_interval(secs => $1::float8)
        order by expires_at limit $2::int for update skip locked)`,
    values: [clockOffsetSeconds, atMost],
  });
}

function nameOf({ callerId, operation, idempotencyKey }: NamedRequest): string[] {
  return [callerId, operation, idempotencyKey];
}
