import * as pkcs11 from 'pkcs11js';
import { keyRow } from './algorithms/key-rows';
import { durably } from './durable';
import { HsmError } from './errors';
import { idBytes, toBuffer, toThread } from './formats';
import type { LaneDesk } from './lane-desk';
import type { MaterialKind } from './material-types';
import type { Handle } from './module';
import { type Desk, destroyKeys, findKey, hasId, readFlags, requireFound } from './objects';
import { staleObject } from './return-values';
import { generateWrappingKey } from './generate/wrapping-key';
import { rewrapMaterial, unwrapMaterial, type Wrapper } from './wrap';

/** A wrapping key as the main thread found it. */
export interface WrapperRef {
  readonly id: string;
  readonly mechanism: number;
  readonly key: Uint8Array;
}

/**
 * The handle once more believed: after the key was destroyed, a token may give its number to another key, and what that
 * wrapped could never be unwrapped again. When it unwraps, key wrap's own integrity check says so.
 */
export function wrapperOf(desk: Desk, ref: WrapperRef): Wrapper {
  const key = toBuffer(ref.key);
  if (hasId(desk, key, idBytes(ref.id))) return { mechanism: ref.mechanism, key };
  throw staleObject('key-not-found', `C_GetAttributeValue: no wrapping key ${ref.id}`);
}

function requireWrapping(desk: Desk, key: Handle, id: string): Handle {
  const needed = [pkcs11.CKA_WRAP, pkcs11.CKA_UNWRAP, pkcs11.CKA_SENSITIVE];
  if (readFlags(desk, key, needed).every(Boolean)) return key;
  throw new HsmError('key-not-found', `C_GetAttributeValue: key ${id} is not a wrapping key`);
}

export interface NewWrappingKey {
  readonly id: string;
  readonly label: string;
  readonly modifiable: boolean;
  readonly exportable: boolean;
  readonly mechanism: number;
  readonly ivSource: 'random' | 'token';
  readonly durableDirectory: string | undefined;
}

/** What lanes do with wrapped material and wrapping keys. */
export const wrappingTasks = {
  findWrappingKey: (lane: LaneDesk, args: { id: string }) =>
    lane.withSession((desk) => {
      const found = findKey(desk, idBytes(args.id));
      const key = requireFound(found, () => lane.assertHealthy(), `wrapping key ${args.id}`);
      return toThread(requireWrapping(desk, key, args.id));
    }),

  /** In the owner session: the object must outlive this lane's. */
  unwrap: (
    lane: LaneDesk,
    args: { id: string; blob: Uint8Array; kind: MaterialKind; wrapper: WrapperRef },
  ) => {
    const { mechanism, key } = args.wrapper;
    const desk = { library: lane.library, session: lane.owner() };
    const material = {
      id: idBytes(args.id),
      blob: toBuffer(args.blob),
      row: keyRow(args.kind),
    };
    return toThread(unwrapMaterial(desk, { mechanism, key: toBuffer(key) }, material));
  },

  rewrap: (
    lane: LaneDesk,
    args: { blob: Uint8Array; kind: MaterialKind; from: WrapperRef; to: WrapperRef },
  ) =>
    lane.withSession((desk) => {
      const wrappers = { from: wrapperOf(desk, args.from), to: wrapperOf(desk, args.to) };
      const material = { blob: toBuffer(args.blob), kind: args.kind };
      return toThread(rewrapMaterial(desk, material, wrappers));
    }),

  createWrappingKey: (lane: LaneDesk, args: NewWrappingKey) => {
    const id = idBytes(args.id);
    durably(args.durableDirectory, {
      make: () => lane.withSession((desk) => generateWrappingKey(desk, { ...args, id }, args)),
      undo: () => lane.withSession((desk) => destroyKeys(desk, id)),
    });
  },
} as const;
