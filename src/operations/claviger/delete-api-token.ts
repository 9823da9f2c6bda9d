import { deleteApiToken as remove, findApiToken } from '../../auth/api-token-rows';
import { KmsError } from '../../errors';
import type { AccountAction, Call, Operation } from '../../operation';
import { isOwn, onOthersTokens, onOwnTokens } from './token-actions';

const action = 'claviger:DeleteApiToken';

export const deleteApiToken: Operation<'DeleteApiToken'> = {
  name: 'DeleteApiToken',
  rest: {
    method: 'DELETE',
    path: '/api-tokens/{TokenId}',
    summary: 'Deletes an API token: it is accepted nowhere when this is answered.',
  },
  readOnly: false,
  audited: ['TokenId'],
  accountActions,

  async write({ input, caller: { accountId } }, { transaction }) {
    const { TokenId: tokenId } = input;
    if (!(await remove(transaction, { accountId, tokenId }))) throw notFound(tokenId);
    transaction.announce({ topic: 'api-token', id: tokenId });
    return {};
  },
};

/** One that there is not is asked for as if it were the caller's own, and so is one of another by who may not delete that. */
async function accountActions(call: Call<'DeleteApiToken'>): Promise<readonly AccountAction[]> {
  const { caller, services, input } = call;
  const { TokenId: tokenId } = input;
  const found = await findApiToken(services.db, { accountId: caller.accountId, tokenId });
  const asOwn = onOwnTokens(call, { action, tokenId });
  if (found === undefined || isOwn(found, caller)) return [asOwn];
  const { callerId: holder } = found;
  const asOthers = onOthersTokens(call, { action, holder, tokenId, deniedAs: notFound(tokenId) });
  return [{ ...asOthers, elseAsked: asOwn }];
}

function notFound(tokenId: string): KmsError {
  return new KmsError('NotFoundException', `API token '${tokenId}' does not exist`);
}
