import { announceEntity } from '../../iam/announce';
import { accessKeyIdsOf } from '../../iam/access-keys';
import { type EntityName, entityArn } from '../../iam/arns';
import { followRename } from '../../iam/dangling';
import { type Entity, findEntity, lockEntity, renameEntity } from '../../iam/entities';
import type { AccountAction, Change } from '../../operation';
import { type AnyCall, entityAction } from './entity-action';

interface Renaming {
  readonly entity: EntityName;
  readonly newName: string | undefined;
  readonly newPath: string | undefined;
}

/**
 * Whoever gives an entity another name or path must be allowed to on the old ARN and on the new one (IAM API reference,
 * UpdateUser and UpdateGroup).
 */
export async function renameActions(
  call: AnyCall,
  action: `iam:${string}`,
  renaming: Renaming,
): Promise<readonly AccountAction[]> {
  const source = await entityAction(call, { action, entity: renaming.entity });
  const found = await findEntity(call.services.db, renaming.entity);
  if (found === undefined) return [source];
  const { arn } = renamed(call, found, renaming);
  return arn === source.resource ? [source] : [source, { ...source, resource: arn }];
}

/** Renames, and makes every worker forget the principal and the access keys that carry its ARN. */
export async function rename(
  call: AnyCall,
  { transaction }: Change,
  renaming: Renaming,
): Promise<void> {
  const entity = await lockEntity(transaction, renaming.entity);
  const to = renamed(call, entity, renaming);
  await renameEntity(transaction, entity, to);
  await followRename(transaction, call.services, { from: entity.arn, to: to.arn });
  await announceEntity(transaction, entity);
  const owner = { accountId: entity.accountId, principalId: entity.id };
  for (const id of await accessKeyIdsOf(transaction, owner)) {
    transaction.announce({ topic: 'access-key', id });
  }
}

function renamed(
  { services }: AnyCall,
  entity: Entity,
  { newName, newPath }: Renaming,
): Pick<Entity, 'name' | 'path' | 'arn'> {
  const name = newName ?? entity.name;
  const path = newPath ?? entity.path;
  return { name, path, arn: entityArn(services.place, { ...entity, name }, path) };
}
