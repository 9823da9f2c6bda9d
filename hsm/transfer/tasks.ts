import { createPublicKey } from 'node:crypto';
import { durably } from '../durable';
import { idBytes, toBuffer, toThread } from '../formats';
import type { LaneDesk } from '../lane-desk';
import { destroyKeys, requireFound } from '../objects';
import { type NewWrappingKey, wrapperOf, type WrapperRef } from '../wrapping-tasks';
import { exportKey } from './export';
import { findTransferKey } from './pair';
import { receiveKey } from './receive';

/** What lanes do with wrapping keys that go from one token to another. */
export const transferTasks = {
  exportWrappingKey: (lane: LaneDesk, args: { wrapper: WrapperRef; publicKey: Uint8Array }) =>
    lane.withSession((desk) => {
      const { key } = wrapperOf(desk, args.wrapper);
      const der = { key: toBuffer(args.publicKey), format: 'der', type: 'spki' } as const;
      const exported = { object: key, id: args.wrapper.id };
      return toThread(exportKey(desk, exported, createPublicKey(der)));
    }),

  importWrappingKey: (
    lane: LaneDesk,
    args: NewWrappingKey & { transferKeyId: string; wrapped: Uint8Array },
  ) => {
    const id = idBytes(args.id);
    durably(args.durableDirectory, {
      make: () =>
        lane.withSession((desk) => {
          const what = `transfer key ${args.transferKeyId}`;
          const assertHealthy = (): void => lane.assertHealthy();
          const found = findTransferKey(desk, idBytes(args.transferKeyId));
          const transferKey = requireFound(found, assertHealthy, what);
          const key = { ...args, id };
          const wrapped = toBuffer(args.wrapped);
          receiveKey(desk, { key, transferKey, wrapped, assertHealthy }, args);
        }),
      undo: () => lane.withSession((desk) => destroyKeys(desk, id)),
    });
  },
} as const;
