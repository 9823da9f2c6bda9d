import {
  CancelKeyDeletionCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  type KMSClient,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-kms';
import type { ConditionRow, ConditionStage } from './condition-stage';

/**
 * The rows of the operations that tag a key, disable it, rotate it or schedule its deletion. Each is undone where it was
 * allowed and can be.
 */
export function keyChangeConditionKeys(stage: () => ConditionStage): readonly ConditionRow[] {
  const tagIt = (kms: KMSClient) =>
    kms.send(
      new TagResourceCommand({
        ...{ KeyId: stage().key.id, Tags: [{ TagKey: 'Stage', TagValue: 'Test' }] },
      }),
    );
  const untagIt = (kms: KMSClient) =>
    kms.send(new UntagResourceCommand({ KeyId: stage().key.id, TagKeys: ['Stage'] }));
  const disable = async (kms: KMSClient) => {
    await kms.send(new DisableKeyCommand({ KeyId: stage().key.id }));
    await stage().root.send(new EnableKeyCommand({ KeyId: stage().key.id }));
  };
  const scheduleDeletion = (PendingWindowInDays?: number) => async (kms: KMSClient) => {
    const { root, key } = stage();
    const input = { KeyId: key.id, PendingWindowInDays };
    await kms.send(new ScheduleKeyDeletionCommand(input));
    await root.send(new CancelKeyDeletionCommand({ KeyId: key.id }));
    await root.send(new EnableKeyCommand({ KeyId: key.id }));
  };
  const enableRotation = (RotationPeriodInDays?: number) => (kms: KMSClient) =>
    kms.send(new EnableKeyRotationCommand({ KeyId: stage().key.id, RotationPeriodInDays }));

  return [
    {
      ...{ key: 'kms:RotationPeriodInDays', action: 'kms:EnableKeyRotation' },
      ...{ met: ['NumericEquals', '90', '91'], send: enableRotation(90) },
    },
    {
      ...{ key: 'kms:RotationPeriodInDays', action: 'kms:EnableKeyRotation' },
      ...{ met: ['NumericEquals', '365', '90'], send: enableRotation() },
    },
    {
      ...{ key: 'kms:RotationPeriodInDays', action: 'kms:RotateKeyOnDemand' },
      send: (kms) => kms.send(new RotateKeyOnDemandCommand({ KeyId: stage().key.id })),
    },
    {
      ...{ key: 'aws:RequestTag/stage', action: 'kms:TagResource', send: tagIt },
      met: ['StringEquals', 'Test', 'test'],
    },
    {
      ...{ key: 'aws:TagKeys', action: 'kms:TagResource', send: tagIt },
      met: ['ForAnyValue:StringEquals', 'Stage', 'stage'],
    },
    {
      ...{ key: 'aws:TagKeys', action: 'kms:UntagResource', send: untagIt },
      met: ['ForAnyValue:StringEquals', 'Stage', 'stage'],
    },
    { key: 'aws:RequestTag/Stage', action: 'kms:UntagResource', send: untagIt },
    {
      ...{ key: 'kms:TrailingDaysWithoutKeyUsage', action: 'kms:DisableKey', send: disable },
      met: ['NumericEquals', '0', '1'],
    },
    {
      ...{ key: 'kms:TrailingDaysWithoutKeyUsage', action: 'kms:EnableKey' },
      send: (kms) => kms.send(new EnableKeyCommand({ KeyId: stage().key.id })),
    },
    {
      ...{ key: 'kms:TrailingDaysWithoutKeyUsage', action: 'kms:ScheduleKeyDeletion' },
      ...{ met: ['NumericEquals', '0', '1'], send: scheduleDeletion() },
    },
    {
      ...{ key: 'kms:ScheduleKeyDeletionPendingWindowInDays', action: 'kms:ScheduleKeyDeletion' },
      ...{ met: ['NumericEquals', '7', '8'], send: scheduleDeletion(7) },
    },
    {
      ...{ key: 'kms:ScheduleKeyDeletionPendingWindowInDays', action: 'kms:ScheduleKeyDeletion' },
      ...{ met: ['NumericEquals', '30', '7'], send: scheduleDeletion() },
    },
    {
      ...{ key: 'kms:ScheduleKeyDeletionPendingWindowInDays', action: 'kms:DisableKey' },
      send: disable,
    },
  ];
}
