import type { KeyUse } from '../keys/cipher';
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
  return { context, about: ({ arn }) => requestMetadata(operation, call, arn) };
}

/** What the proxy of an external key store is told of a request, for its own authorization and logs. */
export function requestMetadata(
  kmsOperation: OperationName,
  { caller, origin, requestId, services }: Facts,
  kmsKeyArn?: string,
): RequestMetadata {
  const via = caller.session?.via;
  return {
    kmsRequestId: requestId,
    kmsOperation,
    awsPrincipalArn: caller.arn,
    kmsKeyArn,
    kmsViaService: via === undefined ? undefined : viaServiceName(via, services.place.region),
    awsSourceVpc: origin.zone?.vpcId,
    awsSourceVpce: origin.zone?.vpceId,
  };
}
