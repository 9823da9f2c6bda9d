import { HsmError, type Token } from '../../hsm';
import { type Database, DatabaseError, type Queryable, type Transaction } from '../../src/db';

/**
 * How the n-th call of a worker to its token or its database fails. Only the failure is made up: what is done by then is
 * done by the real token and the real database.
 */
export const faults = {
  'fails before it is done': { done: false, dies: false },
  'is done, and its answer is lost': { done: true, dies: false },
  'is the last that a killed worker came to': { done: false, dies: true },
  'is done, and its worker is killed': { done: true, dies: true },
} as const;

export type Fault = keyof typeof faults;

type Failure = () => Error;

/** Where a worker's calls to token and database pass, and where one of them fails. */
export class FaultPoint {
  private calls = 0;
  private failing: { readonly call: number; readonly fault: Fault } | undefined;
  private reached: string | undefined;
  private dead = false;

  /** From now on the n-th call fails. */
  arm(call: number, fault: Fault): void {
    this.calls = 0;
    this.reached = undefined;
    this.failing = { call, fault };
  }

  /** Nothing fails any more. What it was that failed; undefined when there were not so many calls. */
  disarm(): string | undefined {
    this.failing = undefined;
    this.dead = false;
    return this.reached;
  }

  async pass<T>(name: string, work: () => T | Promise<T>, failure: Failure): Promise<T> {
    if (this.dead) throw failure();
    if (this.failing === undefined) return work();
    this.calls += 1;
    if (this.calls !== this.failing.call) return work();
    const { done, dies } = faults[this.failing.fault];
    this.reached = name;
    this.dead = dies;
    if (done) await work();
    throw failure();
  }
}

const broken: Failure = () => new DatabaseError('unavailable', 'The connection broke');
const unknown: Failure = () =>
  new DatabaseError('unavailable', 'The outcome of a commit is unknown: the connection broke', {
    outcomeUnknown: true,
  });

export interface FaultyDatabase extends Database {
  /** As the server ends what a killed worker had begun. */
  abandon(): Promise<void>;
}

export function faultyDatabase(database: Database, point: FaultPoint): FaultyDatabase {
  const open = new Set<Transaction>();
  const alone = (queryable: Queryable): Queryable => ({
    query: (statement) => point.pass(nameOf(statement), () => queryable.query(statement), broken),
    execute: (statement) =>
      point.pass(nameOf(statement), () => queryable.execute(statement), broken),
  });
  return {
    ...alone(database),
    apart: alone(database.apart),
    workerId: database.workerId,
    check: () => database.check(),
    close: () => database.close(),
    begin: async () => {
      const begun = await point.pass(
        'begin',
        async () => {
          const transaction = await database.begin();
          open.add(transaction);
          return transaction;
        },
        broken,
      );
      return faultyTransaction(begun, point);
    },
    abandon: async () => {
      for (const transaction of open) await transaction.rollback();
      open.clear();
    },
  };
}

/** One whose connection broke is at its end. */
function faultyTransaction(transaction: Transaction, point: FaultPoint): Transaction {
  let lost = false;
  const pass = <T>(name: string, work: () => Promise<T>, failure: Failure): Promise<T> => {
    const losing = (): Error => {
      lost = true;
      return failure();
    };
    return lost ? Promise.reject(failure()) : point.pass(name, work, losing);
  };
  return {
    query: (statement) => pass(nameOf(statement), () => transaction.query(statement), broken),
    execute: (statement) => pass(nameOf(statement), () => transaction.execute(statement), broken),
    announce: (change) => transaction.announce(change),
    get announcements() {
      return transaction.announcements;
    },
    commit: () => pass('commit', () => transaction.commit(), unknown),
    rollback: () => transaction.rollback(),
  };
}

function nameOf({ name, text }: { readonly name?: string; readonly text: string }): string {
  return name ?? text.trim().slice(0, 40);
}

/** What is asked of a token without asking the device, or of no consequence to keys. */
const untouched = new Set([
  ...['status', 'counters', 'capabilities', 'generateRandom', 'evict', 'evictAll'],
  ...['recover', 'close', 'inspect'],
]);

export function faultyToken(token: Token, point: FaultPoint): Token {
  const away: Failure = () => new HsmError('token-unavailable', 'The token does not answer');
  return new Proxy(token, {
    get: (target, name: keyof Token) => {
      const member = target[name];
      if (typeof member !== 'function') return member;
      const method = (member as (...args: unknown[]) => unknown).bind(target);
      if (untouched.has(name)) return method;
      return (...args: unknown[]) => point.pass(name, () => method(...args), away);
    },
  });
}
