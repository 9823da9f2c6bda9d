import type { RequestEvent } from './corridor';
import { type Log, describeError } from './log';

/** Codes that are this service's fault, not the client's. */
const faults = new Set([
  'KMSInternalException',
  'DependencyTimeoutException',
  'KeyUnavailableException',
  'ServiceFailure',
]);

/** One event a request: who, what, outcome, time; the hidden cause of an internal error. No member of the input. */
export function requestLog(log: Log): (event: RequestEvent) => void {
  return ({ trail, seconds, outcome, cause }) => {
    const fault = faults.has(outcome);
    log.at(fault ? 'error' : 'info', 'request', {
      requestId: trail.request.requestId,
      operation: trail.operation ?? 'unknown',
      outcome,
      principal: trail.caller?.arn,
      accessKeyId: trail.caller?.accessKeyId,
      keyId: trail.keys[0]?.keyId,
      sourceIp: trail.request.origin.sourceIp,
      milliseconds: Math.round(seconds * 1e6) / 1e3,
      error: fault && cause !== undefined ? describeError(cause) : undefined,
    });
  };
}
