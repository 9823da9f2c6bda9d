import { isNativeError } from 'node:util/types';
import { DatabaseError as ServerError } from 'pg';

/**
 * - `unavailable`: no connection, or it broke; during a commit `outcomeUnknown` is set.
 * - `timeout`: the statement or a lock took too long; outside of a commit nothing was done.
 * - `unique-violation`: a row with that key exists; `constraint` says which.
 * - `serialization`: deadlock or serialization failure; the same transaction may succeed when tried again.
 * - `failed`: anything else, a fault of ours.
 */
export type DatabaseErrorCode =
  'unavailable' | 'timeout' | 'unique-violation' | 'serialization' | 'failed';

/**
 * The one error of src/db. Its message has no value of any row or parameter: Postgres quotes those in its own
 * messages for some SQLSTATEs, so these are left out and no driver error is kept as the cause.
 */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  /** The violated constraint, where there is one. */
  readonly constraint: string | undefined;
  /** Five characters, when the server answered; undefined when it did not. */
  readonly sqlState: string | undefined;
  /** A commit was sent and its answer never came: it may have happened. Always false for anything else. */
  readonly outcomeUnknown: boolean;

  constructor(
    readonly code: DatabaseErrorCode,
    message: string,
    details: {
      readonly sqlState?: string | undefined;
      readonly constraint?: string | undefined;
      readonly outcomeUnknown?: boolean;
    } = {},
  ) {
    super(message);
    this.constraint = details.constraint;
    this.sqlState = details.sqlState;
    this.outcomeUnknown = details.outcomeUnknown ?? false;
  }
}

/** SQLSTATEs, or the classes that are their first two characters, and what they mean to a caller (Postgres, appendix A). */
const meanings: Readonly<Record<string, DatabaseErrorCode>> = {
  '08': 'unavailable',
  '23505': 'unique-violation',
  // A standby after a failover: the address now leads to a server that cannot write.
  '25006': 'unavailable',
  '25P03': 'timeout',
  '28': 'unavailable',
  '3D': 'unavailable',
  '40001': 'serialization',
  '40P01': 'serialization',
  '53': 'unavailable',
  '55P03': 'timeout',
  '57': 'unavailable',
  '57014': 'timeout',
  '58': 'unavailable',
};

/** Classes whose messages quote names and settings only, never a value. */
const quotable = new Set(['08', '28', '3D', '42', '53', '57']);

/** SQLSTATEs after which a connection is as good as before: the statement was at fault, not the session. */
const harmless = new Set(['22', '23', '40', '55', '42']);

/** Makes a DatabaseError of whatever the driver threw. */
export function normaliseError(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  if (error instanceof ServerError) return fromServer(error);
  // Errors of node's own are of another realm under jest, where instanceof does not know them.
  const { name, message } = isNativeError(error) ? error : { name: 'Error', message: 'unknown' };
  if (name === 'TypeError' || name === 'RangeError') {
    return new DatabaseError('failed', 'A statement could not be sent');
  }
  return message === 'Query read timeout'
    ? new DatabaseError('timeout', 'The database did not answer in time')
    : new DatabaseError('unavailable', `The database cannot be reached: ${message}`);
}

/** Whether the connection that the error came from may be used again. */
export function keepsConnection(error: DatabaseError): boolean {
  if (error.sqlState === undefined) return false;
  return error.sqlState === '57014' || harmless.has(error.sqlState.slice(0, 2));
}

function fromServer(error: ServerError): DatabaseError {
  const sqlState = error.code ?? 'XX000';
  const group = sqlState.slice(0, 2);
  const said = quotable.has(group) && sqlState !== '42601' ? `: ${error.message}` : '';
  const where = error.constraint === undefined ? '' : `, constraint ${error.constraint}`;
  return new DatabaseError(
    meanings[sqlState] ?? meanings[group] ?? 'failed',
    `The database refused (SQLSTATE ${sqlState}${where})${said}`,
    { sqlState, constraint: error.constraint },
  );
}
