import type { Database, Transaction } from './db';
import { outcomeUnknown } from './failures';

/** Takes back what was made in the token. */
export type UndoStep = () => Promise<void>;

interface Parts {
  readonly database: Database;
  /** Something could not be undone, and is left in the token without use. */
  readonly onLeftover: (error: unknown) => void;
}

/**
 * Runs work that changes the database and the token, and commits by itself. What it did in the token is undone when it
 * throws, after the rollback: but not when nobody knows whether it was committed, as what it stands on must stay then.
 */
export async function undoneOnFailure<T>(
  { database, onLeftover }: Parts,
  work: (transaction: Transaction, undo: (step: UndoStep) => void) => Promise<T>,
): Promise<T> {
  const transaction = await database.begin();
  const steps: UndoStep[] = [];
  try {
    return await work(transaction, (step) => void steps.push(step));
  } catch (thrown) {
    await transaction.rollback();
    if (!outcomeUnknown(thrown)) {
      for (const step of steps) await step().catch(onLeftover);
    }
    throw thrown;
  } finally {
    // Of work that had nothing to change; after a commit or rollback it does nothing.
    await transaction.rollback();
  }
}
