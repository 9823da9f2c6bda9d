import type { Answer, DoorRequest } from '../corridor';
import type { Networks } from '../networks';

/** What every door of the corridor is given. */
export interface Door {
  readonly maxBodyBytes: number;
  readonly newRequestId: () => string;
  readonly networks: Networks;
  readonly handle: (request: DoorRequest) => Promise<Answer>;
}
