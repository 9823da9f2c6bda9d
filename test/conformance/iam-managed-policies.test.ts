import {
  AttachUserPolicyCommand,
  CreatePolicyCommand,
  type CreatePolicyCommandInput,
  CreatePolicyVersionCommand,
  DeletePolicyCommand,
  DeletePolicyVersionCommand,
  DetachUserPolicyCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  type IAMClient,
  ListPolicyVersionsCommand,
  PutUserPermissionsBoundaryCommand,
  SetDefaultPolicyVersionCommand,
} from '@aws-sdk/client-iam';
import { type Terminal, openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeAccessKey, makeIamUser } from '../support/iam-client';
import { allowing, malformedPolicies, padded } from '../support/iam-documents';
import { auditOf, otherAccount } from '../support/kms';
import { administer } from '../support/postgres';

let daemon: TestDaemon;
let iam: IAMClient;
let terminal: Terminal;

beforeAll(async () => {
  daemon = await startDaemon();
  iam = iamClient(daemon);
  terminal = await openTerminal(daemon);
});
afterAll(async () => {
  await terminal.close();
  await daemon.remove();
});

const administrator = 'arn:aws:iam::aws:policy/AdministratorAccess';
const document = allowing('kms:Encrypt');
const arn = (rest: string) => `arn:aws:iam::${daemon.accountId}:${rest}`;
const policy = (name: string) => arn(`policy/${name}`);
const decoded = (text: string | undefined) => decodeURIComponent(text ?? '');

const create = (PolicyName: string, input: Partial<CreatePolicyCommandInput> = {}) =>
  iam.send(new CreatePolicyCommand({ PolicyName, PolicyDocument: document, ...input }));
const get = async (PolicyArn: string) =>
  (await iam.send(new GetPolicyCommand({ PolicyArn }))).Policy;
const remove = (PolicyArn: string) => iam.send(new DeletePolicyCommand({ PolicyArn }));
const version = (PolicyArn: string, PolicyDocument = document, SetAsDefault?: boolean) =>
  iam.send(new CreatePolicyVersionCommand({ PolicyArn, PolicyDocument, SetAsDefault }));
const getVersion = (PolicyArn: string, VersionId: string) =>
  iam.send(new GetPolicyVersionCommand({ PolicyArn, VersionId }));
const setDefault = (PolicyArn: string, VersionId: string) =>
  iam.send(new SetDefaultPolicyVersionCommand({ PolicyArn, VersionId }));
const removeVersion = (PolicyArn: string, VersionId: string) =>
  iam.send(new DeletePolicyVersionCommand({ PolicyArn, VersionId }));
const versionsOf = async (PolicyArn: string) =>
  ((await iam.send(new ListPolicyVersionsCommand({ PolicyArn }))).Versions ?? []).map(
    ({ VersionId, IsDefaultVersion }) => `${VersionId}${IsDefaultVersion === true ? '*' : ''}`,
  );
const attach = (UserName: string, PolicyArn: string) =>
  iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn }));

const notFound = (message: string) => ({ code: 'NoSuchEntity', message, status: 404 });
const conflict = (message: string) => ({ code: 'DeleteConflict', message, status: 409 });
const invalid = (message: string) => ({ code: 'ValidationError', message, status: 400 });

describe('CreatePolicy', () => {
  test('makes a policy, answers what AWS answers, and GetPolicy all of it', async () => {
    const given = ` ${document}\n`;
    const Tags = [{ Key: 'team', Value: 'blue' }];
    const { Policy, $metadata } = await create('Encrypters', {
      ...{ Path: '/keys/', PolicyDocument: given, Description: 'may encrypt', Tags },
    });
    const answered = {
      PolicyName: 'Encrypters',
      PolicyId: expect.stringMatching(/^ANPA[A-Z2-7]{17}$/) as string,
      Arn: policy('keys/Encrypters'),
      Path: '/keys/',
      DefaultVersionId: 'v1',
      AttachmentCount: 0,
      PermissionsBoundaryUsageCount: 0,
      IsAttachable: true,
      CreateDate: expect.any(Date) as Date,
      UpdateDate: expect.any(Date) as Date,
      Tags,
    };
    expect(Policy).toEqual(answered);
    expect(await get(policy('keys/Encrypters'))).toEqual({
      ...answered,
      Description: 'may encrypt',
    });
    const { PolicyVersion } = await getVersion(policy('keys/Encrypters'), 'v1');
    expect(decoded(PolicyVersion?.Document)).toBe(given);
    expect(await auditOf(daemon, $metadata.requestId ?? '')).toMatchObject({
      eventName: 'CreatePolicy',
      readOnly: false,
      requestParameters: { policyName: 'Encrypters', path: '/keys/', policyDocument: given },
      responseElements: { policy: { policyId: Policy?.PolicyId, arn: Policy?.Arn } },
    });
  });

  test('answers no tags where none were given, and GetPolicy an empty list', async () => {
    expect((await create('untagged')).Policy?.Tags).toBeUndefined();
    expect(await get(policy('untagged'))).toMatchObject({ Tags: [] });
  });

  test('refuses a name that is taken, whatever its case and path', async () => {
    await create('taken');
    expect(await iamRefusal(create('TAKEN', { Path: '/other/' }))).toEqual({
      code: 'EntityAlreadyExists',
      message: 'A policy called TAKEN already exists. Duplicate names are not allowed.',
      status: 409,
    });
  });

  test('makes one policy of many requests for a name at once', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => create('contested')));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test.each<readonly [string, string, string]>([
    ...malformedPolicies,
    [
      'a policy of the old version',
      document.replace('2012-10-17', '2008-10-17'),
      'Policy document must be version 2012-10-17 or greater.',
    ],
  ])('refuses %s', async (_, text, message) => {
    const refusal = { code: 'MalformedPolicyDocument', message, status: 400 };
    expect(await iamRefusal(create('malformed', { PolicyDocument: text }))).toEqual(refusal);
    expect(await iamRefusal(get(policy('malformed')))).toMatchObject({ code: 'NoSuchEntity' });
  });

  test('takes 6144 characters, not counting white space, and refuses one more', async () => {
    await create('largest', { PolicyDocument: padded(document, 6144) });
    const exceeded = {
      code: 'LimitExceeded',
      message: 'Cannot exceed quota for PolicySize: 6144',
      status: 409,
    };
    const larger = padded(document, 6145);
    expect(await iamRefusal(create('larger', { PolicyDocument: larger }))).toEqual(exceeded);
    expect(await iamRefusal(version(policy('largest'), larger))).toEqual(exceeded);
  });

  test('refuses more than 131072 characters with a ValidationError', async () => {
    const refusal = await iamRefusal(
      create('huge', { PolicyDocument: document + ' '.repeat(131_072) }),
    );
    expect(refusal).toMatchObject({ code: 'ValidationError', status: 400 });
    expect(refusal.message).toMatch(
      /at 'policyDocument' failed to satisfy constraint: Member must have length less than or equal to 131072$/,
    );
  });

  test('refuses the 1501st policy of an account', async () => {
    const account = '222233334444';
    const other = iamClient(daemon, await otherAccount(daemon, account));
    await administer(
      daemon.databaseUrl,
      `with policy as (
         insert into managed_policy (policy_id, account_id, name)
         select 'ANPAQUOTA' || lpad(n::text, 12, '0'), $1::text, 'p' || n from generate_series(1, 1500) as n
         returning policy_id
       )
       insert into managed_policy_version (policy_id, version, document) select policy_id, 1, '{}' from policy`,
      [account],
    );
    const making = new CreatePolicyCommand({ PolicyName: 'more', PolicyDocument: document });
    expect(await iamRefusal(other.send(making))).toEqual({
      code: 'LimitExceeded',
      message: 'Cannot exceed quota for PoliciesPerAccount: 1500',
      status: 409,
    });
  });
});

describe('GetPolicy', () => {
  test('refuses a policy that does not exist', async () => {
    expect(await iamRefusal(get(policy('none')))).toEqual(
      notFound(`Policy ${policy('none')} was not found.`),
    );
  });

  test('finds a policy by its exact ARN only', async () => {
    await create('Exact', { Path: '/a/' });
    for (const other of ['Exact', 'a/exact', 'A/Exact', 'a/b/Exact']) {
      expect(await iamRefusal(get(policy(other)))).toMatchObject({ code: 'NoSuchEntity' });
    }
  });

  test.each([
    'no-arn-but-long-enough',
    'arn:aws:iam::111122223333:user/somebody',
    'arn:aws:iam::11112222333:policy/somebody',
    'arn:aws-cn:iam::aws:policy/AdministratorAccess',
    'arn:aws:iam:us-east-1:aws:policy/AdministratorAccess',
    'arn:aws:iam::aws:policy/Administrator Access',
    'arn:aws:iam::aws:policy/AdministratorAccess ',
  ])('refuses %p, which is no ARN of a policy', async (text) => {
    expect(await iamRefusal(get(text))).toEqual(invalid(`ARN ${text} is not valid.`));
    expect(await iamRefusal(attach('anybody', text))).toEqual(invalid(`ARN ${text} is not valid.`));
  });

  test('refuses a policy of another account, which is as good as none', async () => {
    await create('ours');
    const stranger = iamClient(daemon, await otherAccount(daemon, '333344445555'));
    const reading = stranger.send(new GetPolicyCommand({ PolicyArn: policy('ours') }));
    expect(await iamRefusal(reading)).toEqual({
      code: 'AccessDenied',
      message: `User: arn:aws:iam::333344445555:root is not authorized to perform: iam:GetPolicy on resource: policy ${policy('ours')}`,
      status: 403,
    });
    await makeIamUser(stranger, 'stranger');
    const attaching = new AttachUserPolicyCommand({
      UserName: 'stranger',
      PolicyArn: policy('ours'),
    });
    expect(await iamRefusal(stranger.send(attaching))).toEqual(
      notFound(`Policy ${policy('ours')} does not exist or is not attachable.`),
    );
  });
});

describe("AWS's own policies", () => {
  test('can be read', async () => {
    expect(await get(administrator)).toEqual({
      PolicyName: 'AdministratorAccess',
      PolicyId: 'ANPAAAAAAAAAAAAAAAA01',
      Arn: administrator,
      Path: '/',
      DefaultVersionId: 'v1',
      AttachmentCount: 0,
      PermissionsBoundaryUsageCount: 0,
      IsAttachable: true,
      Description: 'Provides full access to services and resources.',
      CreateDate: expect.any(Date) as Date,
      UpdateDate: expect.any(Date) as Date,
      Tags: [],
    });
    const { PolicyVersion } = await getVersion(administrator, 'v1');
    expect(JSON.parse(decoded(PolicyVersion?.Document))).toMatchObject({ Version: '2012-10-17' });
    expect(await versionsOf(administrator)).toEqual(['v1*']);
  });

  test('count the uses of the account that asks', async () => {
    const account = '444455556666';
    const other = iamClient(daemon, await otherAccount(daemon, account));
    await makeIamUser(iam, 'counted');
    await attach('counted', administrator);
    const seenBy = async (client: IAMClient) =>
      (await client.send(new GetPolicyCommand({ PolicyArn: administrator }))).Policy;
    expect(await seenBy(iam)).toMatchObject({ AttachmentCount: 1 });
    expect(await seenBy(other)).toMatchObject({ AttachmentCount: 0 });
    await iam.send(new DetachUserPolicyCommand({ UserName: 'counted', PolicyArn: administrator }));
  });

  test('are changed by nobody', async () => {
    const attempts = {
      CreatePolicyVersion: () => version(administrator, document, true),
      SetDefaultPolicyVersion: () => setDefault(administrator, 'v1'),
      DeletePolicyVersion: () => removeVersion(administrator, 'v1'),
      DeletePolicy: () => remove(administrator),
    };
    for (const [name, attempt] of Object.entries(attempts)) {
      expect(await iamRefusal(attempt())).toEqual({
        code: 'AccessDenied',
        message: `User: ${arn('root')} is not authorized to perform: iam:${name} on resource: policy ${administrator}`,
        status: 403,
      });
    }
    expect(await versionsOf(administrator)).toEqual(['v1*']);
  });
});

describe('DeletePolicy', () => {
  test('deletes a policy with its version and its tags', async () => {
    const Tags = [{ Key: 'a', Value: 'b' }];
    const first = await create('gone', { Tags });
    expect(Object.keys(await remove(policy('gone')))).toEqual(['$metadata']);
    expect(await iamRefusal(remove(policy('gone')))).toEqual(
      notFound(`Policy ${policy('gone')} was not found.`),
    );
    const second = await create('gone');
    expect(second.Policy?.PolicyId).not.toBe(first.Policy?.PolicyId);
    expect(await get(policy('gone'))).toMatchObject({ Tags: [] });
  });

  test('refuses a policy that is attached, is a boundary, or has versions', async () => {
    await create('used');
    await makeIamUser(iam, 'holder');
    const inUse = conflict('Cannot delete a policy attached to entities.');
    const boundary = { UserName: 'holder', PermissionsBoundary: policy('used') };
    await attach('holder', policy('used'));
    expect(await iamRefusal(remove(policy('used')))).toEqual(inUse);
    await iam.send(new PutUserPermissionsBoundaryCommand(boundary));
    await iam.send(new DetachUserPolicyCommand({ UserName: 'holder', PolicyArn: policy('used') }));
    expect(await iamRefusal(remove(policy('used')))).toEqual(inUse);
    await create('many');
    await version(policy('many'));
    expect(await iamRefusal(remove(policy('many')))).toEqual(
      conflict(
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
      ),
    );
  });

  test('never takes away a policy that is attached at once', async () => {
    await makeIamUser(iam, 'late');
    for (let round = 0; round < 5; round += 1) {
      const name = `raced-${round}`;
      await create(name);
      const attaching = attach('late', policy(name));
      const [attached, removed] = await Promise.allSettled([attaching, remove(policy(name))]);
      expect([attached.status, removed.status].sort()).toEqual(['fulfilled', 'rejected']);
      if (attached.status === 'rejected') {
        expect(await iamRefusal(attach('late', policy(name)))).toEqual(
          notFound(`Policy ${policy(name)} does not exist or is not attachable.`),
        );
      }
    }
  });
});

test('A user without permission may not make policies', async () => {
  await makeIamUser(iam, 'powerless');
  const own = iamClient(daemon, await makeAccessKey(iam, 'powerless'));
  const making = new CreatePolicyCommand({ PolicyName: 'mine', PolicyDocument: document });
  expect(await iamRefusal(own.send(making))).toEqual({
    code: 'AccessDenied',
    message: `User: ${arn('user/powerless')} is not authorized to perform: iam:CreatePolicy on resource: ${policy('mine')} because no identity-based policy allows the iam:CreatePolicy action`,
    status: 403,
  });
});

/** Each command starts a Python, which takes seconds where processors are few. */
test('The AWS CLI makes, reads, versions, attaches and deletes a policy', async () => {
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await terminal.aws('iam', ...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return (stdout === '' ? {} : JSON.parse(stdout)) as Record<string, Record<string, unknown>>;
  };
  const byName = ['--policy-name', 'cli', '--policy-document', document];
  const made = await run('create-policy', ...byName);
  expect(made['Policy']).toMatchObject({ Arn: policy('cli'), DefaultVersionId: 'v1' });
  const byArn = ['--policy-arn', policy('cli')];
  const second = ['--policy-document', allowing('kms:Sign'), '--set-as-default'];
  await run('create-policy-version', ...byArn, ...second);
  const read = await run('get-policy-version', ...byArn, '--version-id', 'v2');
  expect(read['PolicyVersion']?.['Document']).toEqual(JSON.parse(allowing('kms:Sign')));
  await run('delete-policy-version', ...byArn, '--version-id', 'v1');
  await run('delete-policy', ...byArn);
  const again = await terminal.aws('iam', 'delete-policy', ...byArn);
  expect(again.stderr.trim()).toBe(
    `An error occurred (NoSuchEntity) when calling the DeletePolicy operation: Policy ${policy('cli')} was not found.`,
  );
}, 120_000);
