import {
  CreateGrantCommand,
  type CreateGrantCommandInput,
  DescribeKeyCommand,
  type KMSClient,
  ListGrantsCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
} from '@aws-sdk/client-kms';
import { type ConditionRow, type ConditionStage, encryptionContext } from './condition-stage';

/** The service that grants are made for; it must be registered. */
export const grantedService = 's3.amazonaws.com';

const bucket = 'arn:aws:s3:::bucket-of-docs';

/** The rows of the operations on grants. */
export function grantConditionKeys(stage: () => ConditionStage): readonly ConditionRow[] {
  const terms = (more: Partial<CreateGrantCommandInput>): CreateGrantCommand => {
    const forService = more.GranteeServicePrincipal !== undefined;
    return new CreateGrantCommand({
      KeyId: stage().key.id,
      GranteePrincipal: forService ? undefined : stage().alice.name,
      Operations: ['Decrypt', 'Encrypt'],
      ...more,
    });
  };
  const create = (more: Partial<CreateGrantCommandInput> = {}) => ({
    action: 'kms:CreateGrant',
    send: (kms: KMSClient) => kms.send(terms(more)),
  });
  const remove = (
    action: 'kms:RetireGrant' | 'kms:RevokeGrant',
    more: Partial<CreateGrantCommandInput> = {},
  ) => ({
    action,
    send: async (kms: KMSClient): Promise<unknown> => {
      const { GrantId } = await stage().root.send(terms(more));
      const ids = { KeyId: stage().key.arn, GrantId };
      return action === 'kms:RetireGrant'
        ? kms.send(new RetireGrantCommand(ids))
        : kms.send(new RevokeGrantCommand(ids));
    },
  });
  // What a key policy says of RetireGrant has no effect (kms-semantics §7.5).
  const retire = (more: Partial<CreateGrantCommandInput> = {}) =>
    ({ kinds: ['identity policy'], ...remove('kms:RetireGrant', more) }) as const;
  const constrained = { Constraints: { EncryptionContextSubset: encryptionContext } };
  const forService = {
    GranteeServicePrincipal: grantedService,
    RetiringServicePrincipal: grantedService,
    Constraints: { SourceArn: bucket },
  };
  const alice = 'arn:aws:iam::111122223333:user/alice';
  const root = 'arn:aws:iam::111122223333:root';
  const project = ['StringEquals', 'Zeus', 'zeus'] as const;
  const subset = ['StringEquals', 'EncryptionContextSubset', 'EncryptionContextEquals'] as const;
  const service = ['StringEquals', grantedService, 'ec2.amazonaws.com'] as const;
  const notForResource = ['Bool', 'false', 'true'] as const;
  return [
    { key: 'kms:EncryptionContext:Project', ...create(constrained), met: project },
    { key: 'kms:EncryptionContext:Project', ...create() },
    { key: 'kms:EncryptionContext:Project', ...retire(constrained), met: project },
    {
      ...{ key: 'kms:EncryptionContextKeys', ...create(constrained) },
      met: ['ForAnyValue:StringEquals', 'Stage', 'stage'],
    },
    { key: 'kms:GrantConstraintType', ...create(constrained), met: subset },
    {
      ...{ key: 'kms:GrantConstraintType' },
      ...create({ Constraints: { EncryptionContextEquals: encryptionContext } }),
      met: ['StringEquals', 'EncryptionContextEquals', 'EncryptionContextSubset'],
    },
    { key: 'kms:GrantConstraintType', ...create() },
    { key: 'kms:GrantConstraintType', ...retire(constrained), met: subset },
    { key: 'kms:GrantConstraintType', ...retire() },
    {
      ...{ key: 'kms:GrantConstraintSourceArn', ...create({ Constraints: { SourceArn: bucket } }) },
      met: ['ArnLike', 'arn:aws:s3:::b*', 'arn:aws:s3:::c*'],
    },
    { key: 'kms:GrantConstraintSourceArn', ...create() },
    {
      ...{ key: 'kms:GrantOperations', ...create() },
      met: ['ForAnyValue:StringEquals', 'Encrypt', 'GenerateDataKey'],
    },
    {
      ...{ key: 'kms:GranteePrincipal', ...create() },
      met: ['StringEquals', alice, root],
    },
    { key: 'kms:GranteePrincipal', ...create(forService) },
    { key: 'kms:GranteeServicePrincipal', ...create(forService), met: service },
    { key: 'kms:GranteeServicePrincipal', ...create() },
    {
      ...{ key: 'kms:RetiringPrincipal', ...create({ RetiringPrincipal: root }) },
      met: ['StringEquals', root, alice],
    },
    { key: 'kms:RetiringPrincipal', ...create() },
    { key: 'kms:RetiringServicePrincipal', ...create(forService), met: service },
    { key: 'kms:RetiringServicePrincipal', ...create() },
    { key: 'kms:GrantIsForAWSResource', ...create(), met: notForResource },
    {
      ...{ key: 'kms:GrantIsForAWSResource', action: 'kms:ListGrants', met: notForResource },
      send: (kms) => kms.send(new ListGrantsCommand({ KeyId: stage().key.id })),
    },
    { key: 'kms:GrantIsForAWSResource', ...remove('kms:RevokeGrant'), met: notForResource },
    {
      ...{ key: 'kms:GrantIsForAWSResource', action: 'kms:DescribeKey' },
      send: (kms) => kms.send(new DescribeKeyCommand({ KeyId: stage().key.id })),
    },
  ];
}
