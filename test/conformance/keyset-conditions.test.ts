import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateGrantCommand,
  DecryptCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateDataKeyPairWithoutPlaintextCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GetKeyLastUsageCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  type KMSClient,
  ListGrantsCommand,
  ListKeyPoliciesCommand,
  ListKeyRotationsCommand,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  ScheduleKeyDeletionCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
  RotateKeyOnDemandCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  UpdateKeyDescriptionCommand,
} from '@aws-sdk/client-kms';
import { operations } from '../../src/operations';
import { operationNamesOf, type OperationName } from '../../src/shapes/operations';
import {
  type ConditionStage,
  encryptionContext,
  openConditionStage,
} from '../support/condition-stage';
import { asFarAsTheOrigin, importRequests } from '../support/import-condition-keys';
import { operationsWithoutKey } from '../support/kms-condition-keys';
import { getPublicKey, usageOperations, usageRequests } from '../support/usage-keys';
import { type UsageStage, type UsageStages, usageStages, useStage } from '../support/usage-stages';

/** What kms-semantics §6.8 calls KEYSET: the conditions that every action on a key supplies. */
let stage: ConditionStage;
let stages: UsageStages;
beforeAll(async () => {
  stage = await openConditionStage();
  stages = await usageStages(stage);
});
afterAll(() => stage.daemon.remove());

interface Kind extends Pick<UsageStage, 'stage' | 'keySpec' | 'keyUsage'> {
  /** What is asked of such a key. */
  readonly asked: readonly Request[];
}

/** The key of each kind, the symmetric one first. */
const kinds = (): readonly Kind[] => [
  { stage, keySpec: 'SYMMETRIC_DEFAULT', keyUsage: 'ENCRYPT_DECRYPT', asked: requests },
  ...Object.values(stages).map((one) => ({ ...one, asked: requestsOf(one) })),
];

const all = ({ keySpec, keyUsage }: Kind) => ({
  StringEquals: {
    'kms:CallerAccount': '111122223333',
    'kms:KeyOrigin': 'AWS_KMS',
    'kms:KeySpec': keySpec,
    'kms:KeyUsage': keyUsage,
    'kms:CustomerMasterKeySpec': keySpec,
    'kms:CustomerMasterKeyUsage': keyUsage,
    'aws:ResourceAccount': '111122223333',
  },
  Bool: { 'kms:MultiRegion': 'false' },
  Null: { 'kms:ViaService': 'true' },
});
/** Of identity policies alone. */
const labels = (kind: Kind) => ({
  StringEquals: { ...all(kind).StringEquals, 'aws:ResourceTag/Team': 'blue' },
  'ForAnyValue:StringLike': { 'kms:ResourceAliases': 'alias/*' },
});

type Send = (kms: KMSClient, stage: ConditionStage) => Promise<unknown>;
type Request = readonly [operation: OperationName, send: Send];

const send = (kms: KMSClient, command: unknown): Promise<unknown> =>
  (kms as { send(one: unknown): Promise<unknown> }).send(command);

const Plaintext = Buffer.from('a');
const terms = ({ key }: ConditionStage): CreateGrantCommand =>
  new CreateGrantCommand({
    KeyId: key.id,
    GranteePrincipal: 'arn:aws:iam::111122223333:root',
    Operations: ['RetireGrant'],
  });
const grant = async (at: ConditionStage): Promise<string | undefined> =>
  (await at.root.send(terms(at))).GrantId;

/** In an order in which each can follow the one before, over and over. */
const requests: readonly Request[] = [
  ['DescribeKey', (kms, { key }) => kms.send(new DescribeKeyCommand({ KeyId: key.id }))],
  ['Encrypt', (kms, { key }) => kms.send(new EncryptCommand({ KeyId: key.id, Plaintext }))],
  [
    'Decrypt',
    (kms, { sealed: CiphertextBlob, key }) =>
      kms.send(
        new DecryptCommand({ KeyId: key.id, CiphertextBlob, EncryptionContext: encryptionContext }),
      ),
  ],
  [
    'ReEncrypt',
    (kms, { sealed: CiphertextBlob, key }) =>
      kms.send(
        new ReEncryptCommand({
          ...{ CiphertextBlob, SourceEncryptionContext: encryptionContext },
          ...{ SourceKeyId: key.id, DestinationKeyId: key.id },
        }),
      ),
  ],
  [
    'GenerateDataKey',
    (kms, { key }) => kms.send(new GenerateDataKeyCommand({ KeyId: key.id, KeySpec: 'AES_128' })),
  ],
  [
    'GenerateDataKeyWithoutPlaintext',
    (kms, { key }) =>
      kms.send(new GenerateDataKeyWithoutPlaintextCommand({ KeyId: key.id, KeySpec: 'AES_128' })),
  ],
  [
    'GenerateDataKeyPair',
    (kms, { key }) =>
      kms.send(new GenerateDataKeyPairCommand({ KeyId: key.id, KeyPairSpec: 'ECC_NIST_P256' })),
  ],
  [
    'GenerateDataKeyPairWithoutPlaintext',
    (kms, { key }) =>
      kms.send(
        new GenerateDataKeyPairWithoutPlaintextCommand({
          ...{ KeyId: key.id, KeyPairSpec: 'ECC_NIST_P256' },
        }),
      ),
  ],
  ['CreateGrant', (kms, at) => kms.send(terms(at))],
  ['ListGrants', (kms, { key }) => kms.send(new ListGrantsCommand({ KeyId: key.id }))],
  [
    'RetireGrant',
    async (kms, at) =>
      kms.send(new RetireGrantCommand({ KeyId: at.key.arn, GrantId: await grant(at) })),
  ],
  [
    'RevokeGrant',
    async (kms, at) =>
      kms.send(new RevokeGrantCommand({ KeyId: at.key.arn, GrantId: await grant(at) })),
  ],
  ['GetKeyPolicy', (kms, { key }) => kms.send(new GetKeyPolicyCommand({ KeyId: key.id }))],
  ['ListKeyPolicies', (kms, { key }) => kms.send(new ListKeyPoliciesCommand({ KeyId: key.id }))],
  [
    'PutKeyPolicy',
    async (kms, { key, root }) => {
      const { Policy } = await root.send(new GetKeyPolicyCommand({ KeyId: key.id }));
      return kms.send(new PutKeyPolicyCommand({ KeyId: key.id, Policy }));
    },
  ],
  [
    'UpdateKeyDescription',
    (kms, { key }) =>
      kms.send(new UpdateKeyDescriptionCommand({ KeyId: key.id, Description: 'a' })),
  ],
  [
    'TagResource',
    (kms, { key }) =>
      kms.send(
        new TagResourceCommand({ KeyId: key.id, Tags: [{ TagKey: 'Stage', TagValue: 'Test' }] }),
      ),
  ],
  ['ListResourceTags', (kms, { key }) => kms.send(new ListResourceTagsCommand({ KeyId: key.id }))],
  [
    'UntagResource',
    (kms, { key }) => kms.send(new UntagResourceCommand({ KeyId: key.id, TagKeys: ['Stage'] })),
  ],
  ['GetKeyLastUsage', (kms, { key }) => kms.send(new GetKeyLastUsageCommand({ KeyId: key.id }))],
  [
    'EnableKeyRotation',
    (kms, { key }) => kms.send(new EnableKeyRotationCommand({ KeyId: key.id })),
  ],
  [
    'GetKeyRotationStatus',
    (kms, { key }) => kms.send(new GetKeyRotationStatusCommand({ KeyId: key.id })),
  ],
  [
    'DisableKeyRotation',
    (kms, { key }) => kms.send(new DisableKeyRotationCommand({ KeyId: key.id })),
  ],
  [
    'RotateKeyOnDemand',
    (kms, { key }) => kms.send(new RotateKeyOnDemandCommand({ KeyId: key.id })),
  ],
  ['ListKeyRotations', (kms, { key }) => kms.send(new ListKeyRotationsCommand({ KeyId: key.id }))],
  ['DisableKey', (kms, { key }) => kms.send(new DisableKeyCommand({ KeyId: key.id }))],
  [
    'ScheduleKeyDeletion',
    (kms, { key }) => kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id })),
  ],
  [
    'CancelKeyDeletion',
    (kms, { key }) => kms.send(new CancelKeyDeletionCommand({ KeyId: key.id })),
  ],
  ['EnableKey', (kms, { key }) => kms.send(new EnableKeyCommand({ KeyId: key.id }))],
  [
    'CreateAlias',
    (kms, { key }) =>
      kms.send(new CreateAliasCommand({ AliasName: 'alias/made', TargetKeyId: key.id })),
  ],
  [
    'UpdateAlias',
    (kms, { key }) =>
      kms.send(new UpdateAliasCommand({ AliasName: 'alias/made', TargetKeyId: key.id })),
  ],
  ['DeleteAlias', (kms) => kms.send(new DeleteAliasCommand({ AliasName: 'alias/made' }))],
  // The key has nothing to import, as its policies find out first.
  ...(['GetParametersForImport', 'ImportKeyMaterial', 'DeleteImportedKeyMaterial'] as const).map(
    (name): [OperationName, Send] => [
      name,
      (kms, { key }) => asFarAsTheOrigin(key.arn, send(kms, importRequests[name](key.id))),
    ],
  ),
];

function requestsOf(kind: UsageStage): readonly Request[] {
  const own = usageOperations
    .filter((name) => stages[usageRequests[name].usage] === kind)
    .map((name): Request => [name, (kms) => useStage(stages, name, kms)]);
  if (kind !== stages.signing) return own;
  return [['GetPublicKey', (kms, { key }) => getPublicKey(kms, key)], ...own];
}

test('Every operation on a key that is served is asked here', () => {
  const served = operationNamesOf('kms').filter(
    (name) => operations[name] !== undefined && !operationsWithoutKey.includes(name),
  );
  const asked = kinds().flatMap((kind) => kind.asked.map(([name]) => name));
  expect(asked.sort()).toEqual([...served].sort());
});

const onAliases = ['CreateAlias', 'UpdateAlias', 'DeleteAlias'];
/** Of the alias half of a permission, which is about no key; what says who asks is there too. */
const aliasHalf = {
  Action: onAliases.map((name) => `kms:${name}`),
  Resource: 'arn:aws:kms:*:*:alias/*',
  Condition: {
    StringEquals: { 'kms:CallerAccount': '111122223333', 'aws:ResourceAccount': '111122223333' },
    Null: {
      ...{ 'kms:ViaService': 'true', 'kms:KeySpec': 'true', 'kms:ResourceAliases': 'true' },
      'aws:ResourceTag/Team': 'true',
    },
  },
};

const onKeys = { Resource: 'arn:aws:kms:*:*:key/*' };

/** The answers that are not as wanted. */
async function answers(
  { asked, stage: at }: Kind,
  wanted: (operation: string) => RegExp,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const [operation, send] of asked) {
    const verdict = await at.verdict(send(at.alice.kms, at));
    if (!wanted(operation).test(verdict)) wrong.push(`${operation}: ${verdict}`);
  }
  return wrong;
}

const denied = (operation: string): RegExp => {
  const action = operation === 'ReEncrypt' ? 'ReEncryptFrom' : operation;
  return new RegExp(
    `^AccessDeniedException: User: \\S+:user/alice is not authorized to perform: kms:${action} on resource: \\S+:key/\\S+ because no identity-based policy allows the kms:${action} action$`,
  );
};

test('Each supplies what kms-semantics §6.8 has of every action on a key to key policies', async () => {
  const rest = { Action: ['kms:RetireGrant'] };
  await stage.putUserPolicy([aliasHalf, rest]);
  for (const kind of kinds()) {
    const Condition = all(kind);
    await kind.stage.putKeyPolicyToo(stage.alice, [{ Action: 'kms:*', Condition }]);
    expect(await answers(kind, () => /^allowed$/)).toEqual([]);
  }
});

test('Each supplies it to identity policies, with tags and aliases of the key', async () => {
  const { root } = stage;
  await root.send(new CreateAliasCommand({ AliasName: 'alias/zeus', TargetKeyId: stage.key.id }));
  for (const kind of kinds()) {
    const Condition = { ...all(kind), ...labels(kind) };
    await kind.stage.putUserPolicy([aliasHalf, { Action: 'kms:*', ...onKeys, Condition }]);
    expect(await answers(kind, () => /^allowed$/)).toEqual([]);
  }
});

test('None is allowed where one of the conditions is not met', async () => {
  const { root } = stage;
  const made = { AliasName: 'alias/made', TargetKeyId: stage.key.id };
  await root.send(new CreateAliasCommand(made));
  const wrong = ({ keySpec, keyUsage }: Kind) => [
    { StringNotEquals: { 'kms:CallerAccount': '111122223333' } },
    { StringNotEquals: { 'kms:KeySpec': keySpec } },
    { StringNotEquals: { 'kms:KeyUsage': keyUsage } },
    { StringEquals: { 'kms:KeyOrigin': 'EXTERNAL' } },
    { Bool: { 'kms:MultiRegion': 'true' } },
    { Null: { 'kms:ViaService': 'false' } },
    { StringEquals: { 'aws:ResourceTag/Team': 'red' } },
    { 'ForAnyValue:StringLike': { 'kms:ResourceAliases': 'alias/hera*' } },
  ];
  for (const kind of kinds()) {
    const own = wrong(kind).map((Condition) => ({ Action: 'kms:*', ...onKeys, Condition }));
    await kind.stage.putUserPolicy([aliasHalf, ...own]);
    expect(await answers(kind, denied)).toEqual([]);
  }
});
