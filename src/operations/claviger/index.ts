import type { Operation } from '../../operation';
import type { ClavigerOperationName } from '../../shapes/claviger.generated';
import { createApiToken } from './create-api-token';
import { deleteApiToken } from './delete-api-token';
import { listApiTokens } from './list-api-tokens';

/** What AWS has no operation for. */
export const clavigerOperations = {
  CreateApiToken: createApiToken,
  DeleteApiToken: deleteApiToken,
  ListApiTokens: listApiTokens,
} satisfies { readonly [N in ClavigerOperationName]: Operation<N> };
