import { timingSafeEqual } from 'node:crypto';
import type { Awaitable } from '../awaitable';
import { BatchedCalls, type FeedCache, type Queryable } from '../db';
import type { Policy } from '../policy/policy';
import { type Principal, type Session, roleSessionArn } from '../policy/principal';
import { type PresentedToken, parseApiToken } from './api-token';
import { type ApiTokenFacts, type ApiTokenRow, readApiTokens } from './api-token-rows';
import { type WrittenSession, readSession } from './session-json';
import { refusal } from './sigv4-errors';

/** What a worker knows of an API token. */
export interface KnownApiToken {
  readonly hash: Buffer;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Id under which the database has the principal: what becomes of that drops the token. */
  readonly principalId: string;
  readonly caller: Principal;
}

interface Parts {
  readonly db: Queryable;
  readonly cache: FeedCache<KnownApiToken>;
  /** Compiles its policies; throws PolicyError for what is none. */
  readonly compile: (text: string) => Policy;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told why a token was refused, which its sender is not. */
  readonly onRefused: (reason: unknown) => void;
}

/** Ids in one statement. */
const batchSize = 100;

/** What the secret of a token is compared with that does not exist. */
const nobodys = Buffer.alloc(32);

/**
 * The holders of API tokens. An id that a worker does not know it asks the database for, with all others of the moment in one
 * statement, and never more than one at a time: whoever makes ids up occupies one connection.
 */
export class ApiTokens {
  private readonly reads: BatchedCalls<undefined, KnownApiToken>;

  constructor(private readonly parts: Parts) {
    this.reads = new BatchedCalls({
      batchSize,
      run: async (batch) => this.known(await readApiTokens(parts.db, [...batch.keys()])),
    });
  }

  /**
   * Throws ExpiredToken to who has the secret of a token that has expired, and UnrecognizedClientException for all else
   * that is wrong with one.
   */
  find(text: string): Awaitable<Principal> {
    const presented = parseApiToken(text);
    if (presented === undefined) return this.refuse('An API token is malformed');
    const { tokenId } = presented;
    const { cache } = this.parts;
    if (cache.lacks(tokenId)) return this.accept(presented, undefined);
    const known = cache.get(tokenId);
    if (known !== undefined) return this.accept(presented, known);
    return cache
      .load(tokenId, () => this.reads.call(tokenId, undefined))
      .then((loaded) => this.accept(presented, loaded));
  }

  private accept({ tokenId, hash }: PresentedToken, known: KnownApiToken | undefined): Principal {
    const same = timingSafeEqual(hash, known?.hash ?? nobodys);
    if (known === undefined) return this.refuse(`There is no API token ${tokenId}`);
    if (!same) return this.refuse(`The secret of API token ${tokenId} is wrong`);
    if (known.expiresAt <= this.parts.now()) throw refusal('expiredToken');
    return known.caller;
  }

  private refuse(reason: string): never {
    this.parts.onRefused(new Error(reason));
    throw refusal('unknownClient');
  }

  private known(rows: readonly ApiTokenRow[]): ReadonlyMap<string, KnownApiToken> {
    const known = new Map<string, KnownApiToken>();
    for (const row of rows) {
      const caller = this.callerOf(row);
      if (caller === undefined) continue;
      const { tokenId, hash, principalId } = row;
      known.set(tokenId, { hash, expiresAt: row.expiresAt.getTime(), principalId, caller });
    }
    return known;
  }

  /**
   * Undefined for what cannot be read, as a policy that an older version took and this one does not: nothing may be
   * allowed by what is left, and no other token of the batch be refused for it.
   */
  private callerOf(row: ApiTokenRow): Principal | undefined {
    try {
      return callerOf(row, this.parts.compile);
    } catch (thrown) {
      this.parts.onRefused(thrown);
      return undefined;
    }
  }
}

/** Who shows the token: its principal as it is now, with the session that it was made in. */
function callerOf(row: ApiTokenRow, compile: (text: string) => Policy): Principal {
  const { owner, accountId, callerId, tokenId, policy } = row;
  const session = sessionOf(row, compile);
  const { role } = session;
  if ((owner.kind === 'role') !== (role !== undefined)) {
    throw new Error(`API token ${tokenId} does not have the session that its principal needs`);
  }
  return {
    kind: owner.kind === 'role' ? 'assumed-role' : owner.kind,
    accountId,
    arn: apiTokenHolder(row),
    principalId: callerId,
    userName: owner.kind === 'user' ? owner.name : undefined,
    accessKeyId: undefined,
    session,
    apiToken: { tokenId, ...(policy !== undefined && { policy: compile(policy) }) },
  };
}

/** It ends when the token does. What was made without a session begins one, as GetSessionToken does. */
function sessionOf(
  { session, createdAt, expiresAt }: ApiTokenFacts,
  compile: (text: string) => Policy,
): Session {
  if (session === undefined) {
    const none = { policies: [], tags: {}, transitiveTagKeys: [] };
    return { issuedAt: createdAt, expiresAt, ...none };
  }
  return { ...readSession(JSON.parse(session) as WrittenSession, compile), expiresAt };
}

/** ARN of who holds the token: of a role the session's, of a service its name. */
export function apiTokenHolder({ owner, session }: ApiTokenFacts): string {
  const { role } = session === undefined ? {} : (JSON.parse(session) as Partial<WrittenSession>);
  return owner.kind === 'role' && role !== undefined ? roleSessionArn(role) : owner.arn;
}
