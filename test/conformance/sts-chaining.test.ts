import { UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam';
import { DescribeKeyCommand, PutKeyPolicyCommand } from '@aws-sdk/client-kms';
import { AssumeRoleCommand, type AssumeRoleCommandInput } from '@aws-sdk/client-sts';
import { type TestCredentials, type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient } from '../support/iam-client';
import { type NewKey, clientOf, createKey, sdkRefusal } from '../support/kms';
import { assume, makeRole, makeUserAllowed, stsClient, stsRefusal } from '../support/sts-client';

let daemon: TestDaemon;
let alice: TestCredentials;
let first: string;
let second: string;

beforeAll(async () => {
  daemon = await startDaemon();
  alice = await makeUserAllowed(daemon, 'alice', 'sts:*');
  first = await makeRole(daemon, 'First', { actions: ['sts:*', 'kms:*'] });
  second = await makeRole(daemon, 'Second', { actions: ['sts:*', 'kms:*'] });
});
afterAll(() => daemon.remove());

const sts = (credentials = alice) => stsClient(daemon, credentials);
const session = 'arn:aws:sts::111122223333:assumed-role/First/the-session';
const refused = (input: Partial<AssumeRoleCommandInput> & { RoleArn: string }, who = alice) =>
  stsRefusal(sts(who).send(new AssumeRoleCommand({ RoleSessionName: 'the-session', ...input })));

/** A key whose policy lets in whom the condition holds for. */
async function keyFor(condition: object): Promise<NewKey> {
  const kms = daemon.client();
  const key = await createKey(kms);
  const root = { AWS: 'arn:aws:iam::111122223333:root' };
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: root, Action: 'kms:*', Resource: '*' },
      {
        ...{ Effect: 'Deny', Principal: '*', Action: 'kms:DescribeKey', Resource: '*' },
        Condition: condition,
      },
    ],
  });
  await kms.send(new PutKeyPolicyCommand({ KeyId: key.id, Policy }));
  return key;
}

async function describes(key: NewKey, credentials: TestCredentials): Promise<string> {
  const sending = clientOf(daemon, credentials).send(new DescribeKeyCommand({ KeyId: key.id }));
  try {
    await sending;
    return 'yes';
  } catch {
    return (await sdkRefusal(sending)).code;
  }
}

describe('session tags', () => {
  test('are the principal’s tags, and go on to other roles where they are transitive', async () => {
    const tagged = await assume(sts(), {
      RoleArn: first,
      Tags: [
        { Key: 'Team', Value: 'blue' },
        { Key: 'Shift', Value: 'night' },
      ],
      TransitiveTagKeys: ['team'],
    });
    const chained = await assume(sts(tagged), { RoleArn: second });
    const team = await keyFor({ StringNotEquals: { 'aws:PrincipalTag/team': 'blue' } });
    const shift = await keyFor({ StringNotEquals: { 'aws:PrincipalTag/shift': 'night' } });
    expect([await describes(team, tagged), await describes(shift, tagged)]).toEqual(['yes', 'yes']);
    expect(await describes(team, chained)).toBe('yes');
    expect(await describes(shift, chained)).toBe('AccessDeniedException');
    expect(
      await refused({ RoleArn: second, Tags: [{ Key: 'TEAM', Value: 'red' }] }, tagged),
    ).toEqual({
      code: 'InvalidParameterValue',
      message:
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
      status: 400,
    });
  });

  test.each([
    [
      'that come twice',
      {
        Tags: [
          { Key: 'a', Value: '1' },
          { Key: 'A', Value: '2' },
        ],
      },
      'InvalidParameterValue',
      'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    ],
    [
      'of AWS',
      { Tags: [{ Key: 'AWS:team', Value: '1' }] },
      'InvalidParameterValue',
      "Tag keys that start with 'aws:' are reserved.",
    ],
    [
      'that are transitive and not there',
      { Tags: [{ Key: 'a', Value: '1' }], TransitiveTagKeys: ['b'] },
      'ValidationError',
      'The specified transitive tag key must be included in the requested tags.',
    ],
  ])('are refused %s', async (_, input, code, message) => {
    expect(await refused({ RoleArn: first, ...input })).toEqual({ code, message, status: 400 });
  });

  test('take a trust policy and an identity policy that allow sts:TagSession', async () => {
    const plain = await makeUserAllowed(daemon, 'plain', 'sts:AssumeRole');
    expect(await refused({ RoleArn: first, Tags: [{ Key: 'a', Value: '1' }] }, plain)).toEqual({
      code: 'AccessDenied',
      message: `User: arn:aws:iam::111122223333:user/plain is not authorized to perform: sts:TagSession on resource: ${first}`,
      status: 403,
    });
  });

  test('can be asked for by the trust policy', async () => {
    const role = await makeRole(daemon, 'Tagged');
    await iamClient(daemon).send(
      new UpdateAssumeRolePolicyCommand({
        RoleName: 'Tagged',
        PolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: {
            Effect: 'Allow',
            Principal: { AWS: 'arn:aws:iam::111122223333:user/alice' },
            Action: ['sts:AssumeRole', 'sts:TagSession'],
            Condition: {
              StringEquals: { 'aws:RequestTag/team': 'blue' },
              'ForAllValues:StringEquals': { 'aws:TagKeys': ['team', 'shift'] },
              'ForAnyValue:StringEquals': { 'sts:TransitiveTagKeys': ['team'] },
            },
          },
        }),
      }),
    );
    const blue = { Key: 'team', Value: 'blue' };
    await assume(sts(), { RoleArn: role, Tags: [blue], TransitiveTagKeys: ['team'] });
    const wrong: Omit<Partial<AssumeRoleCommandInput>, 'RoleArn'>[] = [
      {},
      { Tags: [blue] },
      { Tags: [{ Key: 'team', Value: 'red' }], TransitiveTagKeys: ['team'] },
      { Tags: [blue, { Key: 'x', Value: '1' }], TransitiveTagKeys: ['team'] },
    ];
    for (const input of wrong) {
      expect((await refused({ RoleArn: role, ...input })).code).toBe('AccessDenied');
    }
  });
});

describe('a source identity', () => {
  test('stays whatever roles are assumed with it, and cannot be changed', async () => {
    const output = await sts().send(
      new AssumeRoleCommand({
        ...{ RoleArn: first, RoleSessionName: 'the-session', SourceIdentity: 'alice' },
      }),
    );
    expect(output.SourceIdentity).toBe('alice');
    const named = await assume(sts(), { RoleArn: first, SourceIdentity: 'alice' });
    const chained = await sts(named).send(
      new AssumeRoleCommand({ RoleArn: second, RoleSessionName: 'the-session' }),
    );
    expect(chained.SourceIdentity).toBe('alice');
    const key = await keyFor({ StringNotEquals: { 'aws:SourceIdentity': 'alice' } });
    expect(await describes(key, await assume(sts(named), { RoleArn: second }))).toBe('yes');
    expect(await describes(key, await assume(sts(), { RoleArn: second }))).toBe(
      'AccessDeniedException',
    );
    expect(await refused({ RoleArn: second, SourceIdentity: 'mallory' }, named)).toEqual({
      code: 'AccessDenied',
      message: `User: ${session} is not authorized to perform: sts:SetSourceIdentity on resource: ${second}`,
      status: 403,
    });
  });
});

describe('a session', () => {
  test('has no multi-factor authentication, and says so', async () => {
    const key = await keyFor({ Bool: { 'aws:MultiFactorAuthPresent': 'false' } });
    expect(await describes(key, await assume(sts(), { RoleArn: first }))).toBe(
      'AccessDeniedException',
    );
  });
});
