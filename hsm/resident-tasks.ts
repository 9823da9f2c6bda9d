import * as pkcs11 from 'pkcs11js';
import { classOf, keyRow } from './algorithms/key-rows';
import { readAttribute } from './calls';
import { idBytes, toBuffer, toThread } from './formats';
import { isOfKind, requireKindOf } from './key-kind';
import type { LaneDesk } from './lane-desk';
import type { MaterialKind } from './material-types';
import type { Handle } from './module';
import {
  cloneKey,
  type Desk,
  findKey,
  findKeys,
  hasId,
  type KeyClass,
  requireFound,
} from './objects';
import { TokenFault } from './return-values';

/** Where a resident key is, and whether it took a search. */
export interface Found {
  readonly key: Uint8Array | undefined;
  readonly searched: boolean;
}

function locate(
  desk: Desk,
  { id, known }: { id: string; known: Uint8Array | undefined },
  keyClass: KeyClass,
): { found: Handle | undefined; searched: boolean } {
  const wanted = idBytes(id);
  const hint = known && toBuffer(known);
  if (hint !== undefined && unlessStale(() => hasId(desk, hint, wanted, keyClass)) === true) {
    return { found: hint, searched: false };
  }
  return { found: findKey(desk, wanted, keyClass), searched: true };
}

/** CKA_IDs in hex of the objects whose handles stand one after the other; empty for one that is gone by now. */
export function readIds(desk: Desk, handles: Buffer, size: number): string[] {
  const ids: string[] = [];
  for (let at = 0; at < handles.length; at += size) {
    const object = handles.subarray(at, at + size);
    ids.push(unlessStale(() => readAttribute(desk, object, pkcs11.CKA_ID).toString('hex')) ?? '');
  }
  return ids;
}

/** Undefined where the object is gone. */
function unlessStale<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof TokenFault && error.meaning.stale === true) return undefined;
    throw error;
  }
}

/** What lanes do to find resident keys. */
export const residentTasks = {
  /**
   * The clone is made in the owner session: it must outlive this lane's. `known`: where the key was. An object of the
   * id that is of another kind is never used.
   */
  resolve: (
    lane: LaneDesk,
    args: { id: string; kind: MaterialKind; clone: boolean; known: Uint8Array | undefined },
  ) =>
    lane.withSession((desk) => {
      const row = keyRow(args.kind);
      const assertHealthy = (): void => lane.assertHealthy();
      const { found, searched } = locate(desk, args, classOf(row));
      const key = requireFound(found, assertHealthy);
      requireKindOf(desk, key, row);
      const owner = { ...desk, session: lane.owner() };
      const isKind = (copy: Handle): boolean => isOfKind(owner, copy, row);
      const clone = args.clone ? cloneKey(owner, key, { isKind, assertHealthy }) : undefined;
      const object = toThread(clone ?? key);
      return { object, own: clone !== undefined, key: toThread(key), searched };
    }),

  findKey: (lane: LaneDesk, args: { id: string; known: Uint8Array | undefined }): Found =>
    lane.withSession((desk) => {
      const { found, searched } = locate(desk, args, 'secret');
      // An empty search is what a vanished token answers as well.
      if (found === undefined) lane.assertHealthy();
      return { key: found && toThread(found), searched };
    }),

  /** Of all resident keys of the class, one after the other; each is `size` bytes long. */
  listHandles: (lane: LaneDesk, { keyClass }: { keyClass: KeyClass }) => {
    const found = lane.withSession((desk) => findKeys(desk, keyClass));
    return { handles: toThread(Buffer.concat(found)), size: found[0]?.length ?? 1 };
  },

  readIds: (lane: LaneDesk, args: { handles: Uint8Array; size: number }) =>
    lane.withSession((desk) => readIds(desk, toBuffer(args.handles), args.size)),
} as const;
