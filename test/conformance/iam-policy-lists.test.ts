import {
  AttachUserPolicyCommand,
  CreatePolicyCommand,
  type IAMClient,
  ListPoliciesCommand,
  PutUserPermissionsBoundaryCommand,
  paginateListPolicies,
} from '@aws-sdk/client-iam';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeIamUser } from '../support/iam-client';
import { allowing } from '../support/iam-documents';
import { otherAccount } from '../support/kms';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.remove());

const document = allowing('kms:Encrypt');

describe('ListPolicies', () => {
  let other: IAMClient;
  const names = async (input: object) =>
    ((await other.send(new ListPoliciesCommand(input))).Policies ?? []).map(
      (one) => one.PolicyName,
    );
  beforeAll(async () => {
    const account = '555566667777';
    other = iamClient(daemon, await otherAccount(daemon, account));
    const arnOf = (rest: string) => `arn:aws:iam::${account}:policy/${rest}`;
    for (const [PolicyName, Path] of [
      ['c', '/x/'],
      ['a', '/x/y/'],
      ['b', '/x/'],
      ['AdministratorAccess', '/'],
    ] as const) {
      const PolicyDocument = document;
      await other.send(new CreatePolicyCommand({ PolicyName, Path, PolicyDocument }));
    }
    await makeIamUser(other, 'someone');
    const UserName = 'someone';
    await other.send(new AttachUserPolicyCommand({ UserName, PolicyArn: arnOf('x/y/a') }));
    const PolicyArn = 'arn:aws:iam::aws:policy/IAMReadOnlyAccess';
    await other.send(new AttachUserPolicyCommand({ UserName, PolicyArn }));
    const PermissionsBoundary = arnOf('x/b');
    await other.send(new PutUserPermissionsBoundaryCommand({ UserName, PermissionsBoundary }));
  });
  const aws = [
    ...['AWSKeyManagementServicePowerUser', 'AdministratorAccess'],
    ...['IAMFullAccess', 'IAMReadOnlyAccess'],
  ];

  test.each([
    [{ Scope: 'Local' }, ['AdministratorAccess', 'a', 'b', 'c']],
    [{ Scope: 'AWS' }, aws],
    [{}, [...aws.slice(0, 2), ...aws.slice(1), 'a', 'b', 'c']],
    [{ Scope: 'Local', PathPrefix: '/x/' }, ['a', 'b', 'c']],
    [{ PathPrefix: '/x/y/' }, ['a']],
    [{ PathPrefix: '/none/' }, []],
    [{ OnlyAttached: true }, ['IAMReadOnlyAccess', 'a']],
    [{ Scope: 'AWS', OnlyAttached: true }, ['IAMReadOnlyAccess']],
    [{ PolicyUsageFilter: 'PermissionsPolicy' }, ['IAMReadOnlyAccess', 'a']],
    [{ PolicyUsageFilter: 'PermissionsBoundary' }, ['b']],
    [{ PolicyUsageFilter: 'PermissionsBoundary', OnlyAttached: true }, []],
  ])('lists %j', async (input, expected) => {
    expect(await names(input)).toEqual(expected);
  });

  test('leaves out descriptions and tags, and counts uses', async () => {
    const { Policies = [] } = await other.send(new ListPoliciesCommand({ PathPrefix: '/x/' }));
    expect(Policies[1]).toMatchObject({ AttachmentCount: 0, PermissionsBoundaryUsageCount: 1 });
    expect(Object.keys(Policies[0] ?? {}).sort()).toEqual([
      ...['Arn', 'AttachmentCount', 'CreateDate', 'DefaultVersionId', 'IsAttachable', 'Path'],
      ...['PermissionsBoundaryUsageCount', 'PolicyId', 'PolicyName', 'UpdateDate'],
    ]);
  });

  test('pages through names that two policies have', async () => {
    const pages: unknown[] = [];
    for await (const page of paginateListPolicies({ client: other, pageSize: 2 }, {})) {
      pages.push((page.Policies ?? []).map(({ PolicyName }) => PolicyName));
    }
    expect(pages).toEqual([
      ['AWSKeyManagementServicePowerUser', 'AdministratorAccess'],
      ['AdministratorAccess', 'IAMFullAccess'],
      ['IAMReadOnlyAccess', 'a'],
      ['b', 'c'],
    ]);
  });

  test.each([{ Marker: 'e30=' }, { Marker: 'x' }, { Marker: 'WyJhIiwiYiJd' }])(
    'refuses the marker of %j',
    async (input) => {
      expect(await iamRefusal(names(input))).toMatchObject({
        code: 'ValidationError',
        status: 400,
      });
    },
  );

  test.each([
    [
      { Scope: 'Mine' },
      /at 'scope' failed to satisfy constraint: Member must satisfy enum value set/,
    ],
    [{ PathPrefix: 'x' }, /at 'pathPrefix' failed to satisfy constraint/],
    [{ MaxItems: 0 }, /at 'maxItems' failed to satisfy constraint: Member must have value greater/],
  ])('refuses %j', async (input, message) => {
    const refusal = await iamRefusal(names(input));
    expect(refusal).toMatchObject({ code: 'ValidationError', status: 400 });
    expect(refusal.message).toMatch(message);
  });
});
