import {
  CreateAliasCommand,
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GenerateRandomCommand,
  type KMSClient,
  ListKeysCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  type ReEncryptCommandInput,
} from '@aws-sdk/client-kms';
import { operations } from '../../src/operations';
import { defaultKeyPolicy } from '../../src/policy/compile';
import { algorithmConditionKeys } from '../support/algorithm-condition-keys';
import {
  type ConditionRow,
  type ConditionStage,
  conditionVerdicts,
  encryptionContext,
  openConditionStage,
} from '../support/condition-stage';
import {
  keysOfUnservedOperations,
  kmsConditionKeys,
  recipientConditionKeys,
} from '../support/kms-condition-keys';
import { dataKeyPairConditionKeys } from '../support/data-key-pair-condition-keys';
import { grantConditionKeys, grantedService } from '../support/grant-condition-keys';
import { importConditionKeys } from '../support/import-condition-keys';
import { keyStoreConditionKeys } from '../support/key-store-condition-keys';
import { keyChangeConditionKeys } from '../support/key-change-condition-keys';
import { newService } from '../support/principals';
import { place } from '../support/sample-keys';
import { type UsageStages, usageStages } from '../support/usage-stages';

let stage: ConditionStage;
let stages: UsageStages;
let other: string;
beforeAll(async () => {
  stage = await openConditionStage();
  const { root, key } = stage;
  await root.send(new CreateAliasCommand({ AliasName: 'alias/zeus', TargetKeyId: key.id }));
  await newService(stage.daemon, grantedService);
  stages = await usageStages(stage);
  other = (await root.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
});
afterAll(() => stage.daemon.remove());

const Plaintext = Buffer.from('a');
const encrypt =
  (more: object = {}) =>
  (kms: KMSClient) =>
    kms.send(new EncryptCommand({ KeyId: stage.key.id, Plaintext, ...more }));
const describeKey =
  (KeyId = () => stage.key.id) =>
  (kms: KMSClient) =>
    kms.send(new DescribeKeyCommand({ KeyId: KeyId() }));
const dataKey =
  (more: object = {}) =>
  (kms: KMSClient) =>
    kms.send(new GenerateDataKeyCommand({ KeyId: stage.key.id, KeySpec: 'AES_128', ...more }));
const dataKeyAlone =
  (more: object = {}) =>
  (kms: KMSClient) =>
    kms.send(
      new GenerateDataKeyWithoutPlaintextCommand({
        ...{ KeyId: stage.key.id, KeySpec: 'AES_128', ...more },
      }),
    );
const decrypt =
  (KeyId = () => stage.key.id) =>
  (kms: KMSClient) =>
    kms.send(
      new DecryptCommand({
        ...{ KeyId: KeyId(), CiphertextBlob: stage.sealed, EncryptionContext: encryptionContext },
      }),
    );
const reEncrypt =
  (more: () => Partial<ReEncryptCommandInput> = () => ({})) =>
  (kms: KMSClient) =>
    kms.send(
      new ReEncryptCommand({
        CiphertextBlob: stage.sealed,
        SourceKeyId: stage.key.id,
        SourceEncryptionContext: encryptionContext,
        DestinationKeyId: stage.key.id,
        ...more(),
      }),
    );
const createKey = (input: CreateKeyCommandInput) => (kms: KMSClient) =>
  kms.send(new CreateKeyCommand(input));
const putKeyPolicy =
  (BypassPolicyLockoutSafetyCheck?: boolean) =>
  async (kms: KMSClient): Promise<unknown> => {
    const { key, daemon } = stage;
    // The one that is in force while identity policies are looked at, and that every test can start from.
    const Policy = defaultKeyPolicy(place, daemon.accountId);
    const input = { KeyId: key.id, Policy, BypassPolicyLockoutSafetyCheck };
    try {
      return await kms.send(new PutKeyPolicyCommand(input));
    } finally {
      stage.forget();
    }
  };

const zeus = () => 'alias/zeus';
const zeusArn = () => stage.key.arn.replace(/key\/.*/, 'alias/zeus');
const both = ['kms:ReEncryptFrom', 'kms:ReEncryptTo'] as const;
const from = { action: both[0], besides: [both[1]] };
const to = { action: both[1], besides: [both[0]] };
const onCreateKey = { action: 'kms:CreateKey', resource: '*', kinds: ['identity policy'] } as const;
const symmetric = ['StringEquals', 'SYMMETRIC_DEFAULT', 'RSA_2048'] as const;
const algorithm = ['StringEquals', 'SYMMETRIC_DEFAULT', 'RSAES_OAEP_SHA_1'] as const;
const usage = ['StringEquals', 'ENCRYPT_DECRYPT', 'SIGN_VERIFY'] as const;
const project = ['StringEquals', 'Zeus', 'zeus'] as const;
const names = ['ForAnyValue:StringEquals', 'Project', 'project'] as const;
const alias = ['StringEquals', 'alias/zeus', 'alias/hera'] as const;
const account = ['StringEquals', '111122223333', '444455556666'] as const;
const yes = ['Bool', 'true', 'false'] as const;
const no = ['Bool', 'false', 'true'] as const;
const context = { EncryptionContext: encryptionContext };

const rows: readonly ConditionRow[] = [
  {
    ...{ key: 'kms:BypassPolicyLockoutSafetyCheck', action: 'kms:PutKeyPolicy' },
    ...{ met: yes, send: putKeyPolicy(true) },
  },
  {
    ...{ key: 'kms:BypassPolicyLockoutSafetyCheck', action: 'kms:PutKeyPolicy' },
    // The condition of a policy that bypasses no check is no part of the check (kms-semantics §6.2).
    ...{ kinds: ['identity policy'], send: putKeyPolicy() },
  },
  {
    ...{ key: 'kms:BypassPolicyLockoutSafetyCheck', ...onCreateKey },
    ...{ met: no, send: createKey({ BypassPolicyLockoutSafetyCheck: false }) },
  },
  { key: 'kms:BypassPolicyLockoutSafetyCheck', ...onCreateKey, send: createKey({}) },
  { key: 'kms:CallerAccount', action: 'kms:Encrypt', met: account, send: encrypt() },
  { key: 'kms:CallerAccount', ...onCreateKey, met: account, send: createKey({}) },
  { key: 'kms:CustomerMasterKeySpec', action: 'kms:Encrypt', met: symmetric, send: encrypt() },
  { key: 'kms:CustomerMasterKeySpec', ...onCreateKey, met: symmetric, send: createKey({}) },
  { key: 'kms:CustomerMasterKeyUsage', action: 'kms:Encrypt', met: usage, send: encrypt() },
  { key: 'kms:CustomerMasterKeyUsage', ...onCreateKey, met: usage, send: createKey({}) },
  { key: 'kms:KeySpec', action: 'kms:DescribeKey', met: symmetric, send: describeKey() },
  { key: 'kms:KeySpec', ...onCreateKey, met: symmetric, send: createKey({}) },
  { key: 'kms:KeyUsage', action: 'kms:DescribeKey', met: usage, send: describeKey() },
  { key: 'kms:KeyUsage', ...onCreateKey, met: usage, send: createKey({}) },
  {
    ...{ key: 'kms:KeyOrigin', action: 'kms:DescribeKey', send: describeKey() },
    met: ['StringEquals', 'AWS_KMS', 'EXTERNAL'],
  },
  {
    ...{ key: 'kms:KeyOrigin', ...onCreateKey, send: createKey({}) },
    met: ['StringEquals', 'AWS_KMS', 'EXTERNAL'],
  },
  { key: 'kms:MultiRegion', action: 'kms:DescribeKey', met: no, send: describeKey() },
  { key: 'kms:MultiRegion', ...onCreateKey, met: no, send: createKey({}) },
  { key: 'kms:MultiRegionKeyType', action: 'kms:DescribeKey', send: describeKey() },
  { key: 'kms:MultiRegionKeyType', ...onCreateKey, send: createKey({}) },
  {
    ...{ key: 'aws:RequestTag/team', ...onCreateKey, besides: ['kms:TagResource'] },
    met: ['StringEquals', 'blue', 'red'],
    send: createKey({ Tags: [{ TagKey: 'Team', TagValue: 'blue' }] }),
  },
  {
    ...{ key: 'aws:RequestTag/team', ...onCreateKey, action: 'kms:TagResource' },
    ...{ besides: ['kms:CreateKey'], met: ['StringEquals', 'blue', 'red'] },
    send: createKey({ Tags: [{ TagKey: 'Team', TagValue: 'blue' }] }),
  },
  {
    ...{ key: 'aws:TagKeys', ...onCreateKey, besides: ['kms:TagResource'] },
    met: ['ForAnyValue:StringEquals', 'Team', 'team'],
    send: createKey({ Tags: [{ TagKey: 'Team', TagValue: 'blue' }] }),
  },
  { key: 'aws:TagKeys', ...onCreateKey, send: createKey({}) },
  { key: 'aws:RequestTag/team', ...onCreateKey, send: createKey({}) },
  {
    ...{ key: 'kms:EncryptionAlgorithm', action: 'kms:Encrypt', met: algorithm },
    send: encrypt({ EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' }),
  },
  { key: 'kms:EncryptionAlgorithm', action: 'kms:Encrypt', met: algorithm, send: encrypt() },
  { key: 'kms:EncryptionAlgorithm', action: 'kms:Decrypt', met: algorithm, send: decrypt() },
  {
    ...{ key: 'kms:EncryptionAlgorithm', action: 'kms:GenerateDataKey', met: algorithm },
    send: dataKey(),
  },
  {
    ...{ key: 'kms:EncryptionAlgorithm', action: 'kms:GenerateDataKeyWithoutPlaintext' },
    ...{ met: algorithm, send: dataKeyAlone() },
  },
  { key: 'kms:EncryptionAlgorithm', ...from, met: algorithm, send: reEncrypt() },
  { key: 'kms:EncryptionAlgorithm', ...to, met: algorithm, send: reEncrypt() },
  { key: 'kms:EncryptionAlgorithm', action: 'kms:DescribeKey', send: describeKey() },
  {
    ...{ key: 'kms:EncryptionContext:Project', action: 'kms:Encrypt', met: project },
    send: encrypt(context),
  },
  {
    ...{ key: 'kms:EncryptionContext:PROJECT', action: 'kms:Decrypt', met: project },
    send: decrypt(),
  },
  {
    ...{ key: 'kms:EncryptionContext:Project', action: 'kms:GenerateDataKey', met: project },
    send: dataKey(context),
  },
  {
    ...{ key: 'kms:EncryptionContext:Project', action: 'kms:GenerateDataKeyWithoutPlaintext' },
    ...{ met: project, send: dataKeyAlone(context) },
  },
  { key: 'kms:EncryptionContext:Project', ...from, met: project, send: reEncrypt() },
  { key: 'kms:EncryptionContext:Project', ...to, send: reEncrypt() },
  {
    ...{ key: 'kms:EncryptionContext:Project', ...to, met: ['StringEquals', 'Hera', 'Zeus'] },
    send: reEncrypt(() => ({ DestinationEncryptionContext: { Project: 'Hera' } })),
  },
  { key: 'kms:EncryptionContext:Project', action: 'kms:Encrypt', send: encrypt() },
  { key: 'kms:EncryptionContext:Project', action: 'kms:DescribeKey', send: describeKey() },
  {
    ...{ key: 'kms:EncryptionContextKeys', action: 'kms:Encrypt', met: names },
    send: encrypt(context),
  },
  { key: 'kms:EncryptionContextKeys', action: 'kms:Decrypt', met: names, send: decrypt() },
  { key: 'kms:EncryptionContextKeys', action: 'kms:GenerateDataKey', send: dataKey() },
  { key: 'kms:EncryptionContextKeys', ...from, met: names, send: reEncrypt() },
  { key: 'kms:EncryptionContextKeys', ...to, send: reEncrypt() },
  { key: 'kms:ReEncryptOnSameKey', ...from, met: yes, send: reEncrypt() },
  { key: 'kms:ReEncryptOnSameKey', ...to, met: yes, send: reEncrypt() },
  {
    ...{ key: 'kms:ReEncryptOnSameKey', ...from, kinds: ['identity policy'], met: no },
    send: reEncrypt(() => ({ DestinationKeyId: other })),
  },
  { key: 'kms:ReEncryptOnSameKey', action: 'kms:Encrypt', send: encrypt() },
  { key: 'kms:RequestAlias', action: 'kms:DescribeKey', met: alias, send: describeKey(zeus) },
  { key: 'kms:RequestAlias', action: 'kms:DescribeKey', met: alias, send: describeKey(zeusArn) },
  { key: 'kms:RequestAlias', action: 'kms:Decrypt', met: alias, send: decrypt(zeus) },
  {
    ...{ key: 'kms:RequestAlias', ...from, met: alias },
    send: reEncrypt(() => ({ SourceKeyId: zeusArn() })),
  },
  {
    ...{ key: 'kms:RequestAlias', ...to, met: alias },
    send: reEncrypt(() => ({ DestinationKeyId: zeus() })),
  },
  { key: 'kms:RequestAlias', ...from, send: reEncrypt(() => ({ DestinationKeyId: zeus() })) },
  { key: 'kms:RequestAlias', action: 'kms:Encrypt', send: encrypt() },
  {
    ...{ key: 'kms:ResourceAliases', action: 'kms:Encrypt', kinds: ['identity policy'] },
    ...{ met: ['ForAnyValue:StringLike', 'alias/z*', 'alias/h*'], send: encrypt() },
  },
  {
    ...{ key: 'kms:ResourceAliases', action: 'kms:Encrypt', kinds: ['key policy'] },
    send: encrypt(),
  },
  {
    ...{ key: 'aws:ResourceTag/TEAM', action: 'kms:Encrypt', kinds: ['identity policy'] },
    ...{ met: ['StringEquals', 'blue', 'red'], send: encrypt() },
  },
  {
    ...{ key: 'aws:ResourceTag/Team', action: 'kms:Encrypt', kinds: ['key policy'] },
    send: encrypt(),
  },
  { key: 'kms:ViaService', action: 'kms:Encrypt', send: encrypt() },
  { key: 'aws:ResourceAccount', ...onCreateKey, met: account, send: createKey({}) },
  { key: 'kms:ViaService', ...onCreateKey, send: createKey({}) },
  ...['kms:CallerAccount', 'kms:KeySpec', 'kms:ViaService'].flatMap((key): ConditionRow[] => [
    {
      ...{ key, action: 'kms:GenerateRandom', resource: '*', kinds: ['identity policy'] },
      send: (kms) => kms.send(new GenerateRandomCommand({ NumberOfBytes: 1 })),
    },
    {
      ...{ key, action: 'kms:ListKeys', resource: '*', kinds: ['identity policy'] },
      send: (kms) => kms.send(new ListKeysCommand({})),
    },
  ]),
  ...algorithmConditionKeys(() => stages),
  ...grantConditionKeys(() => stage),
  ...dataKeyPairConditionKeys(() => stage),
  ...keyChangeConditionKeys(() => stage),
  ...importConditionKeys(() => stage),
  ...keyStoreConditionKeys(),
];

test.each(rows.map((row) => [row.key, row.met?.[1] ?? 'absent', row.action, row] as const))(
  '%s is %s in %s',
  async (_key, _value, _action, row) => {
    for (const kind of row.kinds ?? (['key policy', 'identity policy'] as const)) {
      const { answered, expected } = await conditionVerdicts(stage, kind, row);
      expect({ [kind]: answered }).toEqual({ [kind]: expected });
    }
  },
);

describe('Every condition key of KMS', () => {
  const isOf = (name: string) => (key: string) =>
    name.endsWith(':') ? key.startsWith(name) : key === name;

  test('is in a test above, or waits for an operation', () => {
    const waiting = [
      ...Object.keys(keysOfUnservedOperations),
      // recipient-conditions.test.ts.
      ...recipientConditionKeys,
      // Of forwarded sessions: service-conditions.test.ts.
      'kms:ViaService',
    ];
    const supplied = rows.filter(({ met }) => met !== undefined).map(({ key }) => key);
    const untested = kmsConditionKeys.filter((name) => !supplied.some(isOf(name)));
    expect(untested.sort()).toEqual(waiting.sort());
  });

  test('that waits for an operation waits for one that is not served', () => {
    const served = Object.entries(keysOfUnservedOperations).flatMap(([key, names]) =>
      names.filter((name) => operations[name] !== undefined).map((name) => `${key}: ${name}`),
    );
    expect(served).toEqual([]);
  });
});

test('A policy that asks for a name which the encryption context has in two cases is answered with a denial', async () => {
  const EncryptionContext = { project: 'Zeus', Project: 'Hera' };
  await stage.putUserPolicy([{ Action: 'kms:Encrypt' }]);
  expect(await stage.verdict(encrypt({ EncryptionContext })(stage.alice.kms))).toBe('allowed');
  const wanted = { 'kms:EncryptionContext:project': 'Zeus' };
  for (const statement of [
    { Action: 'kms:Encrypt', Condition: { StringEquals: wanted } },
    { Action: 'kms:Encrypt', Condition: { StringNotEquals: wanted } },
  ]) {
    await stage.putUserPolicy([statement]);
    expect(await stage.verdict(encrypt({ EncryptionContext })(stage.alice.kms))).toBe(
      'AccessDeniedException: A policy asks for the condition key kms:encryptioncontext:project, of which there are two that differ only in case.',
    );
  }
});
