import type { Operation } from '../../operation';
import type { IamOperationName } from '../../shapes/iam.generated';
import { addClientIDToOpenIDConnectProvider } from './add-client-id-to-open-id-connect-provider';
import { addUserToGroup } from './add-user-to-group';
import { attachGroupPolicy } from './attach-group-policy';
import { attachRolePolicy } from './attach-role-policy';
import { attachUserPolicy } from './attach-user-policy';
import { createAccessKey } from './create-access-key';
import { createAccountAlias } from './create-account-alias';
import { createGroup } from './create-group';
import { createOpenIDConnectProvider } from './create-open-id-connect-provider';
import { createPolicy } from './create-policy';
import { createPolicyVersion } from './create-policy-version';
import { createRole } from './create-role';
import { createUser } from './create-user';
import { deleteAccessKey } from './delete-access-key';
import { deleteAccountAlias } from './delete-account-alias';
import { deleteGroup } from './delete-group';
import { deleteGroupPolicy } from './delete-group-policy';
import { deleteOpenIDConnectProvider } from './delete-open-id-connect-provider';
import { deletePolicy } from './delete-policy';
import { deletePolicyVersion } from './delete-policy-version';
import { deleteRole } from './delete-role';
import { deleteRolePermissionsBoundary } from './delete-role-permissions-boundary';
import { deleteRolePolicy } from './delete-role-policy';
import { deleteUser } from './delete-user';
import { deleteUserPermissionsBoundary } from './delete-user-permissions-boundary';
import { deleteUserPolicy } from './delete-user-policy';
import { detachGroupPolicy } from './detach-group-policy';
import { detachRolePolicy } from './detach-role-policy';
import { detachUserPolicy } from './detach-user-policy';
import { getAccessKeyLastUsed } from './get-access-key-last-used';
import { getAccountSummary } from './get-account-summary';
import { getGroup } from './get-group';
import { getGroupPolicy } from './get-group-policy';
import { getOpenIDConnectProvider } from './get-open-id-connect-provider';
import { getPolicy } from './get-policy';
import { getPolicyVersion } from './get-policy-version';
import { getRole } from './get-role';
import { getRolePolicy } from './get-role-policy';
import { getUser } from './get-user';
import { getUserPolicy } from './get-user-policy';
import { listAccessKeys } from './list-access-keys';
import { listAccountAliases } from './list-account-aliases';
import { listAttachedGroupPolicies } from './list-attached-group-policies';
import { listAttachedRolePolicies } from './list-attached-role-policies';
import { listAttachedUserPolicies } from './list-attached-user-policies';
import { listEntitiesForPolicy } from './list-entities-for-policy';
import { listGroupPolicies } from './list-group-policies';
import { listGroups } from './list-groups';
import { listGroupsForUser } from './list-groups-for-user';
import { listInstanceProfilesForRole } from './list-instance-profiles-for-role';
import { listOpenIDConnectProviderTags } from './list-open-id-connect-provider-tags';
import { listOpenIDConnectProviders } from './list-open-id-connect-providers';
import { listPolicies } from './list-policies';
import { listPolicyTags } from './list-policy-tags';
import { listPolicyVersions } from './list-policy-versions';
import { listRolePolicies } from './list-role-policies';
import { listRoleTags } from './list-role-tags';
import { listRoles } from './list-roles';
import { listUserPolicies } from './list-user-policies';
import { listUserTags } from './list-user-tags';
import { listUsers } from './list-users';
import { putGroupPolicy } from './put-group-policy';
import { putRolePermissionsBoundary } from './put-role-permissions-boundary';
import { putRolePolicy } from './put-role-policy';
import { putUserPermissionsBoundary } from './put-user-permissions-boundary';
import { putUserPolicy } from './put-user-policy';
import { removeClientIDFromOpenIDConnectProvider } from './remove-client-id-from-open-id-connect-provider';
import { removeUserFromGroup } from './remove-user-from-group';
import { setDefaultPolicyVersion } from './set-default-policy-version';
import { tagOpenIDConnectProvider } from './tag-open-id-connect-provider';
import { tagPolicy } from './tag-policy';
import { tagRole } from './tag-role';
import { tagUser } from './tag-user';
import { untagOpenIDConnectProvider } from './untag-open-id-connect-provider';
import { untagPolicy } from './untag-policy';
import { untagRole } from './untag-role';
import { untagUser } from './untag-user';
import { updateAccessKey } from './update-access-key';
import { updateAssumeRolePolicy } from './update-assume-role-policy';
import { updateGroup } from './update-group';
import { updateOpenIDConnectProviderThumbprint } from './update-open-id-connect-provider-thumbprint';
import { updateRole } from './update-role';
import { updateRoleDescription } from './update-role-description';
import { updateUser } from './update-user';

/** The operations of IAM that are served. */
export const iamOperations = {
  AddClientIDToOpenIDConnectProvider: addClientIDToOpenIDConnectProvider,
  AddUserToGroup: addUserToGroup,
  AttachGroupPolicy: attachGroupPolicy,
  AttachRolePolicy: attachRolePolicy,
  AttachUserPolicy: attachUserPolicy,
  CreateAccessKey: createAccessKey,
  CreateAccountAlias: createAccountAlias,
  CreateGroup: createGroup,
  CreateOpenIDConnectProvider: createOpenIDConnectProvider,
  CreatePolicy: createPolicy,
  CreatePolicyVersion: createPolicyVersion,
  CreateRole: createRole,
  CreateUser: createUser,
  DeleteAccessKey: deleteAccessKey,
  DeleteAccountAlias: deleteAccountAlias,
  DeleteGroup: deleteGroup,
  DeleteGroupPolicy: deleteGroupPolicy,
  DeleteOpenIDConnectProvider: deleteOpenIDConnectProvider,
  DeletePolicy: deletePolicy,
  DeletePolicyVersion: deletePolicyVersion,
  DeleteRole: deleteRole,
  DeleteRolePermissionsBoundary: deleteRolePermissionsBoundary,
  DeleteRolePolicy: deleteRolePolicy,
  DeleteUser: deleteUser,
  DeleteUserPermissionsBoundary: deleteUserPermissionsBoundary,
  DeleteUserPolicy: deleteUserPolicy,
  DetachGroupPolicy: detachGroupPolicy,
  DetachRolePolicy: detachRolePolicy,
  DetachUserPolicy: detachUserPolicy,
  GetAccessKeyLastUsed: getAccessKeyLastUsed,
  GetAccountSummary: getAccountSummary,
  GetGroup: getGroup,
  GetGroupPolicy: getGroupPolicy,
  GetOpenIDConnectProvider: getOpenIDConnectProvider,
  GetPolicy: getPolicy,
  GetPolicyVersion: getPolicyVersion,
  GetRole: getRole,
  GetRolePolicy: getRolePolicy,
  GetUser: getUser,
  GetUserPolicy: getUserPolicy,
  ListAccessKeys: listAccessKeys,
  ListAccountAliases: listAccountAliases,
  ListAttachedGroupPolicies: listAttachedGroupPolicies,
  ListAttachedRolePolicies: listAttachedRolePolicies,
  ListAttachedUserPolicies: listAttachedUserPolicies,
  ListEntitiesForPolicy: listEntitiesForPolicy,
  ListGroupPolicies: listGroupPolicies,
  ListGroups: listGroups,
  ListGroupsForUser: listGroupsForUser,
  ListInstanceProfilesForRole: listInstanceProfilesForRole,
  ListOpenIDConnectProviderTags: listOpenIDConnectProviderTags,
  ListOpenIDConnectProviders: listOpenIDConnectProviders,
  ListPolicies: listPolicies,
  ListPolicyTags: listPolicyTags,
  ListPolicyVersions: listPolicyVersions,
  ListRolePolicies: listRolePolicies,
  ListRoleTags: listRoleTags,
  ListRoles: listRoles,
  ListUserPolicies: listUserPolicies,
  ListUserTags: listUserTags,
  ListUsers: listUsers,
  PutGroupPolicy: putGroupPolicy,
  PutRolePermissionsBoundary: putRolePermissionsBoundary,
  PutRolePolicy: putRolePolicy,
  PutUserPermissionsBoundary: putUserPermissionsBoundary,
  PutUserPolicy: putUserPolicy,
  RemoveClientIDFromOpenIDConnectProvider: removeClientIDFromOpenIDConnectProvider,
  RemoveUserFromGroup: removeUserFromGroup,
  SetDefaultPolicyVersion: setDefaultPolicyVersion,
  TagOpenIDConnectProvider: tagOpenIDConnectProvider,
  TagPolicy: tagPolicy,
  TagRole: tagRole,
  TagUser: tagUser,
  UntagOpenIDConnectProvider: untagOpenIDConnectProvider,
  UntagPolicy: untagPolicy,
  UntagRole: untagRole,
  UntagUser: untagUser,
  UpdateAccessKey: updateAccessKey,
  UpdateAssumeRolePolicy: updateAssumeRolePolicy,
  UpdateGroup: updateGroup,
  UpdateOpenIDConnectProviderThumbprint: updateOpenIDConnectProviderThumbprint,
  UpdateRole: updateRole,
  UpdateRoleDescription: updateRoleDescription,
  UpdateUser: updateUser,
} satisfies { readonly [N in IamOperationName]: Operation<N> };
