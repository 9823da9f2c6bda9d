import type { Operation } from '../../operation';
import type { IamOperationName } from '../../shapes/iam.generated';
import { addUserToGroup } from './add-user-to-group';
import { createAccessKey } from './create-access-key';
import { createAccountAlias } from './create-account-alias';
import { createGroup } from './create-group';
import { createUser } from './create-user';
import { deleteAccessKey } from './delete-access-key';
import { deleteAccountAlias } from './delete-account-alias';
import { deleteGroup } from './delete-group';
import { deleteUser } from './delete-user';
import { getAccessKeyLastUsed } from './get-access-key-last-used';
import { getAccountSummary } from './get-account-summary';
import { getGroup } from './get-group';
import { getUser } from './get-user';
import { listAccessKeys } from './list-access-keys';
import { listAccountAliases } from './list-account-aliases';
import { listGroups } from './list-groups';
import { listGroupsForUser } from './list-groups-for-user';
import { listRoleTags } from './list-role-tags';
import { listUserTags } from './list-user-tags';
import { listUsers } from './list-users';
import { removeUserFromGroup } from './remove-user-from-group';
import { tagRole } from './tag-role';
import { tagUser } from './tag-user';
import { untagRole } from './untag-role';
import { untagUser } from './untag-user';
import { updateAccessKey } from './update-access-key';
import { updateGroup } from './update-group';
import { updateUser } from './update-user';

/** The operations of IAM that are served. */
export const iamOperations = {
  AddUserToGroup: addUserToGroup,
  CreateAccessKey: createAccessKey,
  CreateAccountAlias: createAccountAlias,
  CreateGroup: createGroup,
  CreateUser: createUser,
  DeleteAccessKey: deleteAccessKey,
  DeleteAccountAlias: deleteAccountAlias,
  DeleteGroup: deleteGroup,
  DeleteUser: deleteUser,
  GetAccessKeyLastUsed: getAccessKeyLastUsed,
  GetAccountSummary: getAccountSummary,
  GetGroup: getGroup,
  GetUser: getUser,
  ListAccessKeys: listAccessKeys,
  ListAccountAliases: listAccountAliases,
  ListGroups: listGroups,
  ListGroupsForUser: listGroupsForUser,
  ListRoleTags: listRoleTags,
  ListUserTags: listUserTags,
  ListUsers: listUsers,
  RemoveUserFromGroup: removeUserFromGroup,
  TagRole: tagRole,
  TagUser: tagUser,
  UntagRole: untagRole,
  UntagUser: untagUser,
  UpdateAccessKey: updateAccessKey,
  UpdateGroup: updateGroup,
  UpdateUser: updateUser,
} satisfies { readonly [N in IamOperationName]?: Operation<N> };
