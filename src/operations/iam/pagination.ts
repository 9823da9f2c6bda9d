import { createHash } from 'node:crypto';
import { KmsError } from '../../errors';
import { pageSize, paginate } from '../pagination';

/** The members of every List operation of IAM. */
interface PageInput {
  readonly Marker?: string;
  readonly MaxItems?: number;
}

interface IamListing<T> {
  readonly operation: string;
  readonly accountId: string;
  /** Filters, and the entity whose parts are listed: a marker is good for the same ones only. */
  readonly filters?: readonly (string | undefined)[];
  /** Fetches up to `limit` items after the given position, in order. `''` is the beginning. */
  readonly fetch: (after: string, limit: number) => Promise<readonly T[]>;
  /** At most 180 ASCII characters: IAM's markers have a length of at most 320. */
  readonly position: (item: T) => string;
}

export interface IamPage<T> {
  readonly items: readonly T[];
  /** Members of the answer. */
  readonly end: { readonly IsTruncated: boolean; readonly Marker?: string };
}

/** A page of a List operation of IAM. Throws ValidationException for a marker of another listing. */
export async function listPage<T>(
  input: PageInput,
  { operation, accountId, filters = [], fetch, position }: IamListing<T>,
): Promise<IamPage<T>> {
  const page = await paginate({
    scope: digest([operation, accountId, ...filters]),
    marker: input.Marker,
    limit: pageSize(input.MaxItems, { fallback: 100, max: 1000 }),
    fetch,
    position,
    invalidMarker: new KmsError('ValidationException', 'Invalid Marker.'),
  });
  return {
    items: page.items,
    end: {
      IsTruncated: page.truncated,
      ...(page.nextMarker === undefined ? {} : { Marker: page.nextMarker }),
    },
  };
}

/** A list that is read as a whole, because it is short: markers count its items. */
export function wholeList<T>(items: readonly T[]): {
  readonly fetch: (after: string, limit: number) => Promise<readonly (readonly [number, T])[]>;
  readonly position: (item: readonly [number, T]) => string;
} {
  return {
    fetch: (after, limit) => {
      const from = Number.parseInt(after, 10) || 0;
      const numbered = items.map((item, index) => [index + 1, item] as const);
      return Promise.resolve(numbered.slice(from, from + limit));
    },
    position: ([number]) => String(number),
  };
}

/** Filters may be longer than a marker. */
function digest(parts: readonly (string | undefined)[]): string {
  const text = JSON.stringify(parts.map((part) => part ?? null));
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
