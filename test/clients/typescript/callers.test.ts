import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  type Caller,
  type ClavigerClient,
  type TlsOptions,
  createClavigerClient,
  tlsFetch,
} from '../../../clients/typescript/src';
import {
  type CertificateFiles,
  issueCertificate,
  makeAuthority,
  makeCertificate,
} from '../../support/certificates';
import { type TestDaemon, startDaemon } from '../../support/daemon';
import { auditOf } from '../../support/kms';
import { type OidcIssuer, startIssuer } from '../../support/oidc-issuer';
import { assume, makeRole, makeUserAllowed, stsClient } from '../../support/sts-client';

const roleArn = 'arn:aws:iam::111122223333:role/payments';
const uri = 'spiffe://example.org/payments';

let directory: string;
let server: CertificateFiles;
let authority: CertificateFiles;
let issuer: OidcIssuer;
let daemon: TestDaemon;
/** The same Claviger over TLS, which knows certificates. */
let overTls: TestDaemon;

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'claviger-callers-'));
  server = makeCertificate(directory, 'server');
  authority = makeAuthority(directory, 'authority');
  issuer = await startIssuer();
  const rules = {
    certificates: [{ uri, principal: roleArn }],
    tokens: [{ issuer: issuer.url, audiences: ['claviger'], claims: { sub: '*' }, role: roleArn }],
  };
  const rulesFile = path.join(directory, 'rules.json');
  writeFileSync(rulesFile, JSON.stringify(rules));
  daemon = await startDaemon();
  const [certificate] = await Promise.all([
    startDaemon({
      beside: daemon,
      environment: {
        CLAVIGER_TLS_CERT_FILE: server.certFile,
        CLAVIGER_TLS_KEY_FILE: server.keyFile,
        CLAVIGER_TLS_CLIENT_CA_FILE: authority.certFile,
        CLAVIGER_IDENTITY_RULES_FILE: rulesFile,
      },
    }),
    makeRole(daemon, 'payments', { actions: ['kms:GenerateRandom'] }),
  ]);
  overTls = certificate;
});
afterAll(async () => {
  await overTls.remove();
  await Promise.all([daemon.remove(), issuer.close()]);
  rmSync(directory, { recursive: true, force: true });
});

function clientOf(caller: Caller, tls?: TlsOptions): ClavigerClient {
  const { endpoint: baseUrl } = tls === undefined ? daemon : overTls;
  const how = tls === undefined ? {} : { fetch: tlsFetch(tls) };
  return createClavigerClient({ baseUrl, retries: false, ...how, ...caller });
}

/** Who the audit says that a caller is. */
async function arnOf(claviger: ClavigerClient): Promise<string | undefined> {
  const { response } = await claviger.POST('/v1/random', { body: { NumberOfBytes: 16 } });
  const requestId = response.headers.get('x-amzn-requestid') ?? '';
  return (await auditOf(daemon, requestId)).userIdentity['arn'];
}

const invalid = { code: 'UnrecognizedClientException', status: 401 };
const rootArn = 'arn:aws:iam::111122223333:root';
const sessionOfRole = /^arn:aws:sts::111122223333:assumed-role\/payments\//;

describe('Who calls is told by', () => {
  test('an access key', async () => {
    const { credentials, region } = daemon;
    expect(await arnOf(clientOf({ credentials, region }))).toBe(rootArn);
    const wrong = { ...credentials, secretAccessKey: 'wrong' };
    await expect(arnOf(clientOf({ credentials: wrong }))).rejects.toMatchObject({
      ...{ code: 'InvalidSignatureException', status: 401 },
    });
  });

  test('an access key over TLS, whether or not there is a body', async () => {
    const { credentials, region } = daemon;
    const claviger = clientOf({ credentials, region }, { ca: readFileSync(server.certFile) });
    expect(await arnOf(claviger)).toBe(rootArn);
    expect((await claviger.GET('/v1/keys')).data.Keys).toEqual([]);
    const AliasName = 'alias/größer/none';
    const gone = claviger.DELETE('/v1/aliases/{AliasName}', { params: { path: { AliasName } } });
    await expect(gone).rejects.toMatchObject({ status: 422, code: 'ValidationException' });
    const params = { path: { AliasName: 'alias/none' } };
    await expect(claviger.DELETE('/v1/aliases/{AliasName}', { params })).rejects.toMatchObject({
      ...{ status: 404, code: 'NotFoundException' },
    });
  });

  test('temporary credentials, asked for at each request', async () => {
    const user = await makeUserAllowed(daemon, 'ada', 'sts:AssumeRole');
    let asked = 0;
    const credentials = () => {
      asked += 1;
      return assume(stsClient(daemon, user), { RoleArn: roleArn });
    };
    const claviger = clientOf({ credentials });
    for (let i = 0; i < 2; i++) expect(await arnOf(claviger)).toMatch(sessionOfRole);
    expect(asked).toBe(2);
  });

  test('an API token, which may be replaced while the client lives', async () => {
    const root = clientOf({ credentials: daemon.credentials });
    const make = async () => (await root.POST('/v1/api-tokens', { body: { Name: 'jest' } })).data;
    const [first, second] = [await make(), await make()];
    let token = first.Token;
    const claviger = clientOf({ token: () => token });
    expect(await arnOf(claviger)).toBe(rootArn);
    const { TokenId } = first.ApiToken;
    await root.DELETE('/v1/api-tokens/{TokenId}', { params: { path: { TokenId } } });
    await expect(arnOf(claviger)).rejects.toMatchObject(invalid);
    token = second.Token;
    expect(await arnOf(claviger)).toBe(rootArn);
  });

  test('a token of an identity provider', async () => {
    const token = await issuer.token({ sub: 'web', aud: 'claviger' });
    const ca = readFileSync(server.certFile);
    expect(await arnOf(clientOf({ token }, { ca }))).toMatch(sessionOfRole);
  });

  test('a client certificate', async () => {
    const extensions = [`subjectAltName=URI:${uri}`];
    const { certFile, keyFile } = issueCertificate(authority, directory, {
      name: 'web',
      extensions,
    });
    const [ca, cert, key] = [server.certFile, certFile, keyFile].map((file) => readFileSync(file));
    expect(await arnOf(clientOf({}, { ca: ca!, cert: cert!, key: key! }))).toMatch(sessionOfRole);
  });

  test('nothing: such a request is refused', async () => {
    const code = 'MissingAuthenticationTokenException';
    await expect(arnOf(clientOf({}))).rejects.toMatchObject({ code, status: 401 });
  });
});

test('A daemon whose certificate is not trusted is told nothing', async () => {
  await expect(arnOf(clientOf({ token: 'clv_x' }, {}))).rejects.toMatchObject({
    code: 'ConnectionFailed',
    detail: `No answer from ${overTls.endpoint}: self-signed certificate`,
  });
});
