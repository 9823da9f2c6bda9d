import type { HsmErrorCode } from './errors';
import type { TokenRef } from './lane-desk';
import type { TaskName } from './lane-tasks';
import type { Meaning } from './return-values';

/** What a lane is started with. */
export interface LaneData {
  readonly modulePath: string;
  /** Of its thread alone, where the system has that: 0 as all others, up to 19, for work that others go before. */
  readonly niceness: number;
}

export interface LaneRequest {
  readonly seq: number;
  readonly task: TaskName;
  readonly token: TokenRef | undefined;
  readonly args: unknown;
}

export interface LaneError {
  readonly code: HsmErrorCode;
  readonly message: string;
  readonly meaning?: Meaning | undefined;
}

/** `session`: the lane holds a session now. */
export type LaneReply =
  | { readonly seq: number; readonly ok: true; readonly value: unknown; readonly session: boolean }
  | {
      readonly seq: number;
      readonly ok: false;
      readonly error: LaneError;
      readonly session: boolean;
    };
