import {
  DeleteAccessKeyCommand,
  DeleteUserCommand,
  type IAMClient,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import {
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  type KMSClient,
  ListKeyPoliciesCommand,
  PutKeyPolicyCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, makeAccessKey, makeIamUser } from '../support/iam-client';
import {
  auditOf,
  clientOf,
  createKey,
  otherAccount,
  putIntoState,
  sdkRefusal,
} from '../support/kms';
import { accessDenied, badRequest, refused } from '../support/wire';

describe('PutKeyPolicy, GetKeyPolicy and ListKeyPolicies', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let iam: IAMClient;
  let root: string;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    iam = iamClient(daemon);
    root = `arn:aws:iam::${daemon.accountId}:root`;
  });
  afterAll(() => daemon.remove());

  const userArn = (name: string): string => `arn:aws:iam::${daemon.accountId}:user/${name}`;
  const allow = (principal: unknown, more: object = {}): object => ({
    ...{ Effect: 'Allow', Principal: principal, Action: 'kms:*', Resource: '*' },
    ...more,
  });
  const document = (...Statement: readonly object[]): string =>
    JSON.stringify({ Version: '2012-10-17', Statement });
  const put = (KeyId: string, Policy: string, more: object = {}): Promise<unknown> =>
    kms.send(new PutKeyPolicyCommand({ KeyId, Policy, ...more }));
  const policyOf = async (KeyId: string): Promise<string | undefined> =>
    (await kms.send(new GetKeyPolicyCommand({ KeyId }))).Policy;

  test('A key has one policy, called default, which is shown in the layout of AWS', async () => {
    const { id, arn } = await createKey(kms);
    for (const KeyId of [id, arn]) {
      const shown = await kms.send(new GetKeyPolicyCommand({ KeyId, PolicyName: 'default' }));
      expect(shown).toMatchObject({
        PolicyName: 'default',
        Policy: `{\n  "Version" : "2012-10-17",\n  "Id" : "key-default-1",\n  "Statement" : [ {\n    "Sid" : "Enable IAM User Permissions",\n    "Effect" : "Allow",\n    "Principal" : {\n      "AWS" : "${root}"\n    },\n    "Action" : "kms:*",\n    "Resource" : "*"\n  } ]\n}`,
      });
      const listed = await kms.send(new ListKeyPoliciesCommand({ KeyId, Limit: 1 }));
      expect(listed).toMatchObject({ PolicyNames: ['default'], Truncated: false });
      expect(listed.NextMarker).toBeUndefined();
    }
    expect(await refused(daemon, 'GetKeyPolicy', { KeyId: id, PolicyName: 'other' })).toEqual(
      badRequest('NotFoundException', 'No such policy exists'),
    );
    expect(
      await refused(daemon, 'PutKeyPolicy', { KeyId: id, PolicyName: 'other', Policy: '{}' }),
    ).toEqual(badRequest('ValidationException', 'The only valid policy name is default.'));
  });

  test('A policy that was put is laid out anew, its principals normalised, and in force at once', async () => {
    const { id, arn } = await createKey(kms);
    await put(
      id,
      `{"Id":"mine","Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"${daemon.accountId}"},
        "Action":["kms:*"],"Resource":"*","Sid":"with spaces"}}`,
    );
    expect(await policyOf(id)).toBe(
      `{\n  "Id" : "mine",\n  "Version" : "2012-10-17",\n  "Statement" : {\n    "Effect" : "Allow",\n    "Principal" : {\n      "AWS" : "${root}"\n    },\n    "Action" : [ "kms:*" ],\n    "Resource" : "*",\n    "Sid" : "with spaces"\n  }\n}`,
    );
    await put(
      id,
      document(allow({ AWS: root }), allow('*', { Effect: 'Deny', Action: 'kms:Encrypt' })),
    );
    expect(JSON.parse((await policyOf(id)) ?? '')).toMatchObject({
      Statement: [{}, { Principal: { AWS: '*' } }],
    });
    expect(await refused(daemon, 'Encrypt', { KeyId: id, Plaintext: 'YQ==' })).toEqual(
      accessDenied(
        `User: ${root} is not authorized to perform: kms:Encrypt on resource: ${arn} with an explicit deny in a resource-based policy`,
      ),
    );
  });

  test('The check against a lockout asks for the caller, its identity policies and all, unless it is bypassed', async () => {
    await makeIamUser(iam, 'keeper');
    const keeper = clientOf(daemon, await makeAccessKey(iam, 'keeper'));
    const { id } = await createKey(kms, {
      Policy: document(allow({ AWS: [root, userArn('keeper')] })),
    });
    const lockout = {
      code: 'MalformedPolicyDocumentException',
      message: 'The new key policy will not allow you to update the key policy in the future.',
      status: 400,
    };
    const putAs = (client: KMSClient, Policy: string, more: object = {}): Promise<unknown> =>
      client.send(new PutKeyPolicyCommand({ KeyId: id, Policy, ...more }));
    const delegated = document(allow({ AWS: root }));
    expect(await sdkRefusal(putAs(keeper, delegated))).toEqual(lockout);
    await iam.send(
      new PutUserPolicyCommand({
        UserName: 'keeper',
        PolicyName: 'keys',
        PolicyDocument: document({ Effect: 'Allow', Action: 'kms:PutKeyPolicy', Resource: '*' }),
      }),
    );
    await putAs(keeper, delegated);
    const keepersAlone = document(allow({ AWS: userArn('keeper') }));
    expect(await sdkRefusal(putAs(kms, keepersAlone))).toEqual(lockout);
    await putAs(kms, keepersAlone, { BypassPolicyLockoutSafetyCheck: true });
    expect((await sdkRefusal(putAs(kms, keepersAlone))).code).toBe('AccessDeniedException');
    await putAs(keeper, delegated);
  });

  test('kms:BypassPolicyLockoutSafetyCheck is there when the request has the parameter', async () => {
    await makeIamUser(iam, 'careful');
    const careful = clientOf(daemon, await makeAccessKey(iam, 'careful'));
    const forbidden = {
      ...{ Effect: 'Deny', Action: 'kms:PutKeyPolicy' },
      Condition: { Bool: { 'kms:BypassPolicyLockoutSafetyCheck': 'true' } },
    };
    const Policy = document(allow({ AWS: [root, userArn('careful')] }), allow('*', forbidden));
    const { id } = await createKey(kms, { Policy });
    const command = (more: object) => new PutKeyPolicyCommand({ KeyId: id, Policy, ...more });
    await careful.send(command({}));
    await careful.send(command({ BypassPolicyLockoutSafetyCheck: false }));
    const bypassing = command({ BypassPolicyLockoutSafetyCheck: true });
    expect((await sdkRefusal(careful.send(bypassing))).message).toContain(
      'with an explicit deny in a resource-based policy',
    );
  });

  test('What is no policy changes nothing', async () => {
    const { id } = await createKey(kms);
    const before = await policyOf(id);
    const malformed = badRequest('MalformedPolicyDocumentException');
    const cases = [
      ['no JSON', malformed],
      ['{"Statement":[]}', malformed],
      [
        document(allow({ AWS: root }, { Condition: { Surprise: { 'kms:KeySpec': 'a' } } })),
        malformed,
      ],
      [document(allow({ AWS: root }, { NotAction: 'kms:Encrypt' })), malformed],
      [
        document(allow({ AWS: [root, userArn('nobody')] })),
        badRequest(
          'MalformedPolicyDocumentException',
          'Policy contains a statement with one or more invalid principals.',
        ),
      ],
      [
        document(allow({ AWS: [root, `${userArn('x')}*`] })),
        badRequest('InvalidArnException', 'An ARN in the specified key policy is invalid.'),
      ],
      [
        document(allow({ AWS: root })).padEnd(32_769, ' '),
        badRequest('LimitExceededException', 'The key policy is larger than 32768 bytes.'),
      ],
    ] as const;
    for (const [Policy, expected] of cases) {
      expect(await refused(daemon, 'PutKeyPolicy', { KeyId: id, Policy })).toEqual(expected);
    }
    const overly = { 'ForAllValues:StringEquals': { 'kms:EncryptionContext:a': 'b' } };
    const Policy = document(allow({ AWS: root }, { Condition: overly }));
    const refusal = await refused(daemon, 'PutKeyPolicy', { KeyId: id, Policy });
    expect(refusal).toMatchObject({ status: 400, __type: 'MalformedPolicyDocumentException' });
    expect(refusal['message']).toMatch(/^OverlyPermissiveCondition:/);
    expect(await refused(daemon, 'PutKeyPolicy', { KeyId: id })).toEqual(
      badRequest(
        'ValidationException',
        "1 validation error detected: Value null at 'policy' failed to satisfy constraint: Member must not be null",
      ),
    );
    expect(await policyOf(id)).toBe(before);
  });

  test('They work in every state, on one’s own account’s keys, and never on an alias', async () => {
    const { id, arn } = await createKey(kms);
    for (const state of ['Disabled', 'PendingDeletion', 'PendingImport', 'Unavailable']) {
      await putIntoState(daemon, id, state);
      await put(id, document(allow({ AWS: root })));
      expect(await policyOf(id)).toContain(root);
      await kms.send(new ListKeyPoliciesCommand({ KeyId: id }));
    }
    const stranger = { credentials: await otherAccount(daemon, '444455556666') };
    const theirs = document(allow({ AWS: [root, 'arn:aws:iam::444455556666:root'] }));
    await put(id, theirs);
    for (const [operation, more] of [
      ['PutKeyPolicy', { Policy: theirs }],
      ['GetKeyPolicy', {}],
      ['ListKeyPolicies', {}],
    ] as const) {
      expect(await refused(daemon, operation, { KeyId: arn, ...more }, stranger)).toEqual(
        accessDenied(
          `User: arn:aws:iam::444455556666:root is not authorized to perform: kms:${operation} on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
        ),
      );
      expect(await refused(daemon, operation, { KeyId: 'alias/a', ...more })).toEqual(
        badRequest('InvalidArnException', 'Key Aliases are not supported for this operation.'),
      );
    }
  });

  test('A user who was deleted stays in the policy by its unique id, and one of the same name inherits nothing', async () => {
    await makeIamUser(iam, 'leaver');
    const credentials = await makeAccessKey(iam, 'leaver');
    const leaver = clientOf(daemon, credentials);
    const Policy = document(allow({ AWS: root }), allow({ AWS: userArn('leaver') }));
    const { id } = await createKey(kms, { Policy });
    const describe = new DescribeKeyCommand({ KeyId: id });
    await leaver.send(describe);
    const AccessKeyId = credentials.accessKeyId;
    await iam.send(new DeleteAccessKeyCommand({ UserName: 'leaver', AccessKeyId }));
    await iam.send(new DeleteUserCommand({ UserName: 'leaver' }));
    expect((await sdkRefusal(leaver.send(describe))).code).toBe('UnrecognizedClientException');
    expect(await policyOf(id)).toMatch(/"AWS" : "AIDA[A-Z0-9]{17}"/);
    await makeIamUser(iam, 'leaver');
    const namesake = clientOf(daemon, await makeAccessKey(iam, 'leaver'));
    expect((await sdkRefusal(namesake.send(describe))).message).toContain(
      'because no identity-based policy allows the kms:DescribeKey action',
    );
    // What dangles names nobody who exists, so it cannot be put back.
    expect((await sdkRefusal(put(id, (await policyOf(id)) ?? ''))).message).toBe(
      'Policy contains a statement with one or more invalid principals.',
    );
  });

  test('The record of a PutKeyPolicy has the whole policy', async () => {
    const { id, arn } = await createKey(kms);
    const Policy = document(allow({ AWS: root }));
    const answer = await kms.send(new PutKeyPolicyCommand({ KeyId: id, Policy }));
    expect(await auditOf(daemon, answer.$metadata.requestId ?? '')).toMatchObject({
      eventName: 'PutKeyPolicy',
      readOnly: false,
      requestParameters: { keyId: id, policy: Policy },
      responseElements: { keyId: arn },
      resources: [{ ARN: arn }],
    });
  });
});
