import type { AuditWriter } from './audit';
import type { ChangeFeed, Database, Transaction } from './db';
import { KmsError } from './errors';
import { outcomeUnknown, toKmsError } from './failures';
import type { Key } from './keys/key';
import { requireState } from './keys/states';
import type {
  AccountAction,
  Awaitable,
  Call,
  Change,
  Operation,
  ResponseElements,
  Services,
  Target,
  TargetedCall,
  WritingOperation,
} from './operation';
import { operations } from './operations';
import { authorizeAccountAction, authorizeKeyAction } from './policy/authorize';
import type { Principal } from './policy/principal';
import { parseInput, writeOutput } from './shapes';
import { type OperationName, operationNames } from './shapes/kms.generated';
import { type RecordedService, type RequestOrigin, Trail } from './trail';

/** A request as a door hands it over: the wire's particulars behind two functions. */
export interface DoorRequest extends RequestOrigin {
  readonly requestId: string;
  /** The operation's name as the client wrote it; undefined when it named none. */
  readonly operation: string | undefined;
  /** Reads the body and proves who sent it. Throws KmsError. */
  authenticate(): Awaitable<Principal>;
  /** The parsed body; called after authenticate. Throws KmsError. */
  body(): unknown;
}

export type Answer =
  { readonly ok: true; readonly output: string } | { readonly ok: false; readonly error: KmsError };

/** Told of every request once it has been answered. */
export interface RequestEvent {
  readonly trail: Trail;
  readonly seconds: number;
  /** `ok`, or the error's code. */
  readonly outcome: string;
  /** What lies behind an error that the client is not told of. */
  readonly cause: unknown;
}

export interface Corridor {
  readonly services: Services;
  readonly database: Database;
  readonly changes: ChangeFeed;
  readonly audit: AuditWriter;
  readonly service: RecordedService;
  readonly onRequest: (event: RequestEvent) => void;
}

const known: ReadonlySet<string> = new Set(operationNames);

/**
 * The corridor: what happens to a request, whichever door it came through. Never rejects.
 * Each request ends in one audit record, committed before its answer; without the record the answer is an error.
 */
export async function handle(corridor: Corridor, request: DoorRequest): Promise<Answer> {
  const started = performance.now();
  const trail = new Trail(request.requestId, request, corridor.service);
  const answer = await answerTo(corridor, request, trail);
  corridor.onRequest({
    trail,
    seconds: (performance.now() - started) / 1000,
    outcome: answer.ok ? 'ok' : answer.error.code,
    cause: answer.ok ? undefined : answer.error.cause,
  });
  return answer;
}

async function answerTo(corridor: Corridor, request: DoorRequest, trail: Trail): Promise<Answer> {
  try {
    const name = nameOperation(request.operation, trail);
    trail.caller = await request.authenticate();
    return {
      ok: true,
      output: await perform(corridor, name, { request, trail, caller: trail.caller }),
    };
  } catch (thrown) {
    return refuse(corridor, trail, toKmsError(thrown));
  }
}

/** A refusal is recorded too. When that fails, the failure is the answer. */
async function refuse(corridor: Corridor, trail: Trail, error: KmsError): Promise<Answer> {
  try {
    await corridor.audit.append(trail.refusal(error));
    return { ok: false, error };
  } catch (thrown) {
    return { ok: false, error: toKmsError(thrown) };
  }
}

function nameOperation(claimed: string | undefined, trail: Trail): OperationName {
  trail.claimedOperation = claimed;
  if (claimed === undefined || !known.has(claimed)) throw new KmsError('UnknownOperationException');
  const name = claimed as OperationName;
  trail.operation = name;
  return name;
}

interface Performance {
  readonly request: DoorRequest;
  readonly trail: Trail;
  readonly caller: Principal;
}

/** The steps after authentication, in the order of kms-semantics §0. */
// N ties the input, the operation and its output together, inside.
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
async function perform<N extends OperationName>(
  corridor: Corridor,
  name: N,
  { request, trail, caller }: Performance,
): Promise<string> {
  const { services } = corridor;
  const input = parseInput(name, request.body());
  const operation: Operation<N> | undefined = operations[name];
  if (operation === undefined) {
    throw new KmsError('UnsupportedOperationException', `The operation ${name} is not supported.`);
  }
  trail.declare(operation, input);
  operation.check?.(input);
  const call: Call<N> = { input, caller, services };
  const targets = (await operation.targets?.(call)) ?? [];
  trail.keys = targets.map((target) => target.key);
  const accountActions = operation.accountActions?.(call);
  trail.aliases = (accountActions ?? [])
    .map(({ resource }) => resource)
    .filter((arn) => arn !== '*');
  authorize(operation, call, { accountActions, targets });
  if ('write' in operation) {
    return write(corridor, operation, { ...call, keys: trail.keys, trail });
  }
  const targeted: TargetedCall<N> = { input, caller, services, keys: trail.keys };
  requireUsable(operation, targeted);
  const output = await operation.run(targeted);
  const text = writeOutput(name, output);
  await corridor.audit.append(
    trail.success(operation.responseElements?.(targeted, output) ?? null),
  );
  return text;
}

function authorize<N extends OperationName>(
  operation: Operation<N>,
  call: Call<N>,
  {
    accountActions,
    targets,
  }: {
    readonly accountActions: readonly AccountAction[] | undefined;
    readonly targets: readonly Target[];
  },
): void {
  for (const { action, resource } of accountActions ?? []) {
    authorizeAccountAction(call.caller, action, resource);
  }
  for (const target of targets) {
    try {
      authorizeKeyAction(call.caller, target.action, {
        key: target.key,
        crossAccount: operation.crossAccount === true,
      });
    } catch (denied) {
      throw target.deniedAs ?? denied;
    }
  }
  // Default-deny: an operation that asked about nothing is not authorized by having nothing to fail.
  if (accountActions === undefined && targets.length === 0) {
    throw new KmsError('AccessDeniedException', 'No policy decides this operation.');
  }
}

/** Usage before state before algorithm (kms-semantics §0, steps 8 to 11). */
function requireUsable<N extends OperationName>(
  operation: Operation<N>,
  call: TargetedCall<N>,
): void {
  operation.identify?.(call);
  const { usage, state = 'any' } = operation.requires ?? {};
  for (const key of call.keys) {
    if (usage !== undefined && key.keyUsage !== usage) {
      throw new KmsError(
        'InvalidKeyUsageException',
        `${key.arn} key usage is ${key.keyUsage} which is not valid for ${operation.name}.`,
      );
    }
  }
  for (const key of call.keys) requireState(key, state);
  operation.verify?.(call);
}

/**
 * A change of the database: its keys are locked and looked at again, and its audit record commits with it or not at
 * all. It is answered when every live worker has dropped what it cached of it.
 */
async function write<N extends OperationName>(
  corridor: Corridor,
  operation: WritingOperation<N>,
  call: TargetedCall<N> & { readonly trail: Trail },
): Promise<string> {
  const transaction = await corridor.database.begin();
  const undoing: (() => Promise<void>)[] = [];
  const change: Change = {
    transaction,
    undo: (step) => void undoing.push(step),
    made: (key) => (call.trail.keys = [...call.trail.keys, key]),
  };
  let text: string;
  try {
    const keys = await lockKeys(corridor.services, transaction, call.keys);
    const targeted: TargetedCall<N> = { ...call, keys };
    requireUsable(operation, targeted);
    const output = await operation.write(targeted, change);
    text = writeOutput(operation.name, output);
    const elements = operation.responseElements?.(targeted, output) ?? changedKey(keys);
    await corridor.audit.commitWith(transaction, call.trail.success(elements));
  } catch (thrown) {
    call.trail.keys = call.keys;
    await transaction.rollback();
    // A commit whose outcome is unknown may have made the change: what it stands on in the token must stay.
    if (!outcomeUnknown(thrown)) for (const step of undoing) await step();
    throw thrown;
  }
  await corridor.changes.acknowledged(transaction.announcements);
  return text;
}

/** Locks in order of key id, so that two changes of the same keys cannot wait for each other. */
async function lockKeys(
  services: Services,
  transaction: Transaction,
  keys: readonly Key[],
): Promise<readonly Key[]> {
  const ids = [...new Set(keys.map((key) => key.keyId))].sort();
  const locked = new Map<string, Key>();
  for (const id of ids) {
    const key = await services.keys.lock(transaction, id);
    if (key !== undefined) locked.set(id, key);
  }
  return keys.map((key) => {
    const current = locked.get(key.keyId);
    if (current !== undefined) return current;
    throw new KmsError('NotFoundException', `Key '${key.arn}' does not exist`);
  });
}

/** Changes without an output of their own are recorded with the key they changed (kms-semantics §16.3). */
function changedKey(keys: readonly Key[]): ResponseElements {
  const key = keys.at(-1);
  return key === undefined ? null : { KeyId: key.arn };
}
