import {
  DeleteUserCommand,
  DeleteUserPolicyCommand,
  DeleteAccessKeyCommand,
} from '@aws-sdk/client-iam';
import { DescribeKeyCommand, PutKeyPolicyCommand } from '@aws-sdk/client-kms';
import { type TestCredentials, type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeAccessKey } from '../support/iam-client';
import { auditTexts, clientOf, createKey, sdkRefusal } from '../support/kms';
import {
  type Presigning,
  type QueryAnswer,
  callSts,
  makeService,
  presign,
} from '../support/services';
import {
  type SessionCredentials,
  arnOf,
  assume,
  makeRole,
  makeUserAllowed,
  stsClient,
  stsRefusal,
} from '../support/sts-client';
import { AssumeRoleCommand, GetSessionTokenCommand } from '@aws-sdk/client-sts';

const docs = 'docs.claviger.internal';
const s3 = 's3.amazonaws.com';

let daemon: TestDaemon;
let alice: TestCredentials;
let docsKey: TestCredentials;
let s3Key: TestCredentials;

beforeAll(async () => {
  daemon = await startDaemon();
  alice = await makeUserAllowed(daemon, 'alice', 'kms:*', 'sts:*', 'iam:*');
  docsKey = await makeService(daemon, docs);
  s3Key = await makeService(daemon, s3);
});
afterAll(() => daemon.remove());

const user = 'arn:aws:iam::111122223333:user/alice';
const forDocs = { 'x-claviger-service': docs };

function forward(
  url: string,
  service = docsKey,
  more: Record<string, string> = {},
): Promise<QueryAnswer> {
  return callSts(daemon, service, {
    ...{ Action: 'GetForwardedSession', PresignedCallerIdentity: url, ...more },
  });
}

async function forwarded(who: TestCredentials = alice, more = {}): Promise<SessionCredentials> {
  const answer = await forward(await presign(daemon, who, { headers: forDocs }), docsKey, more);
  const read = (name: string): string => answer.text(name) ?? '';
  return {
    accessKeyId: read('AccessKeyId'),
    secretAccessKey: read('SecretAccessKey'),
    sessionToken: read('SessionToken'),
  };
}

const refusal = ({ status, text }: QueryAnswer) => [status, text('Code'), text('Message')];
const noCaller = (service: string) => [
  403,
  'AccessDenied',
  `PresignedCallerIdentity proves no caller of ${service}.`,
];

/** A key that its account may use through one service alone. */
async function keyVia(service: string) {
  const kms = daemon.client();
  const key = await createKey(kms);
  const root = { AWS: 'arn:aws:iam::111122223333:root' };
  const Condition = { StringEquals: { 'kms:ViaService': service } };
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: root, Action: 'kms:PutKeyPolicy', Resource: '*' },
      { Effect: 'Allow', Principal: root, Action: 'kms:DescribeKey', Resource: '*', Condition },
    ],
  });
  await kms.send(new PutKeyPolicyCommand({ KeyId: key.id, Policy }));
  return key;
}

describe('a forwarded session', () => {
  test('is the caller’s, through the service, and says so', async () => {
    const answer = await forward(await presign(daemon, alice, { headers: forDocs }));
    expect([answer.status, answer.text('Principal'), answer.text('Service')]).toEqual([
      200,
      user,
      docs,
    ]);
    const lasts = Date.parse(answer.text('Expiration') ?? '') - Date.now();
    expect(lasts).toBeGreaterThan(890_000);
    expect(lasts).toBeLessThanOrEqual(900_000);
    expect(await arnOf(daemon, await forwarded())).toBe(user);
  });

  test('has kms:ViaService of its service', async () => {
    const key = await keyVia('docs.us-east-1.claviger.internal');
    const describe = new DescribeKeyCommand({ KeyId: key.id });
    await clientOf(daemon, await forwarded()).send(describe);
    expect((await sdkRefusal(clientOf(daemon, alice).send(describe))).code).toBe(
      'AccessDeniedException',
    );
    const other = await keyVia('s3.us-east-1.amazonaws.com');
    const describeOther = new DescribeKeyCommand({ KeyId: other.id });
    expect((await sdkRefusal(clientOf(daemon, await forwarded()).send(describeOther))).code).toBe(
      'AccessDeniedException',
    );
    const url = await presign(daemon, alice, { headers: { 'x-claviger-service': s3 } });
    expect((await forward(url, s3Key)).status).toBe(200);
  });

  test('lasts as long as is asked, and no longer than the caller’s own', async () => {
    const url = () => presign(daemon, alice, { headers: forDocs });
    const before = Date.now();
    const answer = await forward(await url(), docsKey, { DurationSeconds: '60' });
    const issued = Date.parse(answer.text('Expiration') ?? '') - 60_000;
    expect(issued).toBeGreaterThan(before - 1000);
    expect(issued).toBeLessThan(Date.now() + 1000);
    const [status, code, message] = refusal(
      await forward(await url(), docsKey, { DurationSeconds: '901' }),
    );
    expect([status, code]).toEqual([400, 'ValidationError']);
    expect(message).toContain('Member must have value less than or equal to 900');
  });

  test('of a role is that role’s session', async () => {
    const RoleArn = await makeRole(daemon, 'Reader', { actions: ['kms:*'] });
    const session = await assume(stsClient(daemon, alice), { RoleArn });
    expect(await arnOf(daemon, await forwarded(session))).toBe(
      'arn:aws:sts::111122223333:assumed-role/Reader/the-session',
    );
  });

  test('leaves neither URL nor credentials in the audit', async () => {
    const url = await presign(daemon, alice, { headers: forDocs });
    const answer = await forward(url);
    const texts = (await auditTexts(daemon)).join();
    const signature = new URL(url).searchParams.get('X-Amz-Signature') ?? 'x';
    for (const secret of [signature, answer.text('SecretAccessKey'), answer.text('SessionToken')]) {
      expect(texts).not.toContain(secret);
    }
    expect(texts).toContain(`"service":"${docs}"`);
  });

  test('is for KMS alone: it is no way to credentials without the service’s name', async () => {
    const session = await forwarded();
    const RoleArn = await makeRole(daemon, 'Escape', { actions: ['kms:*'] });
    const sts = stsClient(daemon, session);
    const only = (action: string) => ({
      code: 'AccessDenied',
      message: `User: ${user} is not authorized to perform: ${action} because a forwarded session is for KMS alone`,
      status: 403,
    });
    const assuming = new AssumeRoleCommand({ RoleArn, RoleSessionName: 'escape' });
    expect(await stsRefusal(sts.send(assuming))).toEqual(only('sts:AssumeRole'));
    expect(await stsRefusal(sts.send(new GetSessionTokenCommand({})))).toEqual(
      only('sts:GetSessionToken'),
    );
    expect(await iamRefusal(makeAccessKey(iamClient(daemon, session), 'alice'))).toEqual(
      only('iam:CreateAccessKey'),
    );
    expect(refusal(await forward(await presign(daemon, session, { headers: forDocs })))).toEqual([
      403,
      'AccessDenied',
      'PresignedCallerIdentity is of a service, or of a forwarded session: neither can be forwarded.',
    ]);
  });
});

describe('nobody forges one', () => {
  test('who is no service', async () => {
    const url = await presign(daemon, alice, { headers: forDocs });
    expect(refusal(await forward(url, alice))).toEqual([
      403,
      'AccessDenied',
      `User: ${user} is not authorized to perform: sts:GetForwardedSession because only registered services may call it`,
    ]);
  });

  test('with a URL for another service', async () => {
    const url = await presign(daemon, alice, { headers: forDocs });
    expect(refusal(await forward(url, s3Key))).toEqual(noCaller(s3));
  });

  test('with a URL of its own', async () => {
    const url = await presign(daemon, docsKey, { headers: forDocs });
    expect(refusal(await forward(url))[2]).toBe(
      'PresignedCallerIdentity is of a service, or of a forwarded session: neither can be forwarded.',
    );
  });

  test.each<[string, Presigning]>([
    ['signed for another service of AWS', { headers: forDocs, scope: 'kms' }],
    ['with another header that was signed', { headers: { ...forDocs, 'x-other': 'y' } }],
    ['from the future', { headers: forDocs, signedAt: new Date(Date.now() + 600_000) }],
    [
      'that was good for a second alone',
      { headers: forDocs, signedAt: new Date(Date.now() - 60_000), expiresIn: 1 },
    ],
  ])('with a URL %s', async (_, presigning) => {
    const url = await presign(daemon, alice, presigning);
    expect(refusal(await forward(url))).toEqual(noCaller(docs));
  });

  test('with a URL older than five minutes, whatever it says of itself', async () => {
    const signedAt = new Date(Date.now() - 302_000);
    const url = await presign(daemon, alice, { headers: forDocs, signedAt, expiresIn: 604_800 });
    expect(refusal(await forward(url))).toEqual([
      400,
      'ExpiredTokenException',
      'PresignedCallerIdentity has expired: it is good for 5 minutes.',
    ]);
  });

  test.each<[string, (url: string) => string, string]>([
    ['no URL', () => 'nonsense', 'it is no URL of one'],
    ['a URL of a file', (url) => url.replace(/^http/, 'file'), 'it is no URL of one'],
    ['a URL with another path', (url) => url.replace('/?', '/admin?'), 'it is no URL of one'],
    [
      'a URL with a name before its host',
      (url) => url.replace('//', '//a@'),
      'it is no URL of one',
    ],
    [
      'another action',
      (url) => url.replace('GetCallerIdentity', 'GetSessionToken'),
      'its Action is not GetCallerIdentity',
    ],
    ['two actions', (url) => `${url}&Action=GetSessionToken`, 'it has Action twice'],
    [
      'another version',
      (url) => url.replace('2011-06-15', '2010-05-08'),
      'its Version is not 2011-06-15',
    ],
    ['no date', (url) => url.replace('X-Amz-Date', 'X-Amz-Day'), 'its X-Amz-Date is no time'],
  ])('with %s', async (_, change, reason) => {
    const url = change(await presign(daemon, alice, { headers: forDocs }));
    expect(refusal(await forward(url))).toEqual([
      400,
      'ValidationError',
      `PresignedCallerIdentity is no presigned GetCallerIdentity: ${reason}.`,
    ]);
  });

  test('with an ordinary presigned URL, which names no service', async () => {
    const url = await presign(daemon, alice, {});
    expect(refusal(await forward(url))[2]).toBe(
      'PresignedCallerIdentity is no presigned GetCallerIdentity: the header x-claviger-service is not signed.',
    );
  });

  test.each([
    'X-Amz-Signature=0',
    'X-Amz-Credential=X',
    'X-Amz-SignedHeaders=x-claviger-service%3B',
  ])('with a URL that was changed at %s', async (place) => {
    const [name = '', value = ''] = place.split('=');
    const url = await presign(daemon, alice, { headers: forDocs });
    const changed = url.replace(`${name}=`, `${name}=${value}`);
    const [status, code] = refusal(await forward(changed));
    expect([400, 403]).toContain(status);
    expect(['AccessDenied', 'ValidationError']).toContain(code);
  });

  test('of a user who is no more', async () => {
    const bob = await makeUserAllowed(daemon, 'bob', 'kms:*');
    const session = await forwarded(bob);
    const url = await presign(daemon, bob, { headers: forDocs });
    const iam = iamClient(daemon);
    await iam.send(new DeleteAccessKeyCommand({ UserName: 'bob', AccessKeyId: bob.accessKeyId }));
    expect(refusal(await forward(url))).toEqual(noCaller(docs));
    await iam.send(new DeleteUserPolicyCommand({ UserName: 'bob', PolicyName: 'allowed' }));
    await iam.send(new DeleteUserCommand({ UserName: 'bob' }));
    const key = await createKey(daemon.client());
    const describe = new DescribeKeyCommand({ KeyId: key.id });
    expect((await sdkRefusal(clientOf(daemon, session).send(describe))).code).toBe(
      'UnrecognizedClientException',
    );
  });
});
