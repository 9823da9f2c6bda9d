import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CreateOpenIDConnectProviderCommand,
  DeleteOpenIDConnectProviderCommand,
  RemoveClientIDFromOpenIDConnectProviderCommand,
} from '@aws-sdk/client-iam';
import { ListKeysCommand } from '@aws-sdk/client-kms';
import {
  AssumeRoleWithWebIdentityCommand,
  type AssumeRoleWithWebIdentityCommandInput,
} from '@aws-sdk/client-sts';
import { type Terminal, openTerminal } from '../support/aws-cli';
import { makeCertificate } from '../support/certificates';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient } from '../support/iam-client';
import { auditOf, auditTexts, clientOf } from '../support/kms';
import { type OidcIssuer, audience, handMade, startIssuer } from '../support/oidc-issuer';
import { makeRole, stsClient, stsRefusal, taken } from '../support/sts-client';

let daemon: TestDaemon;
let issuer: OidcIssuer;
let terminal: Terminal;
let provider: string;
let till: string;

beforeAll(async () => {
  daemon = await startDaemon();
  issuer = await startIssuer();
  terminal = await openTerminal(daemon);
  provider = await addProvider(issuer);
  till = await makeRole(daemon, 'Till', {
    AssumeRolePolicyDocument: trust(issuer, {
      [`${issuer.name}:sub`]: 'system:serviceaccount:shop:till',
      [`${issuer.name}:aud`]: audience,
    }),
    actions: ['kms:ListKeys'],
  });
});
afterAll(async () => {
  await Promise.all([daemon.remove(), issuer.close(), terminal.close()]);
});

async function addProvider({ url }: OidcIssuer, where = daemon): Promise<string> {
  const { OpenIDConnectProviderArn } = await iamClient(where).send(
    new CreateOpenIDConnectProviderCommand({ Url: url, ClientIDList: [audience, 'removed'] }),
  );
  return OpenIDConnectProviderArn ?? '';
}

function trust({ name }: OidcIssuer, equals: object): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: {
      Effect: 'Allow',
      Principal: { Federated: `arn:aws:iam::${daemon.accountId}:oidc-provider/${name}` },
      Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession', 'sts:SetSourceIdentity'],
      Condition: { StringEquals: equals },
    },
  });
}

type Different = Partial<AssumeRoleWithWebIdentityCommandInput>;

async function sending(different: Different = {}) {
  const WebIdentityToken = different.WebIdentityToken ?? (await issuer.token());
  return stsClient(daemon).send(
    new AssumeRoleWithWebIdentityCommand({
      ...{ RoleArn: till, RoleSessionName: 'pod-1', ...different },
      WebIdentityToken,
    }),
  );
}

const refused = (different: Different) => stsRefusal(sending(different));
const notAuthorized = {
  code: 'AccessDenied',
  message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity',
  status: 403,
};

describe('AssumeRoleWithWebIdentity', () => {
  test('gives credentials of the role for a token that its trust policy takes', async () => {
    const { Credentials, $metadata, ...output } = await sending();
    expect(output).toEqual({
      AssumedRoleUser: {
        AssumedRoleId: expect.stringMatching(/^AROA[A-Z2-7]{17}:pod-1$/) as string,
        Arn: `arn:aws:sts::${daemon.accountId}:assumed-role/Till/pod-1`,
      },
      SubjectFromWebIdentityToken: 'system:serviceaccount:shop:till',
      Audience: audience,
      Provider: provider,
    });
    await clientOf(daemon, taken(Credentials)).send(new ListKeysCommand({}));
    expect(await auditOf(daemon, $metadata.requestId ?? '')).toMatchObject({
      eventName: 'AssumeRoleWithWebIdentity',
      userIdentity: {
        type: 'WebIdentityUser',
        userName: 'system:serviceaccount:shop:till',
        identityProvider: provider,
      },
      requestParameters: { roleArn: till, roleSessionName: 'pod-1' },
    });
  });

  test('leaves neither token nor credentials in the audit', async () => {
    const WebIdentityToken = await issuer.token();
    const { Credentials } = await sending({ WebIdentityToken });
    const texts = (await auditTexts(daemon)).join();
    const { secretAccessKey, sessionToken } = taken(Credentials);
    for (const secret of [WebIdentityToken, secretAccessKey, sessionToken]) {
      expect(texts).not.toContain(secret);
    }
  });

  test('makes sessions that carry tags and source identity of the token', async () => {
    const RoleArn = await makeRole(daemon, 'FromToken', {
      AssumeRolePolicyDocument: trust(issuer, { 'aws:RequestTag/team': 'blue' }),
    });
    const WebIdentityToken = await issuer.token({
      'https://aws.amazon.com/tags': { principal_tags: { team: ['blue'] } },
      'https://aws.amazon.com/source_identity': 'alice',
    });
    const { SourceIdentity } = await sending({ RoleArn, WebIdentityToken });
    expect(SourceIdentity).toBe('alice');
    expect(await refused({ RoleArn })).toEqual(notAuthorized);
  });
});

describe('a web identity', () => {
  test('is not authorized for another subject, another role, or one that does not exist', async () => {
    const WebIdentityToken = await issuer.token({ sub: 'system:serviceaccount:shop:thief' });
    expect(await refused({ WebIdentityToken })).toEqual(notAuthorized);
    const RoleArn = await makeRole(daemon, 'ForUsers');
    expect(await refused({ RoleArn })).toEqual(notAuthorized);
    expect(await refused({ RoleArn: `${till}-missing` })).toEqual(notAuthorized);
  });

  test('of a provider that another account alone has is nobody’s', async () => {
    const RoleArn = 'arn:aws:iam::999999999999:role/Till';
    expect(await refused({ RoleArn })).toEqual({
      code: 'InvalidIdentityToken',
      message: `No OpenIDConnect provider found in your account for ${issuer.url}`,
      status: 400,
    });
  });

  test.each([
    [
      'unsigned',
      () => handMade({ alg: 'none' }, { iss: issuer.url, sub: 's', aud: audience }),
      'InvalidIdentityToken',
      'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)',
    ],
    [
      'for somebody else',
      () => issuer.token({ aud: 'someone' }),
      'InvalidIdentityToken',
      'Incorrect token audience',
    ],
    [
      'longer than the shape',
      () => 'x'.repeat(20_001),
      'ValidationError',
      "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: Member must have length less than or equal to 20000",
    ],
  ])('is refused with a token that is %s', async (_, token, code, message) => {
    expect(await refused({ WebIdentityToken: await token() })).toEqual({
      code,
      message,
      status: 400,
    });
  });

  test('is refused with a token that has expired', async () => {
    const WebIdentityToken = await issuer.token({ exp: 1_600_000_000 });
    const refusal = await refused({ WebIdentityToken });
    expect(refusal.code).toBe('ExpiredTokenException');
    expect(refusal.message).toMatch(
      /^Token expired: current date\/time \d+ must be before the expiration date\/time1600000000$/,
    );
  });

  test('must ask for what is a role, and cannot say whose token it is', async () => {
    const RoleArn = `arn:aws:iam::${daemon.accountId}:user/alice`;
    expect(await refused({ RoleArn })).toEqual({
      code: 'ValidationError',
      message: 'Request ARN is invalid',
      status: 400,
    });
    expect((await refused({ ProviderId: 'www.amazon.com' })).message).toBe(
      'ProviderId is not supported.',
    );
    expect((await refused({ DurationSeconds: 3601 })).message).toBe(
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    );
  });

  test('is refused at once when its provider has lost the audience, or is gone', async () => {
    const other = await startIssuer('');
    const arn = await addProvider(other);
    const RoleArn = await makeRole(daemon, 'Other', {
      AssumeRolePolicyDocument: trust(other, { [`${other.name}:aud`]: ['removed', audience] }),
    });
    const iam = iamClient(daemon);
    const ClientID = 'removed';
    const WebIdentityToken = await other.token({ aud: ClientID });
    await sending({ RoleArn, WebIdentityToken });
    await iam.send(
      new RemoveClientIDFromOpenIDConnectProviderCommand({
        ...{ OpenIDConnectProviderArn: arn, ClientID },
      }),
    );
    expect((await refused({ RoleArn, WebIdentityToken })).message).toBe('Incorrect token audience');
    await sending({ RoleArn, WebIdentityToken: await other.token() });
    await iam.send(new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arn }));
    expect((await refused({ RoleArn, WebIdentityToken: await other.token() })).message).toBe(
      `No OpenIDConnect provider found in your account for ${other.url}`,
    );
    await other.close();
  });
});

describe('an issuer with a certificate of a private authority', () => {
  test('is trusted where NODE_EXTRA_CA_CERTS names the authority, and nowhere else', async () => {
    const certificate = makeCertificate(terminal.directory, 'issuer');
    const secured = await startIssuer('', certificate);
    const NODE_EXTRA_CA_CERTS = certificate.certFile;
    const trusting = await startDaemon({ environment: { NODE_EXTRA_CA_CERTS } });
    const asking = async (where: TestDaemon): Promise<string> => {
      await addProvider(secured, where);
      const AssumeRolePolicyDocument = trust(secured, { [`${secured.name}:aud`]: audience });
      const RoleArn = await makeRole(where, 'Secured', { AssumeRolePolicyDocument });
      const WebIdentityToken = await secured.token();
      const input = { RoleArn, RoleSessionName: 'pod-1', WebIdentityToken };
      const command = new AssumeRoleWithWebIdentityCommand(input);
      try {
        return (await stsClient(where).send(command)).SubjectFromWebIdentityToken ?? '';
      } catch (error) {
        return (error as Error).name;
      }
    };
    expect(await asking(trusting)).toBe('system:serviceaccount:shop:till');
    expect(await asking(daemon)).toBe('IDPCommunicationErrorException');
    await Promise.all([trusting.remove(), secured.close()]);
  });
});

describe('a workload without a static secret', () => {
  async function workload(): Promise<NodeJS.ProcessEnv> {
    const file = path.join(terminal.directory, 'token');
    await writeFile(file, await issuer.token());
    return {
      AWS_ENDPOINT_URL: daemon.endpoint,
      // The CLI and boto3 read the one, the other SDKs the other.
      AWS_DEFAULT_REGION: daemon.region,
      AWS_REGION: daemon.region,
      AWS_ROLE_ARN: till,
      AWS_ROLE_SESSION_NAME: 'workload',
      AWS_WEB_IDENTITY_TOKEN_FILE: file,
      NODE_PATH: path.resolve(__dirname, '..', '..', '..', 'node_modules'),
    };
  }

  test('uses an unmodified AWS SDK with its environment alone', async () => {
    const program = `
      const { KMSClient, ListKeysCommand } = require('@aws-sdk/client-kms');
      const { STSClient, GetCallerIdentityCommand } = require('@aws-sdk/client-sts');
      (async () => {
        await new KMSClient({}).send(new ListKeysCommand({}));
        console.log((await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn);
      })();`;
    const ended = await terminal.run(process.execPath, ['-e', program], await workload());
    expect([ended.code, ended.stdout]).toEqual([
      0,
      `arn:aws:sts::${daemon.accountId}:assumed-role/Till/workload\n`,
    ]);
  });

  test('uses the AWS CLI with its environment alone', async () => {
    const environment = await workload();
    const aws = (...args: string[]) => terminal.run('aws', args, environment);
    const identity = await aws('sts', 'get-caller-identity', '--query', 'Arn', '--output', 'text');
    expect([identity.code, identity.stdout]).toEqual([
      0,
      `arn:aws:sts::${daemon.accountId}:assumed-role/Till/workload\n`,
    ]);
    expect((await aws('kms', 'list-keys')).code).toBe(0);
    const denied = await aws('kms', 'create-key');
    expect(denied.stderr).toContain('AccessDeniedException');
  });
});
