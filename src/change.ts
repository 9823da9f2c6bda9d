import { type Asker, type Permissions, authorize, requireUsable } from './checks';
import { type ServiceEvent, auditLine, serviceEventRecord } from './audit';
import type { Corridor, DoorRequest } from './corridor';
import type { Transaction } from './db';
import { KmsError } from './errors';
import { lockAccount } from './iam/entities';
import { inputHash } from './idempotency/input-hash';
import {
  type KeptRequest,
  type NamedRequest,
  claimName,
  findKept,
  keepRequest,
} from './idempotency/requests';
import type { Key } from './keys/key';
import type {
  Call,
  Change,
  ResponseElements,
  Services,
  Target,
  TargetedCall,
  WritingOperation,
} from './operation';
import { type OperationName, type OperationOutputs, readOutput, writeOutput } from './shapes';
import type { Trail } from './trail';
import { undoneOnFailure } from './undo';

/** A call that its caller may make, by what the worker knew. */
interface Permitted<N extends OperationName> {
  readonly request: DoorRequest;
  readonly call: Call<N>;
  readonly asker: Asker;
  readonly permissions: Permissions;
  readonly trail: Trail;
}

/** What is known of a change before its transaction. */
interface Begun<N extends OperationName> extends Permitted<N> {
  readonly prepared: Change['prepared'];
  /** Undefined where its client may not repeat it, or does not mean to. */
  readonly named: NamedRequest | undefined;
  /** It is a repeat of this one. */
  readonly kept: KeptRequest | undefined;
}

/**
 * A change of the database: what it is about is locked and looked at again, and its audit record commits with it or not at
 * all. It is answered when every live worker has dropped what it cached of it.
 */
export async function write<N extends OperationName>(
  corridor: Corridor,
  operation: WritingOperation<N>,
  permitted: Permitted<N>,
): Promise<string> {
  const named = nameOf(operation, permitted);
  const kept = named && (await findKept(corridor.database, named));
  // For a repeat nothing need be made.
  const prepared = kept === undefined ? await operation.prepare?.(permitted.call) : undefined;
  try {
    return await commit(corridor, operation, { ...permitted, prepared, named, kept });
  } finally {
    await prepared?.key?.discard();
  }
}

/** What the client calls the request, where the operation lets it. */
function nameOf<N extends OperationName>(
  { name, rest }: WritingOperation<N>,
  { request: { idempotencyKey }, call: { caller, input } }: Permitted<N>,
): NamedRequest | undefined {
  if (rest?.idempotencyKey !== true || idempotencyKey === undefined) return undefined;
  const { principalId: callerId } = caller;
  return { callerId, operation: name, idempotencyKey, inputHash: inputHash(input) };
}

async function commit<N extends OperationName>(
  corridor: Corridor,
  operation: WritingOperation<N>,
  begun: Begun<N>,
): Promise<string> {
  const { request, permissions, trail, prepared } = begun;
  const afterwards: (() => Promise<unknown>)[] = [];
  const { text, announcements } = await undoneOnFailure(corridor, async (transaction, undo) => {
    const events: ServiceEvent[] = [];
    const change: Change = {
      transaction,
      prepared,
      undo,
      afterwards: (step) => void afterwards.push(step),
      made: (key) => (trail.keys = [...trail.keys, key]),
      note: (data) => (trail.additional = data),
      serviceEvent: (event) => events.push(event),
    };
    try {
      const targeted = await authorizeAgain(operation, begun, transaction);
      const output = await doOnce(operation, begun, { targeted, change });
      const written = request.write(operation.name, output);
      const elements = operation.responseElements?.(targeted, output) ?? changedKey(targeted.keys);
      const further = events.map((event) => auditLine(serviceEventRecord(event)));
      await corridor.audit.commitWith(transaction, trail.success(elements), ...further);
      return { text: written, announcements: transaction.announcements };
    } catch (thrown) {
      trail.keys = permissions.targets.map((target) => target.key);
      throw thrown;
    }
  });
  await corridor.changes.acknowledged(announcements);
  for (const step of afterwards) await step().catch(() => undefined);
  return text;
}

/** What a change works on and in, once its caller was authorized for good. */
interface Work<N extends OperationName> {
  readonly targeted: TargetedCall<N>;
  readonly change: Change;
}

/**
 * Does the change once for all requests of its name: whoever repeats it is answered from what was kept, whatever became of
 * its keys since. What fails keeps nothing.
 */
async function doOnce<N extends OperationName>(
  operation: WritingOperation<N>,
  { request, named, kept }: Begun<N>,
  work: Work<N>,
): Promise<OperationOutputs[N]> {
  if (named === undefined) return doChange(operation, work);
  const { transaction } = work.change;
  const before = kept ?? (await claimName(transaction, named, request.requestId));
  if (before !== undefined) return repeat(operation, before, work.change);
  const output = await doChange(operation, work);
  await keepRequest(transaction, named, writeOutput(operation.name, output));
  return output;
}

async function doChange<N extends OperationName>(
  operation: WritingOperation<N>,
  { targeted, change }: Work<N>,
): Promise<OperationOutputs[N]> {
  requireUsable(operation, targeted);
  const output = await operation.write(targeted, change);
  requireAnnounced(operation, change.transaction);
  return output;
}

/** Its first answer may have been lost before every worker knew of the change: this one, too, waits until they do. */
function repeat<N extends OperationName>(
  { name }: WritingOperation<N>,
  { answer, announced, requestId }: KeptRequest,
  change: Change,
): OperationOutputs[N] {
  for (const told of announced) change.transaction.announce(told);
  change.note({ IdempotentReplay: true, RepeatedRequestID: requestId });
  return readOutput(name, answer);
}

/** A worker that is told nothing would go on as if nothing had changed: better no change than a half-known one. */
function requireAnnounced<N extends OperationName>(
  { name, unannounced }: WritingOperation<N>,
  { announcements }: Transaction,
): void {
  if (announcements.length > 0 || unannounced !== undefined) return;
  throw new Error(`${name} changed something and announced nothing`);
}

/**
 * Everything that decided may have changed since: the caller's policies, the keys and theirs, and which ARN and tags an
 * IAM entity has that the request calls by its name. All of it is asked again, under the locks that keep it as it is.
 */
async function authorizeAgain<N extends OperationName>(
  operation: WritingOperation<N>,
  { request, call, asker, permissions, trail }: Permitted<N>,
  transaction: Transaction,
): Promise<TargetedCall<N>> {
  const { caller, services } = call;
  // Whatever changes an entity holds this lock, so what is looked up now is what will be changed.
  if (request.service === 'iam') await lockAccount(transaction, caller.accountId);
  const targets = await lockTargets(services, transaction, permissions.targets);
  const identity = await services.identities.now(transaction, caller);
  const now = { ...call, identity, services: { ...services, db: transaction } };
  const accountActions = (await operation.accountActions?.(now)) ?? [];
  trail.about(accountActions);
  await authorize(
    { ...asker, call: { ...asker.call, identity } },
    { ...permissions, accountActions, targets, lockedIn: transaction },
  );
  return { ...call, identity, keys: targets.map((target) => target.key) };
}

/** Locks in order of key id, so that two changes of the same keys cannot wait for each other. */
async function lockTargets(
  services: Services,
  transaction: Transaction,
  targets: readonly Target[],
): Promise<readonly Target[]> {
  const ids = [...new Set(targets.map(({ key }) => key.keyId))].sort();
  const locked = new Map<string, Key>();
  for (const id of ids) {
    const key = await services.keys.lock(transaction, id);
    if (key !== undefined) locked.set(id, key);
  }
  return targets.map((target) => {
    const key = locked.get(target.key.keyId);
    if (key !== undefined) return { ...target, key };
    throw new KmsError('NotFoundException', `Key '${target.key.arn}' does not exist`);
  });
}

/** Changes without an output of their own are recorded with the key they changed (kms-semantics §16.3). */
function changedKey(keys: readonly Key[]): ResponseElements {
  const key = keys.at(-1);
  return key === undefined ? null : { KeyId: key.arn };
}
