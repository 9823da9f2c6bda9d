import type { Operation } from '../../operation';
import type { IamOperationName } from '../../shapes/iam.generated';
import { addClientIDToOpenIDConnectProvider } from './add-client-id-to-open-id-connect-provider';
import { attachGroupPolicy } from './attach-group-policy';
import { attachRolePolicy } from './attach-role-policy';
import { attachUserPolicy } from './attach-user-policy';
import { createOpenIDConnectProvider } from './create-open-id-connect-provider';
import { createPolicy } from './create-policy';
import { createPolicyVersion } from './create-policy-version';
import { createRole } from './create-role';
import { createUser } from './create-user';
import { deleteGroupPolicy } from './delete-group-policy';
import { deleteOpenIDConnectProvider } from './delete-open-id-connect-provider';
import { deletePolicy } from './delete-policy';
import { deletePolicyVersion } from './delete-policy-version';
import { deleteRole } from './delete-role';
import { deleteRolePermissionsBoundary } from './delete-role-permissions-boundary';
import { deleteRolePolicy } from './delete-role-policy';
import { deleteUserPermissionsBoundary } from './delete-user-permissions-boundary';
import { deleteUserPolicy } from './delete-user-policy';
import { detachGroupPolicy } from './detach-group-policy';
import { detachRolePolicy } from './detach-role-policy';
import { detachUserPolicy } from './detach-user-policy';
import { getGroupPolicy } from './get-group-policy';
import { getOpenIDConnectProvider } from './get-open-id-connect-provider';
import { getPolicy } from './get-policy';
import { getPolicyVersion } from './get-policy-version';
import { getRole } from './get-role';
import { getRolePolicy } from './get-role-policy';
import { getUser } from './get-user';
import { getUserPolicy } from './get-user-policy';
import { listAttachedGroupPolicies } from './list-attached-group-policies';
import { listAttachedRolePolicies } from './list-attached-role-policies';
import { listAttachedUserPolicies } from './list-attached-user-policies';
import { listEntitiesForPolicy } from './list-entities-for-policy';
import { listGroupPolicies } from './list-group-policies';
import { listOpenIDConnectProviders } from './list-open-id-connect-providers';
import { listPolicies } from './list-policies';
import { listPolicyVersions } from './list-policy-versions';
import { listRolePolicies } from './list-role-policies';
import { listRoles } from './list-roles';
import { listUserPolicies } from './list-user-policies';
import { putGroupPolicy } from './put-group-policy';
import { putRolePermissionsBoundary } from './put-role-permissions-boundary';
import { putRolePolicy } from './put-role-policy';
import { putUserPermissionsBoundary } from './put-user-permissions-boundary';
import { putUserPolicy } from './put-user-policy';
import { removeClientIDFromOpenIDConnectProvider } from './remove-client-id-from-open-id-connect-provider';
import { setDefaultPolicyVersion } from './set-default-policy-version';
import { updateAssumeRolePolicy } from './update-assume-role-policy';
import { updateOpenIDConnectProviderThumbprint } from './update-open-id-connect-provider-thumbprint';
import { updateRole } from './update-role';
import { updateRoleDescription } from './update-role-description';

/** The operations of IAM that are served. */
export const iamOperations = {
  AddClientIDToOpenIDConnectProvider: addClientIDToOpenIDConnectProvider,
  AttachGroupPolicy: attachGroupPolicy,
  AttachRolePolicy: attachRolePolicy,
  AttachUserPolicy: attachUserPolicy,
  CreateOpenIDConnectProvider: createOpenIDConnectProvider,
  CreatePolicy: createPolicy,
  CreatePolicyVersion: createPolicyVersion,
  CreateRole: createRole,
  CreateUser: createUser,
  DeleteGroupPolicy: deleteGroupPolicy,
  DeleteOpenIDConnectProvider: deleteOpenIDConnectProvider,
  DeletePolicy: deletePolicy,
  DeletePolicyVersion: deletePolicyVersion,
  DeleteRole: deleteRole,
  DeleteRolePermissionsBoundary: deleteRolePermissionsBoundary,
  DeleteRolePolicy: deleteRolePolicy,
  DeleteUserPermissionsBoundary: deleteUserPermissionsBoundary,
  DeleteUserPolicy: deleteUserPolicy,
  DetachGroupPolicy: detachGroupPolicy,
  DetachRolePolicy: detachRolePolicy,
  DetachUserPolicy: detachUserPolicy,
  GetGroupPolicy: getGroupPolicy,
  GetOpenIDConnectProvider: getOpenIDConnectProvider,
  GetPolicy: getPolicy,
  GetPolicyVersion: getPolicyVersion,
  GetRole: getRole,
  GetRolePolicy: getRolePolicy,
  GetUser: getUser,
  GetUserPolicy: getUserPolicy,
  ListAttachedGroupPolicies: listAttachedGroupPolicies,
  ListAttachedRolePolicies: listAttachedRolePolicies,
  ListAttachedUserPolicies: listAttachedUserPolicies,
  ListEntitiesForPolicy: listEntitiesForPolicy,
  ListGroupPolicies: listGroupPolicies,
  ListOpenIDConnectProviders: listOpenIDConnectProviders,
  ListPolicies: listPolicies,
  ListPolicyVersions: listPolicyVersions,
  ListRolePolicies: listRolePolicies,
  ListRoles: listRoles,
  ListUserPolicies: listUserPolicies,
  PutGroupPolicy: putGroupPolicy,
  PutRolePermissionsBoundary: putRolePermissionsBoundary,
  PutRolePolicy: putRolePolicy,
  PutUserPermissionsBoundary: putUserPermissionsBoundary,
  PutUserPolicy: putUserPolicy,
  RemoveClientIDFromOpenIDConnectProvider: removeClientIDFromOpenIDConnectProvider,
  SetDefaultPolicyVersion: setDefaultPolicyVersion,
  UpdateAssumeRolePolicy: updateAssumeRolePolicy,
  UpdateOpenIDConnectProviderThumbprint: updateOpenIDConnectProviderThumbprint,
  UpdateRole: updateRole,
  UpdateRoleDescription: updateRoleDescription,
} satisfies { readonly [N in IamOperationName]?: Operation<N> };
