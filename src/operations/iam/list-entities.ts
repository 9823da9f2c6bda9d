import { type EntityKind, entityArn, rootPath } from '../../iam/arns';
import { type Entity, listEntities } from '../../iam/entities';
import type { AccountAction } from '../../operation';
import type { AnyCall } from './entity-action';
import { type IamPage, listPage } from './pagination';

type ListCall = AnyCall & {
  readonly input: {
    readonly PathPrefix?: string;
    readonly Marker?: string;
    readonly MaxItems?: number;
  };
};

/** A list is asked for on the ARN of all that is below the path prefix. */
export function onPath(
  kind: EntityKind,
  action: `iam:${string}`,
): (call: ListCall) => readonly AccountAction[] {
  return ({ input, caller, services }) => {
    const all = { accountId: caller.accountId, kind, name: '' };
    return [{ action, resource: entityArn(services.place, all, input.PathPrefix ?? rootPath) }];
  };
}

/** A page of the account's entities of a kind, in order of name. */
export async function entityPage(
  { input, caller, services }: ListCall,
  operation: string,
  kind: EntityKind,
): Promise<IamPage<Entity>> {
  const { accountId } = caller;
  const { PathPrefix: pathPrefix } = input;
  return listPage(input, {
    operation,
    accountId,
    filters: [pathPrefix],
    fetch: (after, limit) =>
      listEntities(services.db, { accountId, kind, pathPrefix, after, limit }),
    position: ({ name }) => name,
  });
}
