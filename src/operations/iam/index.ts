import type { Operation } from '../../operation';
import type { IamOperationName } from '../../shapes/iam.generated';

/** The operations of IAM that are served. */
export const iamOperations: { readonly [N in IamOperationName]?: Operation<N> } = {};
