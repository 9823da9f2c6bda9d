import { durably, flushChanged } from '../durable';
import { HsmError } from '../errors';
import { idBytes, toBuffer, toThread } from '../formats';
import type { ImportAlgorithm } from '../import-types';
import type { LaneDesk } from '../lane-desk';
import type { MaterialKind } from '../material-types';
import { type Desk, destroyAll } from '../objects';
import { type WrapperRef, wrapperOf } from '../wrapping-tasks';
import { admitResident, admitWrapped, type Imported, proveImport } from './admit';
import type { ImportContext } from './context';
import { destroyPair, generateImportPair } from './key-pair';
import { residentObjects } from './templates';
import { findWays, type ImportWays } from './ways';

/** ImportedKey as plain data. */
export interface ImportArgs {
  readonly importKeyId: string;
  readonly algorithm: ImportAlgorithm;
  readonly encrypted: Uint8Array;
  readonly kind: MaterialKind;
  readonly keyId: string;
  readonly softwareUnwrap: boolean;
}

function importedOf(args: ImportArgs): Imported {
  return { ...args, importKeyId: idBytes(args.importKeyId), encrypted: toBuffer(args.encrypted) };
}

/** In a session that ends with the work: whatever was unwrapped in it ends, too. */
function alone<T>(lane: LaneDesk, work: (desk: Desk) => T): T {
  try {
    return lane.withSession(work);
  } finally {
    lane.discard();
  }
}

function inContext<T>(
  lane: LaneDesk,
  { softwareUnwrap }: { softwareUnwrap: boolean },
  work: (context: ImportContext) => T,
): T {
  const ways = waysOf(lane);
  const assertHealthy = (): void => lane.assertHealthy();
  return alone(lane, (desk) => work({ ...desk, ways, softwareUnwrap, assertHealthy }));
}

/** Found out once a connection, by the lane that imports. */
function waysOf(lane: LaneDesk): ImportWays {
  lane.importWays ??= findWays((test) => {
    try {
      alone(lane, test);
    } catch (error) {
      lane.assertHealthy();
      throw error;
    }
  });
  return lane.importWays;
}

/** What lanes do with imported key material. */
export const importTasks = {
  generateImportPair: (
    lane: LaneDesk,
    args: {
      id: string;
      label: string;
      bits: number;
      softwareUnwrap: boolean;
      durableDirectory: string | undefined;
    },
  ) => {
    const id = idBytes(args.id);
    const publicKey = durably(args.durableDirectory, {
      make: () => inContext(lane, args, (context) => generateImportPair(context, { ...args, id })),
      undo: () => alone(lane, (desk) => destroyPair(desk, id)),
    });
    return toThread(publicKey.export({ format: 'der', type: 'spki' }));
  },

  destroyPair: (lane: LaneDesk, args: { id: string; durableDirectory: string | undefined }) => {
    const startedMs = Date.now();
    lane.withSession((desk) => destroyPair(desk, idBytes(args.id)));
    // An empty search is what a vanished token answers as well.
    lane.assertHealthy();
    if (args.durableDirectory === undefined) return;
    try {
      flushChanged(args.durableDirectory, startedMs);
    } catch (error) {
      throw new HsmError('failed', 'fsync: the destruction could not be made durable', {
        cause: error,
      });
    }
  },

  identifyImport: (lane: LaneDesk, args: ImportArgs) =>
    inContext(lane, args, (context) => proveImport(context, importedOf(args)).identity.id),

  admitResident: (
    lane: LaneDesk,
    args: ImportArgs & {
      id: string;
      label: string;
      modifiable: boolean;
      durableDirectory: string | undefined;
    },
  ) => {
    const id = idBytes(args.id);
    durably(args.durableDirectory, {
      make: () =>
        inContext(lane, args, (context) =>
          admitResident(context, importedOf(args), { ...args, id }),
        ),
      undo: () => alone(lane, (desk) => destroyAll(desk, () => residentObjects(id))),
    });
  },

  admitWrapped: (lane: LaneDesk, args: ImportArgs & { id: string; wrapper: WrapperRef }) =>
    inContext(lane, args, (context) => {
      const place = { id: args.id, wrapper: wrapperOf(context, args.wrapper) };
      return toThread(admitWrapped(context, importedOf(args), place));
    }),
} as const;
