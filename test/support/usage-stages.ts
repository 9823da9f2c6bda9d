import { CreateAliasCommand, type KMSClient } from '@aws-sdk/client-kms';
import type { ConditionStage } from './condition-stage';
import {
  type Usage,
  type UsageKey,
  type UsageOperation,
  use,
  usageKeys,
  usageRequests,
} from './usage-keys';

/** A stage with a key that neither encrypts nor decrypts. */
export interface UsageStage extends Omit<UsageKey, 'id' | 'arn'> {
  readonly stage: ConditionStage;
}

export type UsageStages = Readonly<Record<Usage, UsageStage>>;

/** Each key has an alias, and the tag of the stage's own. */
export async function usageStages(stage: ConditionStage): Promise<UsageStages> {
  const keys = await usageKeys(stage.daemon, { Tags: [{ TagKey: 'Team', TagValue: 'blue' }] });
  const on = async (usage: Usage): Promise<UsageStage> => {
    const { id: TargetKeyId, arn, ...key } = keys[usage];
    const AliasName = `alias/${usage}`;
    await stage.root.send(new CreateAliasCommand({ AliasName, TargetKeyId }));
    return { ...key, stage: stage.on({ id: TargetKeyId, arn }) };
  };
  return {
    signing: await on('signing'),
    mac: await on('mac'),
    agreement: await on('agreement'),
    encapsulation: await on('encapsulation'),
  };
}

/** Sends a request of the operation about the key that is for it. */
export async function useStage(
  stages: UsageStages,
  operation: UsageOperation,
  kms: KMSClient,
): Promise<void> {
  const { stage, made } = stages[usageRequests[operation].usage];
  await use(kms, operation, { id: stage.key.id, made });
}
