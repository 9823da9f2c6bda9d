import { TagUserCommand } from '@aws-sdk/client-iam';
import { CreateAliasCommand, EncryptCommand } from '@aws-sdk/client-kms';
import {
  type Condition,
  type ConditionStage,
  noIdentityPolicy,
  openConditionStage,
  sendWith,
} from '../support/condition-stage';
import { iamClient } from '../support/iam-client';

let stage: ConditionStage;
beforeAll(async () => {
  stage = await openConditionStage();
  const { daemon, root, key } = stage;
  const Tags = [{ Key: 'Team', Value: 'blue' }];
  await iamClient(daemon).send(new TagUserCommand({ UserName: 'alice', Tags }));
  await root.send(new CreateAliasCommand({ AliasName: 'alias/of-alice', TargetKeyId: key.id }));
});
afterAll(() => stage.daemon.remove());

const encrypt = (EncryptionContext: Record<string, string> = {}) => {
  const input = { KeyId: stage.key.id, Plaintext: Buffer.from('a'), EncryptionContext };
  return stage.verdict(sendWith(stage.alice.kms, new EncryptCommand(input), { referer: 'bl*' }));
};
const denied = () => noIdentityPolicy(stage.alice.name, 'kms:Encrypt', stage.key.arn);

test.each<[string, boolean]>([
  ['arn:aws:kms:${aws:RequestedRegion}:${aws:PrincipalAccount}:key/*', true],
  ['arn:aws:kms:*:*:${aws:PrincipalTag/none, "key"}/*'.replaceAll('"', "'"), true],
  ['arn:aws:kms:*:*:${aws:username}/*', false],
  ['arn:aws:kms:*:*:${aws:PrincipalTag/none}/*', false],
])('A Resource may be %s', async (Resource, allowed) => {
  await stage.putUserPolicy([{ Action: 'kms:Encrypt', Resource }]);
  expect(await encrypt()).toBe(allowed ? 'allowed' : denied());
});

const own = { StringEquals: { 'kms:EncryptionContext:user': '${aws:username}' } };
const team = { StringEquals: { 'kms:EncryptionContext:team': '${aws:PrincipalTag/Team}' } };
const star = { StringLike: { 'kms:EncryptionContext:team': '${aws:Referer}' } };
const stars = { StringLike: { 'kms:EncryptionContext:team': 'b${*}' } };
const backup = {
  StringEquals: { 'kms:EncryptionContext:team': "${aws:PrincipalTag/none, 'red'}" },
};
const none = { StringNotEquals: { 'kms:EncryptionContext:team': '${aws:PrincipalTag/none}' } };
const self = { ArnEquals: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/${aws:username}' } };

test.each<[Condition, Record<string, string>, boolean]>([
  [own, { user: 'alice' }, true],
  [own, { user: 'bob' }, false],
  [own, {}, false],
  [own, { user: '${aws:username}' }, false],
  [team, { team: 'blue' }, true],
  [team, { team: 'red' }, false],
  // What a variable stands for is no pattern.
  [star, { team: 'bl*' }, true],
  [star, { team: 'blue' }, false],
  [stars, { team: 'b*' }, true],
  [stars, { team: 'blue' }, false],
  [backup, { team: 'red' }, true],
  [backup, { team: 'blue' }, false],
  // Nothing is equal to a variable that has no value (IAM User Guide, "Policy variables with no value").
  [none, { team: 'blue' }, true],
  [self, {}, true],
])('The condition %j is for %j: %s', async (Condition, context, allowed) => {
  await stage.putKeyPolicy(stage.alice, [{ Action: 'kms:Encrypt', Condition }]);
  expect(await encrypt(context)).toBe(allowed ? 'allowed' : denied());
  await stage.putUserPolicy([{ Action: 'kms:Encrypt', Condition }]);
  expect(await encrypt(context)).toBe(allowed ? 'allowed' : denied());
});

test('Tags of a user decide by the tags and aliases of keys', async () => {
  const wanted = { 'aws:ResourceTag/Team': '${aws:PrincipalTag/Team}' };
  await stage.putUserPolicy([{ Action: 'kms:Encrypt', Condition: { StringEquals: wanted } }]);
  expect(await encrypt()).toBe('allowed');
  const named = { 'kms:ResourceAliases': 'alias/of-${aws:username}' };
  const Condition = { 'ForAnyValue:StringEquals': named };
  await stage.putUserPolicy([{ Action: 'kms:Encrypt', Condition }]);
  expect(await encrypt()).toBe('allowed');
  const other = { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': '${aws:username}' } };
  await stage.putUserPolicy([{ Action: 'kms:Encrypt', Condition: other }]);
  expect(await encrypt()).toBe(denied());
});
