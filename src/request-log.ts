import type { RequestEvent } from './corridor';
import { type Log, describeError } from './log';
import type { XksRequestEvent } from './xks/request-event';

/** Codes that are this service's fault, not the client's. */
const faults = new Set([
  'KMSInternalException',
  'DependencyTimeoutException',
  'KeyUnavailableException',
  'ServiceFailure',
]);

/** What somebody else's token or proxy is the reason of: the client is told a text of AWS's, and which it was stands here. */
const ofKeyStores = new Set([
  'CustomKeyStoreInvalidStateException',
  'KMSInvalidStateException',
  'XksKeyNotFoundException',
  'XksProxyIncorrectAuthenticationCredentialException',
  'XksProxyInvalidConfigurationException',
  'XksProxyInvalidResponseException',
  'XksProxyUriUnreachableException',
]);

/** One event a request: who, what, outcome, time; the hidden cause of an internal error. No member of the input. */
export function requestLog(log: Log): (event: RequestEvent) => void {
  return ({ trail, seconds, outcome, cause }) => {
    const fault = faults.has(outcome);
    const isExplained = cause !== undefined && (fault || ofKeyStores.has(outcome));
    log.at(fault ? 'error' : 'info', 'request', {
      requestId: trail.request.requestId,
      batchRequestId: trail.request.batchRequestId,
      operation: trail.operation ?? 'unknown',
      outcome,
      principal: trail.caller?.arn,
      accessKeyId: trail.caller?.accessKeyId,
      apiToken: trail.caller?.apiToken?.tokenId,
      keyId: trail.keys[0]?.keyId,
      sourceIp: trail.request.origin.sourceIp,
      milliseconds: Math.round(seconds * 1e6) / 1e3,
      error: isExplained ? describeError(cause) : undefined,
    });
  };
}

/** The XKS errors that are this service's fault, not that of AWS KMS or of whoever it calls for. */
const xksFaults = new Set(['InternalException', 'DependencyTimeoutException']);

/** Why a signature was refused the client is not told; an operator who sets a store up has to know. */
const explained = new Set([...xksFaults, 'AuthenticationFailedException']);

/** The same of a request to the XKS proxy, with what its requestMetadata says of it. */
export function xksRequestLog(log: Log): (event: XksRequestEvent) => void {
  return ({ trail, seconds, outcome, cause }) => {
    const { path, deniedBy, about = {} } = trail;
    // By name: whoever may choose the names of an event's fields could write any event.
    log.at(xksFaults.has(outcome) ? 'error' : 'info', 'xks request', {
      requestId: trail.request.requestId,
      operation: path?.operation ?? 'unknown',
      outcome,
      prefix: path?.prefix,
      externalKeyId: trail.externalKeyId,
      accessKeyId: trail.accessKeyId,
      keyId: trail.key?.keyId,
      kmsRequestId: about['kmsRequestId'],
      kmsOperation: about['kmsOperation'],
      awsPrincipalArn: about['awsPrincipalArn'],
      kmsKeyArn: about['kmsKeyArn'],
      kmsViaService: about['kmsViaService'],
      awsSourceVpc: about['awsSourceVpc'],
      awsSourceVpce: about['awsSourceVpce'],
      deniedBy: deniedBy && `${deniedBy.by}: ${deniedBy.rule}`,
      sourceIp: trail.request.origin.sourceIp,
      milliseconds: Math.round(seconds * 1e6) / 1e3,
      error: explained.has(outcome) && cause !== undefined ? describeError(cause) : undefined,
    });
  };
}

/** Says that XKS requests were refused unread, and how many. */
export function xksOverloadLog(log: Log): (refused: number) => void {
  return (refused) => {
    log.warn('XKS requests were refused: they could not have been answered in time', { refused });
  };
}
