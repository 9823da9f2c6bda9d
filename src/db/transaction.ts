import { DatabaseError, normaliseError } from './errors';
import type { Announcement, Change, Statement, Transaction } from './queryable';
import type { Session } from './session';

/** Channel of announcements: `<number> <topic> <id>`. */
export const changeChannel = 'claviger_change';

/** With number and topic well below the 8000 bytes that a notification may have (Postgres, NOTIFY). */
const maxIdBytes = 512;

/** A transaction that has begun on the session. */
export class SessionTransaction implements Transaction {
  readonly announcements: Announcement[] = [];
  private session: Session | undefined;

  constructor(
    session: Session,
    private readonly nextNumber: () => string,
  ) {
    this.session = session;
  }

  async query<R extends object>(statement: Statement): Promise<R[]> {
    const { rows } = await this.open().run(statement);
    return rows as R[];
  }

  async execute(statement: Statement): Promise<number> {
    const { rowCount } = await this.open().run(statement);
    return rowCount ?? 0;
  }

  announce(change: Change): void {
    this.open();
    if (Buffer.byteLength(change.id) > maxIdBytes) {
      throw new DatabaseError('failed', `The id of a change is longer than ${maxIdBytes} bytes`);
    }
    this.announcements.push({ ...change, number: this.nextNumber() });
  }

  async commit(): Promise<void> {
    const session = this.open();
    for (const { number, topic, id } of this.announcements) {
      await session.run({
        name: 'announce',
        text: 'select pg_notify($1, $2)',
        values: [changeChannel, `${number} ${topic} ${id}`],
      });
    }
    this.session = undefined;
    await this.end(session);
  }

  async rollback(): Promise<void> {
    const session = this.session;
    if (session === undefined) return;
    this.session = undefined;
    try {
      await session.run({ name: 'rollback', text: 'rollback' });
      session.release();
    } catch {
      // The server rolls back what a closed connection leaves behind: closing it is the rollback.
      session.discard();
    }
  }

  private async end(session: Session): Promise<void> {
    try {
      const { command } = await session.run({ name: 'commit', text: 'commit' });
      // Postgres answers the commit of a failed transaction with a rollback and no error.
      if (command !== 'COMMIT')
        throw new DatabaseError('failed', 'A failed transaction was committed');
    } catch (thrown) {
      const error = normaliseError(thrown);
      if (answered(error)) throw error;
      throw new DatabaseError(
        'unavailable',
        'The outcome of a commit is unknown: the connection broke',
        {
          outcomeUnknown: true,
        },
      );
    } finally {
      session.release();
    }
  }

  private open(): Session {
    if (this.session === undefined) throw new DatabaseError('failed', 'The transaction has ended');
    return this.session;
  }
}

/** A server that shuts down (class 57) may do so after it has committed. */
function answered(error: DatabaseError): boolean {
  if (error.code === 'failed') return true;
  return error.sqlState !== undefined && error.code !== 'unavailable';
}
