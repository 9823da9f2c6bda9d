import { isSecret } from '../algorithms/key-rows';
import { durably } from '../durable';
import { idBytes, toThread } from '../formats';
import type { LaneDesk } from '../lane-desk';
import type { MaterialKind } from '../material-types';
import { shapeOf } from '../material/shapes';
import { destroyKeys } from '../objects';
import { derOf, inPairContext } from '../pairs/in-context';
import { type WrapperRef, wrapperOf } from '../wrapping-tasks';
import { generateSecret } from './secrets';
import { generateWrappedPair, generateWrappedSecret, orMissing } from './wrapped';

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

  generateWrapped: (lane: LaneDesk, args: NewWrapped) => {
    const { kind, ivSource } = args;
    const what = { kind, mechanism: args.wrapper.mechanism };
    const make = (work: () => WrappedKey): WrappedKey =>
      orMissing(what, () => lane.assertHealthy(), work);
    if (isSecret(shapeOf(kind.spec))) {
      return lane.withSession((desk) =>
        make(() => {
          const wrapper = wrapperOf(desk, args.wrapper);
          const blob = generateWrappedSecret({ ...desk, ivSource }, wrapper, kind);
          return { blob: toThread(blob), publicKey: undefined };
        }),
      );
    }
    return inPairContext(lane, args, (context) =>
      make(() => {
        const pair = generateWrappedPair(context, wrapperOf(context, args.wrapper), kind);
        return { blob: toThread(pair.blob), publicKey: derOf(pair.publicKey) };
      }),
    );
  },
} as const;
