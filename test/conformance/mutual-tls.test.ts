import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateRoleCommand, DeleteRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import type { KMSClient } from '@aws-sdk/client-kms';
import {
  type CertificateFiles,
  issueCertificate,
  makeAuthority,
  makeCertificate,
} from '../support/certificates';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { makeIamUser } from '../support/iam-client';
import { auditOf, createKey } from '../support/kms';
import { callOverTls, postOverTls, trusting } from '../support/tls-wire';
import { until } from '../support/until';
import { type Reply, badRequest, refusal } from '../support/wire';

let directory: string;
let server: CertificateFiles;
let authority: CertificateFiles;
let daemon: TestDaemon;
let kms: KMSClient;
let iam: IAMClient;
let keyId: string;

const account = '111122223333';
const roleArn = (name: string): string => `arn:aws:iam::${account}:role/${name}`;
const sessionArn = (role: string, session: string): string =>
  `arn:aws:sts::${account}:assumed-role/${role}/${session}`;

const rules = {
  certificates: [
    { uri: 'spiffe://example.org/ns/payments/sa/admin', principal: roleArn('admin') },
    { uri: 'spiffe://example.org/ns/payments/sa/*', principal: roleArn('payments') },
    { uri: 'spiffe://example.org/ns/later/sa/*', principal: roleArn('later') },
    { dns: '*.payments.example.org', principal: roleArn('payments') },
    { dns: 'person.example.org', principal: `arn:aws:iam::${account}:user/person` },
    { dns: 'db.example.org', principal: 'db.claviger.internal' },
    { subject: 'CN=backup,O=Example', principal: roleArn('payments') },
  ],
};

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'claviger-mtls-'));
  server = makeCertificate(directory, 'server');
  authority = makeAuthority(directory, 'authority');
  const rulesFile = path.join(directory, 'rules.json');
  writeFileSync(rulesFile, JSON.stringify(rules));
  daemon = await startDaemon({
    environment: {
      CLAVIGER_TLS_CERT_FILE: server.certFile,
      CLAVIGER_TLS_KEY_FILE: server.keyFile,
      CLAVIGER_TLS_CLIENT_CA_FILE: authority.certFile,
      CLAVIGER_IDENTITY_RULES_FILE: rulesFile,
      CLAVIGER_NETWORK_ZONES: '127.0.0.0/8=vpc-1/vpce-2',
    },
  });
  kms = daemon.client({ requestHandler: trusting(server) });
  const { endpoint, region, credentials } = daemon;
  const requestHandler = trusting(server);
  iam = new IAMClient({ endpoint, region, credentials, maxAttempts: 1, requestHandler });
  await makeRole('payments');
  await makeRole('admin');
  keyId = (await createKey(kms, { Policy: keyPolicy() })).id;
});
afterAll(async () => {
  kms.destroy();
  iam.destroy();
  await daemon.remove();
  rmSync(directory, { recursive: true, force: true });
});

async function makeRole(RoleName: string): Promise<void> {
  const Principal = { AWS: account };
  const Statement = [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' }];
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
}

/** The account may do all; the role may encrypt, from the network zone and over TLS. */
function keyPolicy(): string {
  const Condition = {
    Bool: { 'aws:SecureTransport': 'true' },
    StringEquals: { 'aws:SourceVpce': 'vpce-2' },
  };
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: account }, Action: 'kms:*', Resource: '*' },
      {
        Effect: 'Allow',
        Principal: { AWS: roleArn('payments') },
        Action: 'kms:Encrypt',
        Resource: '*',
        Condition,
      },
    ],
  });
}

let issued = 0;

/** A certificate of the authority with these lines as its extensions. */
function client(extensions: readonly string[], different = {}): CertificateFiles {
  const name = `client-${(issued += 1)}`;
  return issueCertificate(authority, directory, { name, extensions, ...different });
}

const spiffe = (workload: string): CertificateFiles =>
  client([`subjectAltName=URI:spiffe://example.org/ns/${workload}`]);

/** With nothing but the certificate to show. */
function encrypt(certificate?: CertificateFiles, headers: readonly string[] = []): Promise<Reply> {
  const input = { KeyId: keyId, Plaintext: 'AAAA' };
  return callOverTls(daemon, ['Encrypt', input], { server, certificate, headers });
}

/** Who the audit says that sent the request. */
async function callerOf({ headers }: Reply): Promise<Readonly<Record<string, unknown>>> {
  return (await auditOf(daemon, String(headers['x-amzn-requestid']))).userIdentity;
}

const missing = badRequest('MissingAuthenticationTokenException', 'Missing Authentication Token');

test('a certificate with a SPIFFE ID is a session of the role that its rule names', async () => {
  const reply = await encrypt(spiffe('payments/sa/web'));
  expect([reply.status, reply.text]).toEqual([200, expect.stringContaining('CiphertextBlob')]);
  const record = await auditOf(daemon, String(reply.headers['x-amzn-requestid']));
  expect(record).toMatchObject({
    vpcEndpointId: 'vpce-2',
    userIdentity: {
      type: 'AssumedRole',
      arn: sessionArn('payments', 'ns-payments-sa-web'),
      accountId: account,
      principalId: expect.stringMatching(/^AROA[A-Z0-9]+:ns-payments-sa-web$/) as string,
    },
  });
  expect(record.userIdentity).not.toHaveProperty('accessKeyId');
});

test('the REST door takes a certificate too, but not what a page made a browser send', async () => {
  const certificate = spiffe('payments/sa/web');
  const post = (more: readonly string[]): Promise<Reply> =>
    postOverTls(
      daemon,
      { Plaintext: 'AAAA' },
      {
        ...{ server, certificate, path: `/v1/keys/${keyId}/encrypt` },
        headers: ['content-type', 'application/json', ...more],
      },
    );
  const reply = await post([]);
  expect([reply.status, reply.text]).toEqual([200, expect.stringContaining('CiphertextBlob')]);
  expect(reply.headers['strict-transport-security']).toBe('max-age=31536000');
  expect(await callerOf(reply)).toMatchObject({
    arn: sessionArn('payments', 'ns-payments-sa-web'),
  });
  for (const header of [
    ['origin', 'https://evil.example'],
    ['sec-fetch-site', 'cross-site'],
  ]) {
    const { status, text } = await post(header);
    expect([status, JSON.parse(text)]).toMatchObject([
      401,
      { code: 'MissingAuthenticationTokenException' },
    ]);
  }
});

test('a certificate with a DNS name is one too, and one with a subject', async () => {
  const dns = await encrypt(client(['subjectAltName=DNS:Web.payments.example.org']));
  expect(dns.status).toBe(200);
  expect(await callerOf(dns)).toMatchObject({
    arn: sessionArn('payments', 'web.payments.example.org'),
  });
  const subject = await encrypt(client([], { subject: '/O=Example/CN=backup' }));
  expect(subject.status).toBe(200);
  expect(await callerOf(subject)).toMatchObject({ arn: sessionArn('payments', 'backup') });
});

test('the first rule that matches decides, and policies decide what its role may', async () => {
  const reply = await encrypt(spiffe('payments/sa/admin'));
  expect(refusal(reply)).toMatchObject({
    __type: 'AccessDeniedException',
    Message: expect.stringContaining(
      `User: ${sessionArn('admin', 'ns-payments-sa-admin')} is not authorized to perform: kms:Encrypt`,
    ) as string,
  });
});

test('a certificate may be a user or a registered service', async () => {
  await makeIamUser(iam, 'person');
  const user = await encrypt(client(['subjectAltName=DNS:person.example.org']));
  expect(await callerOf(user)).toMatchObject({ type: 'IAMUser', userName: 'person' });
  await daemon.run('service', 'create', 'db.claviger.internal');
  const service = await encrypt(client(['subjectAltName=DNS:db.example.org']));
  expect(service.status).toBe(400);
  expect(JSON.stringify(await callerOf(service))).toContain('db.claviger.internal');
});

test('a role that does not exist yet is nobody, until it is made, and after it was deleted', async () => {
  const certificate = spiffe('later/sa/web');
  const nobody = badRequest(
    'UnrecognizedClientException',
    'The security token included in the request is invalid.',
  );
  expect(refusal(await encrypt(certificate))).toEqual(nobody);
  expect(daemon.log).toContainEqual(
    expect.objectContaining({
      message: 'a client certificate was not accepted',
      reason: `Error: ${roleArn('later')} does not exist`,
    }),
  );
  await makeRole('later');
  expect(refusal(await encrypt(certificate))).toMatchObject({ __type: 'AccessDeniedException' });
  await iam.send(new DeleteRoleCommand({ RoleName: 'later' }));
  expect(refusal(await encrypt(certificate))).toEqual(nobody);
});

test('a client without a certificate, or with one that no rule knows, has sent no proof', async () => {
  expect(refusal(await encrypt())).toEqual(missing);
  expect(refusal(await encrypt(spiffe('elsewhere/sa/web')))).toEqual(missing);
});

describe('a certificate that counts as none', () => {
  const good = 'subjectAltName=URI:spiffe://example.org/ns/payments/sa/web';
  const cases: Readonly<Record<string, readonly [() => CertificateFiles, reason: string]>> = {
    'of another authority': [
      () => {
        const other = makeAuthority(directory, 'other');
        return issueCertificate(other, directory, { name: 'foreign', extensions: [good] });
      },
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    'of another authority with the same name': [
      () => {
        const twin = makeAuthority(directory, 'twin', { commonName: 'authority' });
        return issueCertificate(twin, directory, { name: 'twinned', extensions: [good] });
      },
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    'that has expired': [() => client([good], { days: -1 }), 'CERT_HAS_EXPIRED'],
    'of a server': [() => client([good, 'extendedKeyUsage=serverAuth']), 'INVALID_PURPOSE'],
    'that signed itself': [() => makeCertificate(directory, 'self'), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  };

  test.each(Object.keys(cases))('is one %s', async (title) => {
    const [make, reason] = cases[title] ?? [];
    if (make === undefined) throw new Error('there is no such case');
    expect(refusal(await encrypt(make()))).toEqual(missing);
    await until('the reason was logged', () =>
      daemon.log.some((line) => line['reason'] === reason),
    );
  });

  const names = (...lines: readonly string[]): readonly string[] => [
    'subjectAltName=@names',
    '[names]',
    ...lines,
  ];

  test.each([
    ['a DNS name with another in it', ['DNS.1 = "x, DNS:web.payments.example.org"']],
    ['a DNS name with a URI in it', ['DNS.1 = "x, URI:spiffe://example.org/ns/payments/sa/web"']],
    ['a good name beside a bad one', ['DNS.1 = web.payments.example.org', 'DNS.2 = "x, DNS:y"']],
    [
      'two SPIFFE IDs',
      [
        'URI.1 = spiffe://example.org/ns/payments/sa/web',
        'URI.2 = spiffe://example.org/ns/payments/sa/db',
      ],
    ],
    ['a SPIFFE ID that climbs', ['URI.1 = spiffe://example.org/ns/payments/sa/../../other']],
    ['a wildcard', ['DNS.1 = *.payments.example.org']],
    ['an e-mail address', ['email.1 = URI:spiffe@web.payments.example.org']],
  ])('is one with %s', async (_, lines) => {
    expect(refusal(await encrypt(client(names(...lines))))).toEqual(missing);
  });

  test.each([
    '/O=Example/OU=x/CN=backup',
    '/CN=backup',
    '/O=Example, CN=backup',
    '/O=backup/CN=Example',
  ])('is one with the subject %s', async (subject) => {
    expect(refusal(await encrypt(client([], { subject })))).toEqual(missing);
  });
});

describe('a request with another proof too', () => {
  const input = { KeyId: '', Plaintext: 'AAAA' };

  test('is judged by its signature', async () => {
    const credential = `${daemon.credentials.accessKeyId}/20200101/us-east-1/kms/aws4_request`;
    const signature = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host;x-amz-date;x-amz-target, Signature=${'0'.repeat(64)}`;
    const headers = ['authorization', signature, 'x-amz-date', '20200101T000000Z'];
    const reply = await encrypt(spiffe('payments/sa/web'), headers);
    expect(refusal(reply)).toMatchObject({
      __type: 'InvalidSignatureException',
      message: expect.stringContaining('Signature expired: 20200101T000000Z') as string,
    });
    expect(await callerOf(reply)).toEqual({ type: 'Unknown' });
  });

  test('is judged by its presigned query', async () => {
    const certificate = spiffe('payments/sa/web');
    const how = { server, certificate, path: '/?X-Amz-Signature=x' };
    const reply = await callOverTls(daemon, ['Encrypt', input], how);
    expect(refusal(reply)).toMatchObject({ __type: 'IncompleteSignatureException' });
  });

  test.each([
    ['Basic eDp5', missing],
    ['Negotiate x', missing],
    [
      'Bearer',
      badRequest(
        'UnrecognizedClientException',
        'The security token included in the request is invalid.',
      ),
    ],
  ])('is refused with %s', async (value, expected) => {
    const reply = await encrypt(spiffe('payments/sa/web'), ['authorization', value]);
    expect(refusal(reply)).toEqual(expected);
  });

  test('is not taken from a browser, whose page may be anybody', async () => {
    const certificate = spiffe('payments/sa/web');
    expect(refusal(await encrypt(certificate, ['origin', 'https://evil.example']))).toEqual(
      missing,
    );
    expect(refusal(await encrypt(certificate, ['sec-fetch-site', 'cross-site']))).toEqual(missing);
  });
});

test('clients without certificates sign as ever', async () => {
  expect((await createKey(kms)).id).toMatch(/^[0-9a-f-]{36}$/);
});
