import { type KmsError, refusedMember } from '../errors';

interface Page<T> {
  readonly items: readonly T[];
  readonly truncated: boolean;
  readonly nextMarker: string | undefined;
}

interface Listing<T> {
  /** What the marker is bound to: the operation, the account and every filter. */
  readonly scope: string;
  readonly marker: string | undefined;
  readonly limit: number;
  /** Fetches up to `limit` items after the given position, in order. `''` is the beginning. */
  readonly fetch: (after: string, limit: number) => Promise<readonly T[]>;
  readonly position: (item: T) => string;
  /** The refusal of a marker that this listing did not give out; default InvalidMarkerException. */
  readonly invalidMarker?: KmsError;
}

/** Keyset pagination with an opaque marker (kms-semantics §14). Throws InvalidMarkerException, or what the listing says. */
export async function paginate<T>(listing: Listing<T>): Promise<Page<T>> {
  const after = listing.marker === undefined ? '' : readMarker(listing.marker, listing);
  const found = await listing.fetch(after, listing.limit + 1);
  const items = found.slice(0, listing.limit);
  const last = items.at(-1);
  const truncated = found.length > listing.limit && last !== undefined;
  return {
    items,
    truncated,
    nextMarker: truncated ? writeMarker(listing.position(last), listing.scope) : undefined,
  };
}

/** The page size of a request: the operation's own maximum caps what the shape lets through (kms-semantics §14). */
export function pageSize(
  requested: number | undefined,
  size: { readonly fallback: number; readonly max: number },
): number {
  return Math.min(requested ?? size.fallback, size.max);
}

function writeMarker(after: string, scope: string): string {
  return Buffer.from(JSON.stringify([scope, after])).toString('base64');
}

function readMarker<T>(marker: string, { scope, invalidMarker }: Listing<T>): string {
  const [markedScope, after] = decode(marker);
  // Markers are not signed: what the caller put into one must still be text that Postgres can compare.
  if (markedScope !== scope || typeof after !== 'string' || after.includes('\0')) {
    throw invalidMarker ?? strangeMarker();
  }
  return after;
}

/** A position that is a number. Markers are not signed, and only a number that Postgres can compare is a place. */
export function placeOf(after: string): number {
  if (!/^[0-9]{1,9}$/.test(after)) throw strangeMarker();
  return Number(after);
}

/** The refusal of a marker that no listing of KMS gave out. */
function strangeMarker(): KmsError {
  return refusedMember('InvalidMarkerException', 'Marker', '', 'must be of this list');
}

function decode(marker: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(marker, 'base64').toString('utf8'));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
