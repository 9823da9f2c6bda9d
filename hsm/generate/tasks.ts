import { durably } from '../durable';
import { idBytes, toBuffer, toThread } from '../formats';
import type { LaneDesk } from '../lane-desk';
import type { MaterialKind, MaterialSpec } from '../material-types';
import { isSecret, shapeOf } from '../material/shapes';
import { destroyKeys } from '../objects';
import { inPairContext } from '../pairs/in-context';
import type { PairContext } from '../pairs/plans';
import type { PreparedPair } from '../pairs/tasks';
import type { Wrapper } from '../wrap';
import { type WrapperRef, wrapperOf } from '../wrapping-tasks';
import { orMissing } from './or-missing';
import { generateSecret } from './secrets';
import { generateWrappedPair, generateWrappedSecret, type WrappedPair, wrapPair } from './wrapped';

export interface NewSecret {
  readonly kind: MaterialKind;
  readonly id: string;
  readonly label: string;
  readonly modifiable: boolean;
  readonly ivSource: 'random' | 'token';
  readonly durableDirectory: string | undefined;
}

export interface NewWrapped {
  readonly kind: MaterialKind;
  readonly wrapper: WrapperRef;
  readonly ivSource: 'random' | 'token';
  readonly softwareUnwrap: boolean;
}

interface WrappedKey {
  readonly blob: Uint8Array;
  readonly publicKey: Uint8Array | undefined;
}

/** What lanes do to generate secret keys; of pairs, see pairTasks. */
export const generateTasks = {
  generateSecret: (lane: LaneDesk, args: NewSecret) => {
    const id = idBytes(args.id);
    const { ivSource } = args;
    return durably(args.durableDirectory, {
      make: () =>
        lane.withSession((desk) =>
          toThread(generateSecret({ ...desk, ivSource }, args.kind, { ...args, id })),
        ),
      undo: () => lane.withSession((desk) => destroyKeys(desk, id)),
    });
  },

  generateWrapped: (lane: LaneDesk, args: NewWrapped): WrappedKey => {
    const { kind, ivSource } = args;
    if (!isSecret(shapeOf(kind.spec))) {
      return wrapInContext(lane, args, (context, wrapper) =>
        generateWrappedPair(context, wrapper, kind),
      );
    }
    return lane.withSession((desk) =>
      orMissing(whatOf(args), lane, () => {
        const wrapper = wrapperOf(desk, args.wrapper);
        const blob = generateWrappedSecret({ ...desk, ivSource }, wrapper, kind);
        return { blob: toThread(blob), publicKey: undefined };
      }),
    );
  },

  /** Of a pair that is an object of the owner session. */
  wrapPrepared: (lane: LaneDesk, args: NewWrapped & { pair: PreparedPair }): WrappedKey => {
    lane.importWays ??= args.pair.ways;
    const publicKey = toBuffer(args.pair.publicKey);
    const privateKey = toBuffer(args.pair.privateKey);
    const { kind } = args;
    return wrapInContext(lane, args, (context, wrapper) => ({
      blob: wrapPair(context, wrapper, { kind, privateKey, publicKey }),
      publicKey,
    }));
  },
} as const;

function wrapInContext(
  lane: LaneDesk,
  args: NewWrapped,
  make: (context: PairContext, wrapper: Wrapper) => WrappedPair,
): WrappedKey {
  return inPairContext(lane, args, (context) =>
    orMissing(whatOf(args), lane, () => {
      const { blob, publicKey } = make(context, wrapperOf(context, args.wrapper));
      return { blob: toThread(blob), publicKey: toThread(publicKey) };
    }),
  );
}

function whatOf({ kind, wrapper }: NewWrapped): { spec: MaterialSpec; mechanism: number } {
  return { spec: kind.spec, mechanism: wrapper.mechanism };
}
