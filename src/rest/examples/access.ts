import type { Examples } from './example';
import {
  aliasArn,
  aliasName,
  encryptionContext,
  grantId,
  grantToken,
  keyArn,
  keyId,
  madeAt,
  policy,
  rootArn,
  tokenId,
  userArn,
} from './values';

const grant = {
  Name: 'invoicing',
  GranteePrincipal: userArn,
  RetiringPrincipal: rootArn,
  Operations: ['Encrypt', 'Decrypt'],
  Constraints: { EncryptionContextSubset: encryptionContext },
};
const listedGrant = {
  KeyId: keyArn,
  GrantId: grantId,
  CreationDate: madeAt,
  IssuingAccount: rootArn,
  ...grant,
};

const tokenPolicy =
  '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:GenerateDataKey","kms:Decrypt"],' +
  `"Resource":"${keyArn}"}]}`;
const apiToken = {
  TokenId: tokenId,
  Name: 'invoicing in production',
  PrincipalArn: userArn,
  CreationDate: madeAt,
  ExpirationDate: '2026-12-26T02:00:00.000Z',
  Policy: tokenPolicy,
};

/** Names of keys, and who may use them. */
export const accessExamples: Examples = {
  CreateAlias: { input: { AliasName: aliasName, TargetKeyId: keyId } },
  ListAliases: {
    input: { KeyId: keyId },
    answer: {
      Aliases: [
        {
          AliasName: aliasName,
          AliasArn: aliasArn,
          TargetKeyId: keyId,
          CreationDate: madeAt,
          LastUpdatedDate: madeAt,
        },
      ],
    },
  },
  UpdateAlias: { input: { AliasName: aliasName, TargetKeyId: keyId } },
  DeleteAlias: { input: { AliasName: aliasName } },
  CreateGrant: {
    input: { KeyId: keyId, ...grant },
    answer: { GrantId: grantId, GrantToken: grantToken },
  },
  ListGrants: { input: { KeyId: keyId }, answer: { Grants: [listedGrant] } },
  ListRetirableGrants: {
    input: { RetiringPrincipal: rootArn },
    answer: { Grants: [listedGrant] },
  },
  RevokeGrant: { input: { KeyId: keyId, GrantId: grantId } },
  RetireGrant: { input: { GrantToken: grantToken } },
  GetKeyPolicy: {
    input: { KeyId: keyId },
    answer: { Policy: policy, PolicyName: 'default' },
  },
  PutKeyPolicy: { input: { KeyId: keyId, Policy: policy } },
  ListKeyPolicies: { input: { KeyId: keyId }, answer: { PolicyNames: ['default'] } },
  TagResource: {
    input: { KeyId: keyId, Tags: [{ TagKey: 'cost-center', TagValue: '42' }] },
  },
  ListResourceTags: {
    input: { KeyId: keyId },
    answer: {
      Tags: [
        { TagKey: 'cost-center', TagValue: '42' },
        { TagKey: 'team', TagValue: 'billing' },
      ],
    },
  },
  UntagResource: { input: { KeyId: keyId, TagKeys: ['cost-center'] } },
  CreateApiToken: {
    input: { Name: apiToken.Name, DurationSeconds: 2_592_000, Policy: tokenPolicy },
    answer: {
      Token: `clv_${tokenId}_ExampleExampleExampleExampleExampleExample0`,
      ApiToken: apiToken,
    },
  },
  ListApiTokens: { input: {}, answer: { ApiTokens: [apiToken] } },
  DeleteApiToken: { input: { TokenId: tokenId } },
};
