import type { Operation } from '../../operation';
import type { IamOperationName } from '../../shapes/iam.generated';
import { createUser } from './create-user';
import { getUser } from './get-user';

/** The operations of IAM that are served. */
export const iamOperations = {
  CreateUser: createUser,
  GetUser: getUser,
} satisfies { readonly [N in IamOperationName]?: Operation<N> };
