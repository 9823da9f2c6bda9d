import { type Asker, type Permissions, authorize, requireUsable } from './checks';
import { type ServiceEvent, auditLine, serviceEventRecord } from './audit';
import type { Corridor, DoorRequest } from './corridor';
import type { Transaction } from './db';
import { KmsError } from './errors';
import { lockAccount } from './iam/entities';
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
import type { OperationName } from './shapes/operations';
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

/**
 * A change of the database: what it is about is locked and looked at again, and its audit record commits with it or not at
 * all. It is answered when every live worker has dropped what it cached of it.
 */
export async function write<N extends OperationName>(
  corridor: Corridor,
  operation: WritingOperation<N>,
  permitted: Permitted<N>,
): Promise<string> {
  const prepared = await operation.prepare?.(permitted.call);
  try {
    return await commit(corridor, operation, { ...permitted, prepared });
  } finally {
    await prepared?.key?.discard();
  }
}

async function commit<N extends OperationName>(
  corridor: Corridor,
  operation: WritingOperation<N>,
  permitted: Permitted<N> & Pick<Change, 'prepared'>,
): Promise<string> {
  const { request, permissions, trail, prepared } = permitted;
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
      const targeted = await authorizeAgain(operation, permitted, transaction);
      const { keys } = targeted;
      requireUsable(operation, targeted);
      const output = await operation.write(targeted, change);
      requireAnnounced(operation, transaction);
      const written = request.write(operation.name, output);
      const elements = operation.responseElements?.(targeted, output) ?? changedKey(keys);
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
