import {
  CreateRoleCommand,
  type CreateRoleCommandInput,
  GetRoleCommand,
  type IAMClient,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeIamUser } from '../support/iam-client';
import { padded, trusting } from '../support/iam-documents';
import { auditOf } from '../support/kms';
import { administer } from '../support/postgres';

let daemon: TestDaemon;
let iam: IAMClient;

beforeAll(async () => {
  daemon = await startDaemon();
  iam = iamClient(daemon);
});
afterAll(() => daemon.remove());

const arn = (rest: string) => `arn:aws:iam::${daemon.accountId}:${rest}`;
const trust = () => trusting({ AWS: arn('root') });
const create = (input: Partial<CreateRoleCommandInput> & { RoleName: string }) =>
  iam.send(new CreateRoleCommand({ AssumeRolePolicyDocument: trust(), ...input }));
const get = async (RoleName: string) => (await iam.send(new GetRoleCommand({ RoleName }))).Role;
const decoded = (text: string | undefined) => decodeURIComponent(text ?? '');
const noSuchRole = (name: string) => ({
  code: 'NoSuchEntity',
  message: `The role with name ${name} cannot be found.`,
  status: 404,
});

describe('The trust policy of a role', () => {
  const trustingNow = async (document: string) => {
    const made = await iamRefusal(
      create({ RoleName: 'untrusted', AssumeRolePolicyDocument: document }),
    );
    const updated = await iamRefusal(update('trusts', document));
    expect(updated).toEqual(made);
    return made;
  };
  const update = (RoleName: string, PolicyDocument: string) =>
    iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }));
  const malformed = (message: string) => ({
    code: 'MalformedPolicyDocument',
    message,
    status: 400,
  });
  beforeAll(async () => {
    await makeIamUser(iam, 'friend');
    await create({ RoleName: 'trusts' });
  });

  test.each([
    ['no json', 'This policy contains invalid Json'],
    ['{"a":1,"a":1}', 'This policy contains invalid Json'],
    ['{}', 'Syntax errors in policy.'],
    [
      '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}',
      'Missing required field Principal',
    ],
    [
      '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}]}',
      'Has prohibited field Resource',
    ],
    [trusting('*', 'kms:Decrypt'), 'AssumeRole policy may only specify STS AssumeRole actions.'],
    [trusting({ AWS: 'nobody' }), 'Invalid principal in policy: "AWS":"nobody"'],
    [trusting({ AWS: '123' }), 'Invalid principal in policy: "AWS":"123"'],
    [
      trusting({ AWS: 'arn:aws:iam::999999999999:root' }),
      'Invalid principal in policy: "AWS":"arn:aws:iam::999999999999:root"',
    ],
    [
      trusting({ AWS: 'AIDAAAAAAAAAAAAAAAAAA' }),
      'Invalid principal in policy: "AWS":"AIDAAAAAAAAAAAAAAAAAA"',
    ],
    [
      trusting({ Service: 'ec2.amazonaws.com' }),
      'Invalid principal in policy: "SERVICE":"ec2.amazonaws.com"',
    ],
    [
      trusting({ Federated: 'accounts.example.com' }, 'sts:AssumeRoleWithWebIdentity'),
      'Invalid principal in policy: "FEDERATED":"accounts.example.com"',
    ],
  ])('is refused when it is %s', async (document, message) => {
    expect(await trustingNow(document)).toEqual(malformed(message));
    expect(decoded((await get('trusts'))?.AssumeRolePolicyDocument)).toBe(trust());
    expect(await iamRefusal(get('untrusted'))).toEqual(noSuchRole('untrusted'));
  });

  test.each([
    'user/nobody',
    'user/elsewhere/friend',
    'user/Friend',
    'role/nobody',
    'group/friends',
    'user/*',
  ])('is refused when it names %s, which does not exist', async (name) => {
    expect(await trustingNow(trusting({ AWS: [arn('user/friend'), arn(name)] }))).toEqual(
      malformed(`Invalid principal in policy: "AWS":"${arn(name)}"`),
    );
  });

  test('may name users, roles, their ids, accounts, sessions, services and everyone', async () => {
    const service = 'backup.claviger.internal';
    await administer(
      daemon.databaseUrl,
      `insert into principal (principal_id, account_id, arn, kind, name)
       values ($1::text, $2::text, $1::text, 'service', $1::text)`,
      [service, daemon.accountId],
    );
    const { Role } = await create({ RoleName: 'other' });
    const principals = [
      { AWS: arn('user/friend') },
      { AWS: [arn('role/other'), daemon.accountId] },
      { AWS: Role?.RoleId },
      { AWS: `arn:aws:sts::${daemon.accountId}:assumed-role/other/session` },
      { Service: service },
      '*',
    ];
    for (const principal of principals) {
      const document = trusting(principal);
      await update('trusts', document);
      expect(decoded((await get('trusts'))?.AssumeRolePolicyDocument)).toBe(document);
    }
    await update('trusts', trust());
  });

  test('has at most 2048 characters, not counting white space', async () => {
    const fits = padded(trust(), 2048);
    await update('trusts', fits);
    expect(decoded((await get('trusts'))?.AssumeRolePolicyDocument)).toBe(fits);
    await update('trusts', trust());
    expect(await trustingNow(padded(trust(), 2049))).toEqual({
      code: 'LimitExceeded',
      message: 'Cannot exceed quota for ACLSizePerRole: 2048',
      status: 409,
    });
  });

  test('is recorded whole, and nothing is answered', async () => {
    const output = await update('trusts', trust());
    expect(Object.keys(output)).toEqual(['$metadata']);
    expect(await auditOf(daemon, output.$metadata.requestId ?? '')).toMatchObject({
      eventName: 'UpdateAssumeRolePolicy',
      requestParameters: { roleName: 'trusts', policyDocument: trust() },
      responseElements: null,
    });
  });

  test('lets two roles be made to trust each other at once', async () => {
    await create({ RoleName: 'left' });
    await create({ RoleName: 'right' });
    for (let round = 0; round < 5; round += 1) {
      await Promise.all([
        update('left', trusting({ AWS: arn('role/right') })),
        update('right', trusting({ AWS: arn('role/left') })),
      ]);
    }
    expect(decoded((await get('left'))?.AssumeRolePolicyDocument)).toContain('role/right');
  });

  test('cannot be written of a role that does not exist', async () => {
    expect(await iamRefusal(update('nobody', trust()))).toEqual(noSuchRole('nobody'));
  });
});
