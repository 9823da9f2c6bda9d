export { BatchedCalls, type BatchedCallsOptions } from './batched-calls';
export { BatchedWrites, type BatchedWritesOptions } from './batched-writes';
export { FeedCache, type FeedCacheOptions } from './cache';
export { openChangeFeed, type ChangeFeed, type FeedEvent, type FeedOptions } from './changes';
export { readClock } from './clock';
export { openDatabase, type DatabaseOptions } from './database';
export { DatabaseError, type DatabaseErrorCode } from './errors';
export { countWorkers } from './leases';
export { migrate, MigrationError } from './migrate';
export {
  inTransaction,
  type Announcement,
  type Change,
  type Database,
  type Queryable,
  type QueryReport,
  type Statement,
  type Transaction,
} from './queryable';
