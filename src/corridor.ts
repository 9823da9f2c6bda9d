import type { Awaitable } from './awaitable';
import type { AuditWriter } from './audit';
import type { BatchRoom } from './batch-room';
import type { ChangeFeed, Database } from './db';
import type { KmsError } from './errors';
import type { Services } from './operation';
import type { Principal } from './policy/principal';
import type { RequestRates } from './request-rates/request-rates';
import type { OperationInputs, OperationName, OperationOutputs, ServiceName } from './shapes';
import type { RecordedService, RequestOrigin, Trail } from './trail';

/** A request as a door hands it over: the wire's particulars behind two functions. */
export interface DoorRequest {
  readonly requestId: string;
  readonly origin: RequestOrigin;
  /** What the client names the request by, where it may have to repeat it: see RestLine. */
  readonly idempotencyKey?: string | undefined;
  /** Of one of several that a body brought together: its id, as the client was told. */
  readonly batchRequestId?: string | undefined;
  /** Undefined of a request that names none of ours; known once `operation` has answered. */
  readonly service: ServiceName | undefined;
  /** The operation's name as the client wrote it; undefined when it named none. May read the body. Throws KmsError. */
  operation(): Awaitable<string | undefined>;
  /** Reads the body and proves who sent it. Throws KmsError. */
  authenticate(): Awaitable<Principal>;
  /** The operation's input, valid by its shape; called after authenticate, or instead of it. Throws KmsError. */
  input<N extends OperationName>(operation: N): Awaitable<OperationInputs[N]>;
  /** The answer's text in the door's wire format. */
  write<N extends OperationName>(name: N, output: OperationOutputs[N]): string;
}

export type Answer =
  { readonly ok: true; readonly output: string } | { readonly ok: false; readonly error: KmsError };

/** Several requests that one body brought, from one sender. */
export interface RequestBatch extends Pick<
  DoorRequest,
  'requestId' | 'origin' | 'service' | 'authenticate'
> {
  /** What its record calls it, where it is refused as a whole. */
  readonly eventName: string;
  /** Called after authenticate, with whom that gave. Throws KmsError of a body that brings none to do. */
  requests(caller: Principal): readonly DoorRequest[];
}

/** In the order of the requests, each with its own; or of what was refused as a whole. */
export type BatchAnswer =
  | { readonly ok: true; readonly answers: readonly Answer[] }
  | { readonly ok: false; readonly error: KmsError };

/** Told of every request once it has been answered. */
export interface RequestEvent {
  readonly trail: Trail;
  readonly seconds: number;
  /** `ok`, or the error's code. */
  readonly outcome: string;
  /** What lies behind an error that the client is not told of. */
  readonly cause: unknown;
}

/** What the corridor walks through; built once, in main. */
export interface Corridor {
  readonly services: Services;
  readonly database: Database;
  readonly changes: ChangeFeed;
  readonly audit: AuditWriter;
  readonly service: RecordedService;
  /** Undefined where everyone may call as often as they like. */
  readonly requestRates?: RequestRates | undefined;
  readonly batchRoom: BatchRoom;
  readonly onRequest: (event: RequestEvent) => void;
  /** Something that a failed change made in the token could not be undone, and is left there without use. */
  readonly onLeftover: (error: unknown) => void;
}
