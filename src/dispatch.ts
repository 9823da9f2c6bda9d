import { write } from './change';
import { authorize, requireUsable } from './checks';
import type { Answer, Corridor, DoorRequest } from './corridor';
import { KmsError } from './errors';
import { toKmsError } from './failures';
import type { Call, Operation, TargetedCall } from './operation';
import { operations } from './operations';
import type { Principal } from './policy/principal';
import { parseInput, writeOutput } from './shapes';
import { type OperationName, operationNames } from './shapes/kms.generated';
import { Trail } from './trail';

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
  const accountActions = operation.accountActions?.(call) ?? [];
  trail.aliases = accountActions.map(({ resource }) => resource).filter((arn) => arn !== '*');
  const permissions = { accountActions, targets, crossAccount: operation.crossAccount === true };
  authorize(caller, permissions);
  if ('write' in operation) return write(corridor, operation, { call, permissions, trail });
  const targeted: TargetedCall<N> = { input, caller, services, keys: trail.keys };
  requireUsable(operation, targeted);
  const output = await operation.run(targeted);
  const text = writeOutput(name, output);
  await corridor.audit.append(
    trail.success(operation.responseElements?.(targeted, output) ?? null),
  );
  return text;
}
