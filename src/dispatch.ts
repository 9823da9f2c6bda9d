import { randomUUID } from 'node:crypto';
import { write } from './change';
import { type Asker, type Permissions, authorize, requireUsable } from './checks';
import type { Answer, Corridor, DoorRequest } from './corridor';
import { KmsError } from './errors';
import { toKmsError } from './failures';
import { checkGrantTokens } from './keys/grant-tokens';
import type {
  Call,
  Operation,
  ReadingOperation,
  Services,
  Target,
  TargetedCall,
} from './operation';
import { operations } from './operations';
import { noIdentity } from './policy/identity';
import type { Conditions } from './policy/policy';
import { requireForwardable } from './policy/via-service';
import { type Recipient, recipientOf } from './recipient';
import {
  type OperationInputs,
  type OperationName,
  type OperationOutputs,
  operationNamed,
} from './shapes';
import type { KeyLastUsageTrackingOperation } from './shapes/kms.generated';
import { Trail } from './trail';

/**
 * The corridor: what happens to a request, whichever door it came through. Never rejects.
 * Each request ends in one audit record, committed before its answer; without the record the answer is an error.
 */
export async function handle(corridor: Corridor, request: DoorRequest): Promise<Answer> {
  const started = performance.now();
  const trail = new Trail(request, corridor.service);
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
    const name = await nameOperation(request, trail);
    const known = operations[name]?.identifyCaller === undefined;
    const asking = known ? await authenticate(corridor, request, trail) : undefined;
    return {
      ok: true,
      output: await perform(corridor, name, { request, trail, asking }),
    };
  } catch (thrown) {
    return refuse(corridor, trail, tooMany(corridor, trail) ?? toKmsError(thrown));
  }
}

/** Of a request that failed before its keys were known: its refusal, where its caller's requests fail so too often. */
function tooMany({ requestRates }: Corridor, trail: Trail): KmsError | undefined {
  const { caller, operation, keys } = trail;
  if (requestRates === undefined || caller === undefined || operation === undefined)
    return undefined;
  if (keys.length > 0) return undefined;
  return throttled(() => {
    requestRates.countUnresolved(caller, operation);
  });
}

/** What a request that counts is refused by; undefined where there is room for it. */
export function throttled(count: () => void): KmsError | undefined {
  try {
    count();
    return undefined;
  } catch (thrown) {
    return toKmsError(thrown);
  }
}

/** Counts the request in the group that its operation decides, before its input is read. Throws ThrottlingException. */
function countOperation(
  { requestRates }: Corridor,
  name: OperationName,
  asking: Asking | undefined,
): void {
  if (asking !== undefined) requestRates?.countOperation(asking.caller, name);
}

/** Counts the request in the groups that its keys decide. Throws ThrottlingException. */
function countKeys(
  { requestRates }: Corridor,
  { caller, input }: Call<OperationName>,
  { operation, keys }: Trail,
): void {
  if (operation !== undefined) requestRates?.countKeys(caller, operation, { keys, input });
}

/** A refusal is recorded too. When that fails, the failure is the answer. */
export async function refuse(
  corridor: Corridor,
  trail: Trail,
  error: KmsError,
): Promise<Extract<Answer, { ok: false }>> {
  try {
    await corridor.audit.append(trail.refusal(error));
    return { ok: false, error };
  } catch (thrown) {
    return { ok: false, error: toKmsError(thrown) };
  }
}

async function nameOperation(request: DoorRequest, trail: Trail): Promise<OperationName> {
  trail.claimedOperation = await request.operation();
  const name = operationNamed(request.service, trail.claimedOperation);
  if (name === undefined) throw new KmsError('UnknownOperationException');
  trail.operation = name;
  return name;
}

type Asking = Pick<Call<OperationName>, 'caller' | 'identity'>;

/** Who signed, and what the database says of it now. */
export async function authenticate(
  { services }: Corridor,
  request: Pick<DoorRequest, 'authenticate'>,
  trail: Trail,
): Promise<Asking> {
  const caller = await request.authenticate();
  trail.caller = caller;
  const identity = services.identities.of(caller);
  return { caller, identity: identity instanceof Promise ? await identity : identity };
}

interface Performance {
  readonly request: DoorRequest;
  readonly trail: Trail;
  /** Undefined when the input has to prove who calls. */
  readonly asking: Asking | undefined;
}

/** The steps after authentication, in the order of kms-semantics §0. */
// N ties the input, the operation and its output together, inside.
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
async function perform<N extends OperationName>(
  corridor: Corridor,
  name: N,
  { request, trail, asking }: Performance,
): Promise<string> {
  const { services } = corridor;
  const operation: Operation<N> | undefined = operations[name];
  trail.declare(operation);
  countOperation(corridor, name, asking);
  const input = await request.input(name);
  if (operation === undefined) {
    throw new KmsError('UnsupportedOperationException', `The operation ${name} is not supported.`);
  }
  trail.input = input;
  operation.check?.(input);
  await checkGrantTokens(input, services);
  const { caller, identity } = asking ?? (await identify(operation, { input, services, trail }));
  const { origin, requestId } = request;
  const now = new Date();
  const recipient = recipientOf(operation, { input, services, trail, now });
  // Written out here and below: members that follow a spread cost V8 a microsecond each, and every request passes here.
  const call: Call<N> = { input, caller, identity, services, origin, requestId, now };
  requireForwardable(call.caller, { service: request.service, operation: name });
  const { targets, missing } = namedIn((await operation.targets?.(call)) ?? []);
  trail.keys = targets.map((target) => target.key);
  countKeys(corridor, call, trail);
  const accountActions = (await operation.accountActions?.(call)) ?? [];
  trail.about(accountActions);
  const asker: Asker = { call, conditions: conditionsOf(operation, call, recipient) };
  const { crossAccount = false, needsNoPermission = false } = operation;
  const permissions = { accountActions, targets, crossAccount, needsNoPermission };
  await authorize(asker, permissions);
  refuseMissing(missing);
  if ('write' in operation) {
    return write(corridor, operation, { request, call, asker, permissions, trail });
  }
  const targeted: TargetedCall<N> = {
    input,
    caller,
    identity,
    services,
    origin,
    requestId,
    now,
    keys: trail.keys,
  };
  requireUsable(operation, targeted);
  const output = await operation.run(targeted);
  if (operation.takesLong === true) {
    await authorizeStill(asker, permissions).catch((thrown: unknown) => {
      wipeSecret(operation, output);
      throw thrown;
    });
  }
  const text = request.write(name, recipient?.answer(output) ?? output);
  wipeSecret(operation, output);
  const eventId = randomUUID();
  await corridor.audit.append(successOf(operation, trail, { targeted, output, eventId }));
  if (operation.usesKey === true) noteUse(targeted, { name, eventId });
  return text;
}

/** The keys that a request names, and the refusal of one that there is not. */
function namedIn(found: readonly (Target | KmsError)[]): {
  readonly targets: readonly Target[];
  readonly missing: KmsError | undefined;
} {
  return {
    targets: found.filter((one): one is Target => !(one instanceof KmsError)),
    missing: found.find((one): one is KmsError => one instanceof KmsError),
  };
}

/** Last: whoever may not do all the rest is not told which keys there are. */
function refuseMissing(missing: KmsError | undefined): void {
  if (missing !== undefined) throw missing;
}

/** What decided when the request came may have changed: the caller's policies and grants, the keys and theirs. */
async function authorizeStill(asker: Asker, permissions: Permissions): Promise<void> {
  const { caller, services } = asker.call;
  const identity = await services.identities.of(caller);
  const targets = await Promise.all(permissions.targets.map((target) => asItIs(target, services)));
  await authorize({ ...asker, call: { ...asker.call, identity } }, { ...permissions, targets });
}

/** The key that was used, whatever an alias stands for by now. */
async function asItIs(target: Target, { finder }: Services): Promise<Target> {
  const key = await finder.byId(target.key.keyId);
  if (key !== undefined) return { ...target, key };
  throw new KmsError('NotFoundException', `Key '${target.key.arn}' does not exist`);
}

/** What the request says to policies, and what is known of its recipient. */
function conditionsOf<N extends OperationName>(
  operation: Operation<N>,
  call: Call<N>,
  recipient: Recipient | undefined,
): Conditions | undefined {
  const own = operation.conditions?.(call);
  return recipient === undefined ? own : { ...own, ...recipient.conditions };
}

function wipeSecret<N extends OperationName>(
  { secret }: ReadingOperation<N>,
  output: OperationOutputs[N],
): void {
  const bytes: unknown = secret === undefined ? undefined : output[secret];
  if (Buffer.isBuffer(bytes)) bytes.fill(0);
}

/** The line of its record. */
function successOf<N extends OperationName>(
  operation: ReadingOperation<N>,
  trail: Trail,
  end: {
    readonly targeted: TargetedCall<N>;
    readonly output: OperationOutputs[N];
    readonly eventId: string;
  },
): string {
  const { targeted, output, eventId } = end;
  trail.additional = operation.additionalEventData?.(output, targeted.keys);
  return trail.success(operation.responseElements?.(targeted, output) ?? null, eventId);
}

/** A worker keeps in mind what it is told of in batches: an entry in a map for each key. */
function noteUse<N extends OperationName>(
  { keys, services, requestId, now }: TargetedCall<N>,
  { name, eventId }: { readonly name: N; readonly eventId: string },
): void {
  // The declaration's type lets no other operation say that it uses a key.
  const operation = name as KeyLastUsageTrackingOperation;
  for (const { keyId } of keys)
    services.keyUses.note(keyId, { operation, at: now, requestId, eventId });
}

/** Whoever called without a signature proves by the input who it is; the database knows nothing of it. */
async function identify<N extends OperationName>(
  operation: Operation<N>,
  { input, services, trail }: { input: OperationInputs[N]; services: Services; trail: Trail },
): Promise<Asking> {
  if (operation.identifyCaller === undefined) {
    throw new Error('a caller was not asked who it is');
  }
  const caller = await operation.identifyCaller(input, services);
  trail.caller = caller;
  return { caller, identity: noIdentity };
}
