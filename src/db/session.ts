import type { PoolClient, QueryResult } from 'pg';
import { keepsConnection, normaliseError, type DatabaseError } from './errors';
import type { QueryReport, Statement } from './queryable';

export type OnQuery = (report: QueryReport) => void;

/** A borrowed connection. Every error is a DatabaseError, and decides whether the connection goes back to the pool. */
export class Session {
  private broken = false;

  constructor(
    private readonly client: PoolClient,
    private readonly onQuery: OnQuery | undefined,
  ) {}

  async run(statement: Statement): Promise<QueryResult<object>> {
    const start = performance.now();
    try {
      const result = await this.client.query<object>({
        text: statement.text,
        ...(statement.name === undefined ? {} : { name: statement.name }),
        ...(statement.values === undefined ? {} : { values: [...statement.values] }),
      });
      this.report(statement, start, 'ok');
      return result;
    } catch (thrown) {
      const error = normaliseError(thrown);
      if (!keepsConnection(error)) this.broken = true;
      this.report(statement, start, error.code);
      throw error;
    }
  }

  /** Gives the connection back, or closes it when it cannot be trusted any more. */
  release(): void {
    this.client.release(this.broken);
  }

  discard(): void {
    this.broken = true;
    this.release();
  }

  private report(statement: Statement, start: number, outcome: 'ok' | DatabaseError['code']): void {
    this.onQuery?.({ name: statement.name, milliseconds: performance.now() - start, outcome });
  }
}
