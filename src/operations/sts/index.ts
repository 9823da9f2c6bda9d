import type { Operation } from '../../operation';
import type { StsOperationName } from '../../shapes/sts.generated';
import { getCallerIdentity } from './get-caller-identity';

/** The operations of STS that are served. */
export const stsOperations: { readonly [N in StsOperationName]?: Operation<N> } = {
  GetCallerIdentity: getCallerIdentity,
};
