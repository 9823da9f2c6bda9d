import {
  CreatePolicyCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { DescribeKeyCommand, ListKeysCommand } from '@aws-sdk/client-kms';
import { AssumeRoleCommand, type AssumeRoleCommandInput } from '@aws-sdk/client-sts';
import { type TestCredentials, type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient } from '../support/iam-client';
import { allowing, trusting } from '../support/iam-documents';
import { auditOf, auditTexts, clientOf, createKey, otherAccount, sdkRefusal } from '../support/kms';
import { makeService } from '../support/services';
import {
  arnOf,
  assume,
  makeRole,
  makeUserAllowed,
  stsClient,
  stsRefusal,
} from '../support/sts-client';

let daemon: TestDaemon;
let alice: TestCredentials;

beforeAll(async () => {
  daemon = await startDaemon();
  alice = await makeUserAllowed(daemon, 'alice', 'sts:*');
});
afterAll(() => daemon.remove());

const arn = (rest: string): string => `arn:aws:iam::${daemon.accountId}:${rest}`;
const sessionArn = (rest: string): string =>
  `arn:aws:sts::${daemon.accountId}:assumed-role/${rest}`;
const sts = (credentials = alice) => stsClient(daemon, credentials);
const refused = (input: Partial<AssumeRoleCommandInput> & { RoleArn: string }, who = alice) =>
  stsRefusal(sts(who).send(new AssumeRoleCommand({ RoleSessionName: 'the-session', ...input })));
const denied = (action: string, role: string, who = arn('user/alice')) => ({
  code: 'AccessDenied',
  message: `User: ${who} is not authorized to perform: ${action} on resource: ${role}`,
  status: 403,
});
const invalid = (message: string) => ({ code: 'ValidationError', message, status: 400 });

describe('AssumeRole', () => {
  test('gives credentials that are the role’s session', async () => {
    const RoleArn = await makeRole(daemon, 'Reader', { Path: '/team/', actions: ['kms:ListKeys'] });
    const before = Date.now();
    const output = await sts().send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'monday' }));
    expect(output).toMatchObject({
      AssumedRoleUser: {
        AssumedRoleId: expect.stringMatching(/^AROA[A-Z2-7]{17}:monday$/) as string,
        Arn: sessionArn('Reader/monday'),
      },
      Credentials: {
        AccessKeyId: expect.stringMatching(/^ASIA[A-Z2-7]{16}$/) as string,
        SecretAccessKey: expect.stringMatching(/^[A-Za-z0-9+/]{40}$/) as string,
      },
    });
    expect(output).not.toHaveProperty('PackedPolicySize');
    const issued = (output.Credentials?.Expiration?.getTime() ?? 0) - 3_600_000;
    expect(issued).toBeGreaterThan(before - 1000);
    expect(issued).toBeLessThan(Date.now() + 1000);
    const session = await assume(sts(), { RoleArn, RoleSessionName: 'monday' });
    expect(await arnOf(daemon, session)).toBe(sessionArn('Reader/monday'));
    await clientOf(daemon, session).send(new ListKeysCommand({}));
  });

  test('is recorded with which credentials they are, and without them', async () => {
    const RoleArn = await makeRole(daemon, 'Recorded');
    const { $metadata, Credentials } = await sts().send(
      new AssumeRoleCommand({ RoleArn, RoleSessionName: 'monday', ExternalId: 'ours' }),
    );
    const record = await auditOf(daemon, $metadata.requestId ?? '');
    expect(record).toMatchObject({
      eventName: 'AssumeRole',
      eventSource: 'sts.amazonaws.com',
      readOnly: true,
      requestParameters: { roleArn: RoleArn, externalId: 'ours' },
      responseElements: { credentials: { accessKeyId: Credentials?.AccessKeyId } },
    });
    const texts = (await auditTexts(daemon)).join();
    expect(texts).not.toContain(Credentials?.SecretAccessKey ?? 'x');
    expect(texts).not.toContain(Credentials?.SessionToken ?? 'x');
  });
});

describe('who may assume a role', () => {
  test('is nobody when the trust policy names nobody', async () => {
    await otherAccount(daemon, '444455556666');
    const RoleArn = await makeRole(daemon, 'Closed', {
      AssumeRolePolicyDocument: trusting({ AWS: '444455556666' }),
    });
    expect(await refused({ RoleArn })).toEqual(denied('sts:AssumeRole', RoleArn));
  });

  test('is told the same of a role that does not exist', async () => {
    const RoleArn = arn('role/Nowhere');
    expect(await refused({ RoleArn })).toEqual(denied('sts:AssumeRole', RoleArn));
    const elsewhere = 'arn:aws:iam::999999999999:role/Nowhere';
    expect(await refused({ RoleArn: elsewhere })).toEqual(denied('sts:AssumeRole', elsewhere));
  });

  test('needs a policy of its own where the trust policy delegates to its account', async () => {
    const bob = await makeUserAllowed(daemon, 'bob');
    const RoleArn = await makeRole(daemon, 'Delegating');
    expect(await refused({ RoleArn }, bob)).toEqual(
      denied('sts:AssumeRole', RoleArn, arn('user/bob')),
    );
    const direct = await makeRole(daemon, 'Direct', {
      AssumeRolePolicyDocument: trusting({ AWS: arn('user/bob') }),
    });
    expect(await arnOf(daemon, await assume(sts(bob), { RoleArn: direct }))).toBe(
      sessionArn('Direct/the-session'),
    );
  });

  test('is no root', async () => {
    const RoleArn = await makeRole(daemon, 'NotForRoots');
    expect(await refused({ RoleArn }, daemon.credentials)).toEqual({
      code: 'AccessDenied',
      message: 'Roles may not be assumed by root accounts.',
      status: 403,
    });
  });

  test('of another account needs the word of both accounts', async () => {
    const theirs = '777788889999';
    const stranger = {
      ...daemon,
      accountId: theirs,
      credentials: await otherAccount(daemon, theirs),
    };
    const eve = await makeUserAllowed(stranger, 'eve', 'sts:AssumeRole');
    const mute = await makeUserAllowed(stranger, 'mute');
    const RoleArn = await makeRole(daemon, 'Shared', {
      AssumeRolePolicyDocument: trusting({ AWS: theirs }),
    });
    expect(await arnOf(daemon, await assume(sts(eve), { RoleArn }))).toBe(
      sessionArn('Shared/the-session'),
    );
    const muteArn = `arn:aws:iam::${theirs}:user/mute`;
    expect(await refused({ RoleArn }, mute)).toEqual(denied('sts:AssumeRole', RoleArn, muteArn));
    const own = await makeRole(daemon, 'Unshared', {
      AssumeRolePolicyDocument: trusting({ AWS: daemon.accountId }),
    });
    expect(await refused({ RoleArn: own }, eve)).toEqual(
      denied('sts:AssumeRole', own, `arn:aws:iam::${theirs}:user/eve`),
    );
  });

  test('may be a registered service that the trust policy names', async () => {
    const [docs, other] = ['docs.claviger.internal', 'other.claviger.internal'];
    const key = await makeService(daemon, docs);
    const RoleArn = await makeRole(daemon, 'ForDocs', {
      AssumeRolePolicyDocument: trusting({ Service: docs }),
    });
    expect(await arnOf(daemon, await assume(sts(key), { RoleArn }))).toBe(
      sessionArn('ForDocs/the-session'),
    );
    expect(await refused({ RoleArn }, await makeService(daemon, other))).toEqual(
      denied('sts:AssumeRole', RoleArn, other),
    );
  });

  test('must know the external id that the trust policy asks for: no confused deputy', async () => {
    const policy = JSON.parse(trusting({ AWS: arn('user/alice') })) as { Statement: object[] };
    const Condition = { StringEquals: { 'sts:ExternalId': 'customer-7' } };
    const AssumeRolePolicyDocument = JSON.stringify({
      ...policy,
      Statement: policy.Statement.map((statement) => ({ ...statement, Condition })),
    });
    const RoleArn = await makeRole(daemon, 'ThirdParty', { AssumeRolePolicyDocument });
    expect(await refused({ RoleArn })).toEqual(denied('sts:AssumeRole', RoleArn));
    expect(await refused({ RoleArn, ExternalId: 'customer-8' })).toEqual(
      denied('sts:AssumeRole', RoleArn),
    );
    await assume(sts(), { RoleArn, ExternalId: 'customer-7' });
  });
});

describe('a request that cannot be', () => {
  test.each([
    ['no role', 'user/alice'],
    ['a group', 'group/everyone-here'],
  ])('names what is %s', async (_, rest) => {
    expect(await refused({ RoleArn: arn(rest) })).toEqual(invalid(`${arn(rest)} is invalid`));
  });

  test('asks for longer than the role lasts, or than a chain may', async () => {
    const RoleArn = await makeRole(daemon, 'Long', {
      MaxSessionDuration: 7200,
      actions: ['sts:*'],
    });
    await assume(sts(), { RoleArn, DurationSeconds: 7200 });
    expect(await refused({ RoleArn, DurationSeconds: 7201 })).toEqual(
      invalid('The requested DurationSeconds exceeds the MaxSessionDuration set for this role.'),
    );
    const session = await assume(sts(), { RoleArn });
    expect(await refused({ RoleArn, DurationSeconds: 3601 }, session)).toEqual(
      invalid(
        'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
      ),
    );
    expect((await refused({ RoleArn, DurationSeconds: 899 })).message).toContain(
      "at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
    );
  });

  test.each([
    ['SerialNumber', { SerialNumber: 'arn:aws:iam::1:mfa/x', TokenCode: '123456' }],
    ['TokenCode', { TokenCode: '123456' }],
    ['ProvidedContexts', { ProvidedContexts: [{ ContextAssertion: 'abcd' }] }],
  ])('uses %s, which is not supported', async (member, input) => {
    expect(await refused({ RoleArn: arn('role/Any'), ...input })).toMatchObject({
      message: `${member} is not supported.`,
      status: 400,
    });
  });
});

describe('session policies', () => {
  test('narrow what the role may', async () => {
    const RoleArn = await makeRole(daemon, 'Wide', { actions: ['kms:*'] });
    const key = await createKey(daemon.client());
    const session = await assume(sts(), { RoleArn, Policy: allowing('kms:ListKeys') });
    await clientOf(daemon, session).send(new ListKeysCommand({}));
    expect(
      await sdkRefusal(clientOf(daemon, session).send(new DescribeKeyCommand({ KeyId: key.id }))),
    ).toEqual({
      code: 'AccessDeniedException',
      message: `User: ${sessionArn('Wide/the-session')} is not authorized to perform: kms:DescribeKey on resource: ${key.arn} because no session policy allows the kms:DescribeKey action`,
      status: 400,
    });
  });

  test('may be managed ones, as they were when the session began', async () => {
    const RoleArn = await makeRole(daemon, 'Managed', { actions: ['kms:*'] });
    const { Policy } = await iamClient(daemon).send(
      new CreatePolicyCommand({ PolicyName: 'lists', PolicyDocument: allowing('kms:ListKeys') }),
    );
    const PolicyArns = [{ arn: Policy?.Arn }, { arn: 'arn:aws:iam::aws:policy/IAMReadOnlyAccess' }];
    const output = await sts().send(
      new AssumeRoleCommand({ RoleArn, RoleSessionName: 'the-session', PolicyArns }),
    );
    expect(output).toMatchObject({ PackedPolicySize: expect.any(Number) as number });
    const session = await assume(sts(), { RoleArn, PolicyArns });
    await clientOf(daemon, session).send(new ListKeysCommand({}));
  });

  test('are refused when they are none', async () => {
    const RoleArn = await makeRole(daemon, 'Strict');
    expect(await refused({ RoleArn, Policy: '{"Version":"2012-10-17"}' })).toEqual({
      code: 'MalformedPolicyDocument',
      message: 'Syntax errors in policy.',
      status: 400,
    });
    const missing = arn('policy/missing');
    expect(await refused({ RoleArn, PolicyArns: [{ arn: missing }] })).toEqual({
      code: 'NoSuchEntity',
      message: `Policy ${missing} does not exist or is not attachable.`,
      status: 404,
    });
    const elsewhere = 'arn:aws:iam::444455556666:policy/theirs';
    expect(await refused({ RoleArn, PolicyArns: [{ arn: elsewhere }] })).toMatchObject({
      code: 'NoSuchEntity',
    });
    const eleven = Array.from({ length: 11 }, (_, n) => ({ arn: arn(`policy/p${n}`) }));
    expect((await refused({ RoleArn, PolicyArns: eleven })).message).toContain(
      "at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to 10",
    );
    const long = allowing(`kms:${'x'.repeat(2048)}`);
    expect((await refused({ RoleArn, Policy: long })).message).toContain(
      "at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048",
    );
  });

  test('and tags that take too much space are refused', async () => {
    const RoleArn = await makeRole(daemon, 'Packed');
    const noise = (n: number): string =>
      Array.from({ length: 4 }, () => Math.random().toString(36).slice(2)).join(`-${n}-`);
    const Tags = Array.from({ length: 50 }, (_, n) => ({
      Key: `${n}${noise(n)}`,
      Value: noise(n) + noise(n) + noise(n),
    }));
    const refusal = await refused({ RoleArn, Tags });
    expect(refusal.code).toBe('PackedPolicyTooLarge');
    expect(refusal.message).toMatch(
      /^Packed size of session tags consumes \d+% of allotted space\.$/,
    );
  });
});

describe('a session that is revoked', () => {
  test('ends with its role', async () => {
    const RoleArn = await makeRole(daemon, 'Doomed', { actions: ['kms:ListKeys'] });
    const session = await assume(sts(), { RoleArn });
    const kms = clientOf(daemon, session);
    await kms.send(new ListKeysCommand({}));
    const iam = iamClient(daemon);
    await iam.send(new DeleteRolePolicyCommand({ RoleName: 'Doomed', PolicyName: 'allowed' }));
    await iam.send(new DeleteRoleCommand({ RoleName: 'Doomed' }));
    const unknown = {
      code: 'UnrecognizedClientException',
      message: 'The security token included in the request is invalid.',
      status: 400,
    };
    expect(await sdkRefusal(kms.send(new ListKeysCommand({})))).toEqual(unknown);
    await makeRole(daemon, 'Doomed', { actions: ['kms:ListKeys'] });
    expect(await sdkRefusal(kms.send(new ListKeysCommand({})))).toEqual(unknown);
  });

  test('by AWSRevokeOlderSessions is denied, and a younger one is not', async () => {
    const RoleArn = await makeRole(daemon, 'Revoked', { actions: ['kms:ListKeys'] });
    const kms = clientOf(daemon, await assume(sts(), { RoleArn }));
    await kms.send(new ListKeysCommand({}));
    const revoke = (before: Date): Promise<unknown> =>
      iamClient(daemon).send(
        new PutRolePolicyCommand({
          RoleName: 'Revoked',
          PolicyName: 'AWSRevokeOlderSessions',
          PolicyDocument: JSON.stringify({
            Version: '2012-10-17',
            Statement: [
              {
                Effect: 'Deny',
                Action: '*',
                Resource: '*',
                Condition: { DateLessThan: { 'aws:TokenIssueTime': before.toISOString() } },
              },
            ],
          }),
        }),
      );
    await revoke(new Date(Date.now() - 60_000));
    await kms.send(new ListKeysCommand({}));
    await revoke(new Date(Date.now() + 1000));
    expect(await sdkRefusal(kms.send(new ListKeysCommand({})))).toEqual({
      code: 'AccessDeniedException',
      message: `User: ${sessionArn('Revoked/the-session')} is not authorized to perform: kms:ListKeys on resource: * with an explicit deny in an identity-based policy`,
      status: 400,
    });
  });
});

describe('session credentials', () => {
  test('are nobody’s without their token, with another’s, or with a changed one', async () => {
    const RoleArn = await makeRole(daemon, 'Careful', { actions: ['kms:ListKeys'] });
    const [one, other] = [await assume(sts(), { RoleArn }), await assume(sts(), { RoleArn })];
    const wrong = (credentials: TestCredentials) =>
      sdkRefusal(clientOf(daemon, credentials).send(new ListKeysCommand({})));
    const unknown = {
      code: 'UnrecognizedClientException',
      message: 'The security token included in the request is invalid.',
      status: 400,
    };
    const { sessionToken, ...withoutToken } = one;
    const middle = Math.floor(sessionToken.length / 2);
    const flipped = sessionToken[middle] === 'A' ? 'B' : 'A';
    const tokens = [
      other.sessionToken,
      sessionToken.slice(0, -4),
      sessionToken.slice(0, middle) + flipped + sessionToken.slice(middle + 1),
      'garbage',
    ];
    expect(await wrong(withoutToken)).toEqual(unknown);
    for (const token of tokens) {
      expect(await wrong({ ...one, sessionToken: token } as TestCredentials)).toEqual(unknown);
    }
    expect(await wrong({ ...alice, sessionToken } as TestCredentials)).toEqual(unknown);
    expect(await wrong({ ...one, secretAccessKey: other.secretAccessKey })).toMatchObject({
      code: 'InvalidSignatureException',
    });
  });
});
