import {
  AddClientIDToOpenIDConnectProviderCommand,
  CreateOpenIDConnectProviderCommand,
  type CreateOpenIDConnectProviderCommandInput,
  CreateRoleCommand,
  DeleteOpenIDConnectProviderCommand,
  GetOpenIDConnectProviderCommand,
  type IAMClient,
  ListOpenIDConnectProvidersCommand,
  RemoveClientIDFromOpenIDConnectProviderCommand,
  UpdateOpenIDConnectProviderThumbprintCommand,
} from '@aws-sdk/client-iam';
import { type Terminal, openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeAccessKey, makeIamUser } from '../support/iam-client';
import { trusting } from '../support/iam-documents';
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

const provider = (rest: string, account = daemon.accountId) =>
  `arn:aws:iam::${account}:oidc-provider/${rest}`;
const create = (Url: string, input: Partial<CreateOpenIDConnectProviderCommandInput> = {}) =>
  iam.send(new CreateOpenIDConnectProviderCommand({ Url, ...input }));
const get = (OpenIDConnectProviderArn: string) =>
  iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn }));
const add = (OpenIDConnectProviderArn: string, ClientID: string) =>
  iam.send(new AddClientIDToOpenIDConnectProviderCommand({ OpenIDConnectProviderArn, ClientID }));
const drop = (OpenIDConnectProviderArn: string, ClientID: string) =>
  iam.send(
    new RemoveClientIDFromOpenIDConnectProviderCommand({ OpenIDConnectProviderArn, ClientID }),
  );
const thumbprints = (OpenIDConnectProviderArn: string, ThumbprintList: string[]) =>
  iam.send(
    new UpdateOpenIDConnectProviderThumbprintCommand({ OpenIDConnectProviderArn, ThumbprintList }),
  );
const remove = (OpenIDConnectProviderArn: string) =>
  iam.send(new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn }));
const list = async (client = iam) =>
  (
    (await client.send(new ListOpenIDConnectProvidersCommand({}))).OpenIDConnectProviderList ?? []
  ).map(({ Arn }) => Arn);

const notFound = (arn: string) => ({
  code: 'NoSuchEntity',
  message: `OpenIDConnect Provider not found for arn ${arn}`,
  status: 404,
});

test('A provider is made, read, listed and deleted', async () => {
  const made = await create('https://token.example.com/realms/x', {
    ClientIDList: ['sts.amazonaws.com', 'claviger', 'claviger'],
    ThumbprintList: ['A'.repeat(40), 'b'.repeat(40)],
    Tags: [{ Key: 'team', Value: 'blue' }],
  });
  const arn = provider('token.example.com/realms/x');
  const Tags = [{ Key: 'team', Value: 'blue' }];
  expect(made).toMatchObject({ OpenIDConnectProviderArn: arn, Tags });
  const { $metadata, ...read } = await get(arn);
  expect($metadata.httpStatusCode).toBe(200);
  expect(read).toEqual({
    Url: 'token.example.com/realms/x',
    ClientIDList: ['sts.amazonaws.com', 'claviger'],
    ThumbprintList: ['A'.repeat(40), 'b'.repeat(40)],
    CreateDate: expect.any(Date) as Date,
    Tags,
  });
  expect(await list()).toContain(arn);
  expect(await auditOf(daemon, made.$metadata.requestId ?? '')).toMatchObject({
    eventName: 'CreateOpenIDConnectProvider',
    readOnly: false,
    requestParameters: { url: 'https://token.example.com/realms/x' },
    responseElements: { openIDConnectProviderArn: arn },
  });
  expect(Object.keys(await remove(arn))).toEqual(['$metadata']);
  expect(await list()).not.toContain(arn);
  expect(await iamRefusal(get(arn))).toEqual(notFound(arn));
  expect(await iamRefusal(remove(arn))).toEqual({
    code: 'NoSuchEntity',
    message: `OpenId connect Provider ${arn} cannot be found.`,
    status: 404,
  });
  await create('https://token.example.com/realms/x');
  expect((await get(arn)).Tags).toEqual([]);
});

test('A provider may be made of a URL alone', async () => {
  const made = await create('https://alone.example.com');
  expect(made.OpenIDConnectProviderArn).toBe(provider('alone.example.com'));
  expect(made.Tags).toBeUndefined();
  expect(await get(provider('alone.example.com'))).toMatchObject({
    ClientIDList: [],
    ThumbprintList: [],
    Tags: [],
  });
});

test('A URL may have one provider in an account, and one in each', async () => {
  const Url = 'https://twice.example.com';
  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => create(Url)));
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(await iamRefusal(create(Url))).toEqual({
    code: 'EntityAlreadyExists',
    message: `Provider with url ${Url} already exists.`,
    status: 409,
  });
  const account = '222233334444';
  const other = iamClient(daemon, await otherAccount(daemon, account));
  await other.send(new CreateOpenIDConnectProviderCommand({ Url }));
  expect(await list(other)).toEqual([provider('twice.example.com', account)]);
});

test.each([
  'https://issuer.example.com:8443/x',
  'https://10.0.0.1',
  'https://tenant.example.com/',
  'http://localhost:8080',
  'http://127.0.0.1:9000/oidc',
  'http://[::1]:9000',
])('%s may be an issuer', async (url) => {
  const { OpenIDConnectProviderArn: arn = '' } = await create(url);
  expect(arn).toBe(provider(url.replace(/^https?:\/\//, '')));
  expect((await get(arn)).Url).toBe(url.replace(/^https?:\/\//, ''));
  await remove(arn);
});

test.each([
  'example.org',
  'ftp://example.org',
  'http://example.org',
  'http://localhost.example.org',
  'http://127.0.0.1.example.org',
  'http://127.0.0.1@example.org',
  'http://10.0.0.1',
  'https://',
  'https:///path',
  'https://example.org?query',
  'https://example.org/#fragment',
  'https://user@example.org',
  'https://user:password@example.org',
  'https://example.org/ space',
  'https://example.org/*',
  'https://exämple.org',
  'https://example.org:99999',
  'https://example.org\\@localhost',
  'HTTPS://EXAMPLE.ORG',
  ' https://example.org',
])('%p is no issuer', async (url) => {
  expect(await iamRefusal(create(url))).toEqual({
    code: 'ValidationError',
    message: 'Invalid Open ID Connect Provider URL',
    status: 400,
  });
});

test('Values that are too long or too short are refused all at once', async () => {
  const refusal = await iamRefusal(
    create('b'.repeat(256), {
      ClientIDList: ['b'.repeat(256)],
      ThumbprintList: ['b'.repeat(41)],
    }),
  );
  expect(refusal).toMatchObject({ code: 'ValidationError', status: 400 });
  expect(refusal.message).toMatch(/^3 validation errors detected: /);
});

describe('Client ids', () => {
  test('are added once and removed, and neither is refused a second time', async () => {
    const { OpenIDConnectProviderArn: arn = '' } = await create('https://clients.example.com');
    for (const id of ['b', 'a', 'b']) {
      expect(Object.keys(await add(arn, id))).toEqual(['$metadata']);
    }
    expect((await get(arn)).ClientIDList).toEqual(['b', 'a']);
    for (const id of ['b', 'b', 'none']) {
      expect(Object.keys(await drop(arn, id))).toEqual(['$metadata']);
    }
    expect((await get(arn)).ClientIDList).toEqual(['a']);
  });

  test('are a hundred at most, also when they are added at once', async () => {
    const exceeded = {
      code: 'LimitExceeded',
      message: 'Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100',
      status: 409,
    };
    const ids = (count: number) => Array.from({ length: count }, (_, number) => `client-${number}`);
    const Url = 'https://crowd.example.com';
    expect(await iamRefusal(create(Url, { ClientIDList: ids(101) }))).toEqual(exceeded);
    const { OpenIDConnectProviderArn: arn = '' } = await create(Url, { ClientIDList: ids(95) });
    const outcomes = await Promise.allSettled(ids(8).map((id) => add(arn, `late-${id}`)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect((await get(arn)).ClientIDList).toHaveLength(100);
    expect(await iamRefusal(add(arn, 'one-more'))).toEqual(exceeded);
    await add(arn, 'client-0');
  });
});

describe('Thumbprints', () => {
  test('are replaced', async () => {
    const { OpenIDConnectProviderArn: arn = '' } = await create('https://thumbs.example.com', {
      ThumbprintList: ['a'.repeat(40)],
    });
    expect(Object.keys(await thumbprints(arn, ['c'.repeat(40), 'd'.repeat(40)]))).toEqual([
      '$metadata',
    ]);
    expect((await get(arn)).ThumbprintList).toEqual(['c'.repeat(40), 'd'.repeat(40)]);
  });

  test('are five at most, of hexadecimal digits', async () => {
    const Url = 'https://thumbless.example.com';
    const refused = (ThumbprintList: string[]) => iamRefusal(create(Url, { ThumbprintList }));
    const invalid = (message: string) => ({ code: 'InvalidInput', message, status: 400 });
    const six = ['a', 'b', 'c', 'd', 'e', 'f'].map((digit) => digit.repeat(40));
    expect(await refused(six)).toEqual(
      invalid('Thumbprint list must contain fewer than 5 entries.'),
    );
    expect(await refused(['z'.repeat(40)])).toEqual(
      invalid(`Thumbprint ${'z'.repeat(40)} is not 40 hexadecimal digits.`),
    );
    expect(await iamRefusal(thumbprints(provider('none.example.com'), six))).toEqual(
      invalid('Thumbprint list must contain fewer than 5 entries.'),
    );
  });
});

test('A provider that does not exist is refused by every operation', async () => {
  const arn = provider('none.example.com');
  expect(await iamRefusal(get(arn))).toEqual(notFound(arn));
  expect(await iamRefusal(add(arn, 'a'))).toEqual(notFound(arn));
  expect(await iamRefusal(drop(arn, 'a'))).toEqual(notFound(arn));
  expect(await iamRefusal(thumbprints(arn, ['a'.repeat(40)]))).toEqual(notFound(arn));
});

test.each(['no-arn-but-long-enough', 'arn:aws:iam::aws:oidc-provider/example.com'])(
  '%s is no ARN of a provider',
  async (text) => {
    const refusal = { code: 'ValidationError', message: `ARN ${text} is not valid.`, status: 400 };
    expect(await iamRefusal(get(text))).toEqual(refusal);
    expect(await iamRefusal(remove(text))).toEqual(refusal);
  },
);

test('A provider of another account is neither seen nor changed', async () => {
  await create('https://ours.example.com', { ClientIDList: ['a'] });
  const other = iamClient(daemon, await otherAccount(daemon, '333344445555'));
  const OpenIDConnectProviderArn = provider('ours.example.com');
  const denied = (action: string) => ({
    code: 'AccessDenied',
    message: `User: arn:aws:iam::333344445555:root is not authorized to perform: iam:${action} on resource: ${OpenIDConnectProviderArn}`,
    status: 403,
  });
  const reading = other.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn }));
  expect(await iamRefusal(reading)).toEqual(denied('GetOpenIDConnectProvider'));
  const removing = other.send(new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn }));
  expect(await iamRefusal(removing)).toEqual(denied('DeleteOpenIDConnectProvider'));
  expect(await list()).toContain(OpenIDConnectProviderArn);
});

test('A role trusts a provider of its own account only', async () => {
  const make = (RoleName: string, arn: string) => {
    const AssumeRolePolicyDocument = trusting({ Federated: arn }, 'sts:AssumeRoleWithWebIdentity');
    return iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
  };
  await create('https://trusted.example.com');
  await make('workload', provider('trusted.example.com'));
  const account = '444455556666';
  const other = iamClient(daemon, await otherAccount(daemon, account));
  await other.send(new CreateOpenIDConnectProviderCommand({ Url: 'https://foreign.example.com' }));
  const foreign = provider('foreign.example.com', account);
  expect(await iamRefusal(make('other-workload', foreign))).toEqual({
    code: 'MalformedPolicyDocument',
    message: `Invalid principal in policy: "FEDERATED":"${foreign}"`,
    status: 400,
  });
});

test('The 101st provider of an account is refused', async () => {
  const account = '555566667777';
  const other = iamClient(daemon, await otherAccount(daemon, account));
  await administer(
    daemon.databaseUrl,
    `insert into oidc_provider (arn, account_id, url, client_ids, thumbprints)
     select 'arn:aws:iam::' || $1::text || ':oidc-provider/p' || n, $1::text, 'https://p' || n, '{}', '{}'
     from generate_series(1, 100) as n`,
    [account],
  );
  const making = new CreateOpenIDConnectProviderCommand({ Url: 'https://more.example.com' });
  expect(await iamRefusal(other.send(making))).toEqual({
    code: 'LimitExceeded',
    message: 'Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100',
    status: 409,
  });
  expect(await list(other)).toHaveLength(100);
});

test('A user without permission may not make a provider', async () => {
  await makeIamUser(iam, 'powerless');
  const own = iamClient(daemon, await makeAccessKey(iam, 'powerless'));
  const making = new CreateOpenIDConnectProviderCommand({ Url: 'https://mine.example.com' });
  const user = `arn:aws:iam::${daemon.accountId}:user/powerless`;
  expect(await iamRefusal(own.send(making))).toEqual({
    code: 'AccessDenied',
    message: `User: ${user} is not authorized to perform: iam:CreateOpenIDConnectProvider on resource: ${provider('mine.example.com')} because no identity-based policy allows the iam:CreateOpenIDConnectProvider action`,
    status: 403,
  });
});

/** Each command starts a Python, which takes seconds where processors are few. */
test('The AWS CLI makes and reads a provider', async () => {
  const url = ['--url', 'https://cli.example.com', '--client-id-list', 'sts.amazonaws.com'];
  const made = await terminal.aws('iam', 'create-open-id-connect-provider', ...url);
  expect({ ...made, stdout: JSON.parse(made.stdout) as unknown }).toEqual({
    code: 0,
    stdout: { OpenIDConnectProviderArn: provider('cli.example.com') },
    stderr: '',
  });
  const arn = ['--open-id-connect-provider-arn', provider('cli.example.com')];
  const read = await terminal.aws('iam', 'get-open-id-connect-provider', ...arn);
  expect(JSON.parse(read.stdout)).toMatchObject({ ClientIDList: ['sts.amazonaws.com'] });
}, 120_000);
