import { PutUserPolicyCommand } from '@aws-sdk/client-iam';
import {
  type KMSClient,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient } from '../support/iam-client';
import { type NewKey, createKey, sdkRefusal } from '../support/kms';
import { type TestUser, newUser } from '../support/principals';

type Statement = Readonly<Record<string, unknown>>;

const tag = (TagKey: string, TagValue = '') => ({ TagKey, TagValue });
const labelling = ['kms:TagResource', 'kms:UntagResource', 'kms:ListResourceTags'];

describe('Policies on tags', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let ann: TestUser;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    ann = await newUser(daemon, 'ann');
  });
  afterAll(() => daemon.remove());

  const policyOf = (...statements: readonly Statement[]) =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: statements.map((statement) => ({
        ...{ Effect: 'Allow', Action: labelling, Resource: '*', ...statement },
      })),
    });
  const letAnn = (...statements: readonly Statement[]) =>
    iamClient(daemon).send(
      new PutUserPolicyCommand({
        ...{ UserName: 'ann', PolicyName: 'only', PolicyDocument: policyOf(...statements) },
      }),
    );
  const put = (KeyId: string, ...Tags: ReturnType<typeof tag>[]) =>
    ann.kms.send(new TagResourceCommand({ KeyId, Tags }));
  const remove = (KeyId: string, ...TagKeys: string[]) =>
    ann.kms.send(new UntagResourceCommand({ KeyId, TagKeys }));
  const list = async (KeyId: string) =>
    (await ann.kms.send(new ListResourceTagsCommand({ KeyId }))).Tags;
  const denied = async (operation: string, { arn }: NewKey, sending: Promise<unknown>) => {
    expect(await sdkRefusal(sending)).toEqual({
      code: 'AccessDeniedException',
      message: `User: ${ann.arn} is not authorized to perform: kms:${operation} on resource: ${arn} because no identity-based policy allows the kms:${operation} action`,
      status: 400,
    });
  };

  test('aws:RequestTag decides on the tags that TagResource puts', async () => {
    const key = await createKey(kms);
    await letAnn({ Condition: { StringEquals: { 'aws:RequestTag/Team': ['red', 'blue'] } } });
    await put(key.id, tag('Team', 'red'), tag('Other', 'x'));
    await denied('TagResource', key, put(key.id, tag('Team', 'green')));
    await denied('TagResource', key, put(key.id, tag('Other', 'red')));
    await denied('UntagResource', key, remove(key.id, 'Team'));
    await denied('ListResourceTags', key, list(key.id));
  });

  test('aws:TagKeys holds what keys may be put and taken away', async () => {
    const key = await createKey(kms, { Tags: [tag('Team', 'red'), tag('Cost', '1')] });
    const TagKeys = { 'aws:TagKeys': ['Cost', 'Stage'] };
    const Null = { 'aws:TagKeys': 'false' };
    await letAnn({ Condition: { 'ForAllValues:StringEquals': TagKeys, Null } });
    await put(key.id, tag('Cost', '2'), tag('Stage'));
    await remove(key.id, 'Cost');
    await denied('TagResource', key, put(key.id, tag('Cost'), tag('Team', 'blue')));
    await denied('UntagResource', key, remove(key.id, 'Stage', 'Team'));
    await denied('UntagResource', key, remove(key.id));
    await denied('ListResourceTags', key, list(key.id));
  });

  test('aws:ResourceTag is the tag that the key has when the call is made', async () => {
    const key = await createKey(kms, { Tags: [tag('Team', 'red')] });
    await letAnn({ Condition: { StringEquals: { 'aws:ResourceTag/team': 'red' } } });
    expect(await list(key.id)).toEqual([tag('Team', 'red')]);
    await put(key.id, tag('Cost', '1'));
    await put(key.id, tag('Team', 'blue'));
    await denied('ListResourceTags', key, list(key.id));
    await denied('TagResource', key, put(key.id, tag('Team', 'red')));
    await kms.send(new TagResourceCommand({ KeyId: key.id, Tags: [tag('Team', 'red')] }));
    expect(await list(key.id)).toEqual([tag('Team', 'red'), tag('Cost', '1')]);
    await remove(key.id, 'Team');
    await denied('UntagResource', key, remove(key.id, 'Cost'));
  });

  test('Of two calls at once the second is decided on the tags that the first left', async () => {
    const key = await createKey(kms, { Tags: [tag('Team', 'red')] });
    await letAnn({ Condition: { StringEquals: { 'aws:ResourceTag/Team': 'red' } } });
    const outcomes = await Promise.allSettled(
      ['blue', 'green', 'grey', 'white'].map((colour) => put(key.id, tag('Team', colour))),
    );
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(3);
  });

  test('A key policy does not see the tags of its key, but those of the request', async () => {
    const tagged = { Principal: { AWS: ann.arn }, Action: 'kms:TagResource' };
    const root = { Principal: { AWS: daemon.accountId }, Action: 'kms:*' };
    const key = await createKey(kms, { Tags: [tag('Team', 'red')] });
    await letAnn({ Action: 'kms:DescribeKey' });
    const setPolicy = (Condition: unknown) =>
      kms.send(
        new PutKeyPolicyCommand({
          KeyId: key.id,
          Policy: policyOf(root, { ...tagged, Condition }),
        }),
      );
    await setPolicy({ StringEquals: { 'aws:ResourceTag/Team': 'red' } });
    await denied('TagResource', key, put(key.id, tag('Team', 'blue')));
    await setPolicy({ StringEquals: { 'aws:RequestTag/Team': 'blue' } });
    await put(key.id, tag('Team', 'blue'));
    await denied('TagResource', key, put(key.id, tag('Team', 'red')));
  });

  test('Two tags of a request that differ in case alone do not get round a condition', async () => {
    const { id } = await createKey(kms);
    await letAnn({ Condition: { StringEquals: { 'aws:RequestTag/Team': 'red' } } });
    expect(await sdkRefusal(put(id, tag('Team', 'red'), tag('team', 'blue')))).toEqual({
      code: 'AccessDeniedException',
      message:
        'A policy asks for the condition key aws:requesttag/team, of which there are two that differ only in case.',
      status: 400,
    });
  });
});
