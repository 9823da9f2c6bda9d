import { destroyDurably } from './durable';
import { idBytes, toThread } from './formats';
import type { LaneDesk } from './lane-desk';
import { connect, type ConnectOptions, disconnect } from './connect';
import { generateTasks } from './generate/tasks';
import { importTasks } from './import/tasks';
import { inspectToken } from './inspect';
import { destroyKeys, drawRandom, listObjects } from './objects';
import { pairTasks } from './pairs/tasks';
import { residentTasks } from './resident-tasks';
import { transferTasks } from './transfer/tasks';
import { useTasks } from './use-tasks';
import { wrappingTasks } from './wrapping-tasks';

/** Everything a lane can be asked to do. Arguments and results are plain data: they cross threads. */
export const laneTasks = {
  ...generateTasks,
  ...importTasks,
  ...pairTasks,
  ...residentTasks,
  ...wrappingTasks,
  ...transferTasks,
  ...useTasks,

  connect: (lane: LaneDesk, args: ConnectOptions) => connect(lane.library, args),

  disconnect: (lane: LaneDesk) => {
    lane.discard();
    return disconnect(lane.library);
  },

  check: (lane: LaneDesk) => {
    lane.assertHealthy();
    lane.withSession((desk) => drawRandom(desk, 16));
  },

  random: (lane: LaneDesk, args: { length: number }) =>
    toThread(lane.withSession((desk) => drawRandom(desk, args.length))),

  destroy: (lane: LaneDesk, args: { id: string; durableDirectory: string | undefined }) =>
    destroyDurably(args.durableDirectory, () => {
      lane.withSession((desk) => destroyKeys(desk, idBytes(args.id)));
      // An empty search is what a vanished token answers as well.
      lane.assertHealthy();
    }),

  list: (lane: LaneDesk, args: { labelPrefix: string }) => {
    const objects = lane.withSession((desk) => listObjects(desk, args.labelPrefix));
    // An empty search is what a vanished token answers as well.
    lane.assertHealthy();
    return objects;
  },

  inspect: (lane: LaneDesk, args: { ivSource: 'random' | 'token'; softwareUnwrap: boolean }) =>
    inspectToken(lane, args),
} as const;

export type TaskName = keyof typeof laneTasks;
export type TaskArgs<N extends TaskName> = Parameters<(typeof laneTasks)[N]>[1];
export type TaskResult<N extends TaskName> = ReturnType<(typeof laneTasks)[N]>;
