import type { KeyUse } from '../keys/cipher';
import type { Key } from '../keys/key';
import type { Call } from '../operation';
import { viaServiceName } from '../policy/via-service';
import type { OperationName } from '../shapes/operations';
import type { RequestMetadata } from '../xks/metadata';

type Facts = Pick<Call<OperationName>, 'caller' | 'origin' | 'requestId' | 'services'>;

/** What a request encrypts or decrypts for, under an encryption context. */
export function keyUse(
  operation: OperationName,
  call: Facts,
  context: Readonly<Record<string, string>> | undefined,
): KeyUse {
  return { context, about: (key) => requestMetadata(operation, call, key) };
}

/**
 * What the proxy of an external key store is told of a request, for its own authorization and logs. Of the network only where
 * the caller's account is the key's (AWS KMS, authorization of proxies).
 */
export function requestMetadata(
  kmsOperation: OperationName,
  { caller, origin, requestId, services }: Facts,
  key?: Pick<Key, 'arn' | 'accountId'>,
): RequestMetadata {
  const via = caller.session?.via;
  const zone = key === undefined || key.accountId === caller.accountId ? origin.zone : undefined;
  return {
    kmsRequestId: requestId,
    kmsOperation,
    awsPrincipalArn: caller.arn,
    kmsKeyArn: key?.arn,
    kmsViaService: via === undefined ? undefined : viaServiceName(via, services.place.region),
    awsSourceVpc: zone?.vpcId,
    awsSourceVpce: zone?.vpceId,
  };
}
