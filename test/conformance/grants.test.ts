import {
  CreateGrantCommand,
  type CreateGrantCommandInput,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  type KMSClient,
  ListGrantsCommand,
  ListRetirableGrantsCommand,
  ReEncryptCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
} from '@aws-sdk/client-kms';
import { Client } from 'pg';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, clientOf, createKey, otherAccount, sdkRefusal } from '../support/kms';
import {
  type TestPrincipal,
  type TestUser,
  letIdentity,
  newService,
  newUser,
} from '../support/principals';
import { until } from '../support/until';
import { call, refusal, refused, accessDenied } from '../support/wire';

const Plaintext = Buffer.from('attack at dawn');
const foreignAccount = '444455556666';
const foreignRoot = `arn:aws:iam::${foreignAccount}:root`;

describe('Grants', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let foreign: KMSClient;
  let alice: TestUser;
  let bob: TestUser;
  let service: TestPrincipal;
  let key: NewKey;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    foreign = clientOf(daemon, await otherAccount(daemon, foreignAccount));
    alice = await newUser(daemon, 'alice');
    bob = await newUser(daemon, 'bob');
    service = await newService(daemon, 'build.claviger.internal');
  });
  beforeEach(async () => {
    key = await createKey(kms);
  });
  afterAll(() => daemon.remove());

  type Terms = Partial<CreateGrantCommandInput> & Pick<CreateGrantCommandInput, 'Operations'>;
  const grant = async (terms: Terms, by = kms) => {
    const grantee = terms.GranteeServicePrincipal === undefined ? alice.arn : undefined;
    const made = await by.send(
      new CreateGrantCommand({ KeyId: key.arn, GranteePrincipal: grantee, ...terms }),
    );
    return { GrantId: made.GrantId!, GrantToken: made.GrantToken! };
  };
  const encrypt = (by: KMSClient, EncryptionContext?: Record<string, string>, KeyId = key.arn) =>
    by.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext }));
  const outcome = async (sending: Promise<unknown>): Promise<string> => {
    try {
      await sending;
      return 'allowed';
    } catch (error) {
      return (error as Error).name;
    }
  };
  const denied = 'AccessDeniedException';
  const notAllowed = (who: string, action: string, layer = 'identity-based') => ({
    code: denied,
    message: `User: ${who} is not authorized to perform: ${action} on resource: ${key.arn} because no ${layer} policy allows the ${action} action`,
    status: 400,
  });

  test('allow what they list to a user without any policy, at once, and nothing else', async () => {
    expect(await sdkRefusal(encrypt(alice.kms))).toEqual(notAllowed(alice.arn, 'kms:Encrypt'));
    await grant({ Operations: ['Encrypt', 'Decrypt', 'GenerateDataKey', 'DescribeKey'] });
    const { CiphertextBlob } = await encrypt(alice.kms);
    const opened = await alice.kms.send(new DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(opened.Plaintext!)).toEqual(Plaintext);
    const dataKey = new GenerateDataKeyCommand({ KeyId: key.arn, KeySpec: 'AES_256' });
    expect((await alice.kms.send(dataKey)).KeyId).toBe(key.arn);
    const { KeyMetadata } = await alice.kms.send(new DescribeKeyCommand({ KeyId: key.id }));
    expect(KeyMetadata?.Arn).toBe(key.arn);
    const listing = alice.kms.send(new ListGrantsCommand({ KeyId: key.id }));
    expect(await sdkRefusal(listing)).toEqual(notAllowed(alice.arn, 'kms:ListGrants'));
    expect(await outcome(encrypt(bob.kms))).toBe(denied);
  });

  test('are of one key', async () => {
    await grant({ Operations: ['Encrypt'] });
    const other = await createKey(kms);
    expect(await outcome(encrypt(alice.kms, undefined, other.arn))).toBe(denied);
  });

  test('allow both halves of a ReEncrypt, each on its key', async () => {
    const destination = await createKey(kms);
    const { CiphertextBlob } = await encrypt(kms);
    const reEncrypt = () =>
      alice.kms.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: destination.arn }));
    await grant({ Operations: ['ReEncryptFrom'] });
    await grant({ Operations: ['ReEncryptTo'] });
    expect(await outcome(reEncrypt())).toBe(denied);
    await grant({ Operations: ['ReEncryptTo'], KeyId: destination.id });
    expect((await reEncrypt()).KeyId).toBe(destination.arn);
  });

  test('hold an encryption context exactly or as a part of the request’s', async () => {
    await grant({
      Operations: ['Encrypt', 'Decrypt', 'DescribeKey'],
      Constraints: { EncryptionContextEquals: { app: 'pay' } },
    });
    expect(await outcome(encrypt(alice.kms))).toBe(denied);
    expect(await outcome(encrypt(alice.kms, { app: 'pay', env: 'x' }))).toBe(denied);
    expect(await outcome(encrypt(alice.kms, { App: 'pay' }))).toBe(denied);
    expect(await outcome(encrypt(alice.kms, { app: 'pay' }))).toBe('allowed');
    expect(await outcome(alice.kms.send(new DescribeKeyCommand({ KeyId: key.id })))).toBe(
      'allowed',
    );
    await grant({
      Operations: ['Encrypt'],
      Constraints: { EncryptionContextSubset: { team: 'blue' } },
    });
    expect(await outcome(encrypt(alice.kms, { team: 'blue', env: 'x' }))).toBe('allowed');
    expect(await outcome(encrypt(alice.kms, { team: 'green', env: 'x' }))).toBe(denied);
  });

  test('end when they are revoked, and when the answer is there nobody can use them', async () => {
    const { GrantId } = await grant({ Operations: ['Encrypt'] });
    const other = await grant({ Operations: ['Encrypt'] });
    await encrypt(alice.kms);
    const revoke = (id: string) => new RevokeGrantCommand({ KeyId: key.id, GrantId: id });
    expect(Object.keys(await kms.send(revoke(GrantId)))).toEqual(['$metadata']);
    expect(await outcome(encrypt(alice.kms))).toBe('allowed');
    await kms.send(revoke(other.GrantId));
    expect(await outcome(encrypt(alice.kms))).toBe(denied);
    expect(await sdkRefusal(kms.send(revoke(GrantId)))).toMatchObject({
      code: 'NotFoundException',
      message: `Grant ID ${GrantId} not found`,
    });
  });

  test('do not stand above an explicit deny', async () => {
    await grant({ Operations: ['Encrypt'], GranteePrincipal: bob.arn });
    expect(await outcome(encrypt(bob.kms))).toBe('allowed');
    await letIdentity(daemon, bob, { Effect: 'Deny', Action: 'kms:Encrypt' });
    expect((await sdkRefusal(encrypt(bob.kms))).message).toContain(
      'with an explicit deny in an identity-based policy',
    );
    await letIdentity(daemon, bob, { Effect: 'Allow', Action: 'kms:ListAliases' });
  });

  test('to an account let its root, and whom its identity policies allow', async () => {
    await kms.send(
      new CreateGrantCommand({
        KeyId: key.id,
        GranteePrincipal: foreignRoot,
        Operations: ['Encrypt'],
      }),
    );
    expect(await outcome(encrypt(foreign))).toBe('allowed');
    await grant({
      Operations: ['Encrypt'],
      GranteePrincipal: `arn:aws:iam::${daemon.accountId}:root`,
    });
    expect(await outcome(encrypt(bob.kms))).toBe(denied);
    await letIdentity(daemon, bob, { Effect: 'Allow', Action: 'kms:Encrypt' });
    expect(await outcome(encrypt(bob.kms))).toBe('allowed');
    await letIdentity(daemon, bob, { Effect: 'Allow', Action: 'kms:ListAliases' });
  });

  test('to another account need no policy there, and hide the key from it otherwise', async () => {
    expect(await outcome(encrypt(foreign))).toBe(denied);
    const { GrantId } = await grant({
      Operations: ['Encrypt', 'DescribeKey'],
      GranteePrincipal: foreignRoot,
    });
    expect((await encrypt(foreign)).KeyId).toBe(key.arn);
    const disable = await refused(
      daemon,
      'ListGrants',
      { KeyId: key.arn },
      { credentials: await foreign.config.credentials() },
    );
    expect(disable).toEqual(
      accessDenied(
        `User: ${foreignRoot} is not authorized to perform: kms:ListGrants on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
      ),
    );
    await kms.send(new RevokeGrantCommand({ KeyId: key.id, GrantId }));
    expect(await outcome(encrypt(foreign))).toBe(denied);
  });

  describe('made by a grant', () => {
    const child = (terms: Terms, by = alice.kms) =>
      sdkRefusal(grant({ GranteePrincipal: bob.arn, ...terms }, by));

    test('allow no more than it does, and stay when it is gone', async () => {
      const parent = await grant({ Operations: ['CreateGrant', 'Encrypt'] });
      expect(await child({ Operations: ['Decrypt'] })).toEqual(
        notAllowed(alice.arn, 'kms:CreateGrant'),
      );
      expect(await child({ Operations: ['Encrypt', 'RetireGrant'] })).toMatchObject({
        code: denied,
      });
      await grant({ Operations: ['Encrypt'], GranteePrincipal: bob.arn }, alice.kms);
      expect(await outcome(encrypt(bob.kms))).toBe('allowed');
      await kms.send(new RevokeGrantCommand({ KeyId: key.id, GrantId: parent.GrantId }));
      expect(await outcome(encrypt(bob.kms))).toBe('allowed');
      expect(await child({ Operations: ['Encrypt'] })).toMatchObject({ code: denied });
    });

    test('are not made by a parent that went while the request waited for the key', async () => {
      const parent = await grant({ Operations: ['CreateGrant', 'Encrypt'] });
      const operator = new Client({ connectionString: daemon.databaseUrl });
      await operator.connect();
      try {
        await operator.query('begin');
        await operator.query('select key_id from kms_key where key_id = $1 for update', [key.id]);
        const answer = child({ Operations: ['Encrypt'] });
        await until('the request waits for the key', async () => {
          const { rows } = await operator.query(
            "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
          );
          return rows.length > 0;
        });
        // Nobody is told: the request must look for itself.
        await operator.query('delete from kms_grant where grant_id = $1', [parent.GrantId]);
        await operator.query('commit');
        expect(await answer).toEqual(notAllowed(alice.arn, 'kms:CreateGrant'));
      } finally {
        await operator.end();
      }
      expect(await outcome(encrypt(bob.kms))).toBe(denied);
    });

    test('are at least as strict about the encryption context', async () => {
      const one = { a: '1' };
      await grant({
        Operations: ['CreateGrant', 'Encrypt'],
        Constraints: { EncryptionContextSubset: one },
      });
      const attempt = async (Constraints?: CreateGrantCommandInput['Constraints']) =>
        outcome(
          grant({ Operations: ['Encrypt'], GranteePrincipal: bob.arn, Constraints }, alice.kms),
        );
      expect(await attempt()).toBe(denied);
      expect(await attempt({ EncryptionContextSubset: { b: '2' } })).toBe(denied);
      expect(await attempt({ EncryptionContextSubset: { ...one, b: '2' } })).toBe('allowed');
      expect(await attempt({ EncryptionContextEquals: one })).toBe('allowed');
    });
  });

  describe('to services', () => {
    const SourceArn = 'arn:aws:s3:::artifacts';
    const terms = (): Terms => ({
      Operations: ['Encrypt'],
      GranteeServicePrincipal: service.arn,
      RetiringServicePrincipal: service.arn,
      Constraints: { SourceArn },
    });
    const encryptFor = async (sourceArn?: string) => {
      const headers: Record<string, string> =
        sourceArn === undefined ? {} : { 'x-amz-source-arn': sourceArn };
      const input = { KeyId: key.arn, Plaintext: 'YQ==' };
      const { credentials } = service;
      return (await call(daemon, 'Encrypt', input, { credentials, headers })).status;
    };

    test('allow what is on behalf of the resource, and are shown as a service’s', async () => {
      const { GrantId } = await grant(terms());
      expect(await encryptFor(SourceArn)).toBe(200);
      expect(await encryptFor('arn:aws:s3:::others')).toBe(400);
      expect(await encryptFor()).toBe(400);
      const { Grants } = await kms.send(new ListGrantsCommand({ KeyId: key.id, GrantId }));
      expect(Grants).toEqual([
        expect.objectContaining({
          GranteeServicePrincipal: service.arn,
          RetiringServicePrincipal: service.arn,
          Constraints: { SourceArn },
        }),
      ]);
      expect(Grants?.[0]).not.toHaveProperty('GranteePrincipal');
      expect(Grants?.[0]).not.toHaveProperty('RetiringPrincipal');
    });

    test('are retired by the service', async () => {
      const { GrantId } = await grant(terms());
      await service.kms.send(new RetireGrantCommand({ KeyId: key.arn, GrantId }));
      expect(await encryptFor(SourceArn)).toBe(400);
    });

    test('are listed for the service by what it may retire, and for nobody else’s sake', async () => {
      const { GrantId } = await grant(terms());
      const list = (RetiringServicePrincipal: string) =>
        service.kms.send(new ListRetirableGrantsCommand({ RetiringServicePrincipal }));
      const { Grants = [] } = await list(service.arn);
      expect(Grants.map((entry) => entry.GrantId)).toContain(GrantId);
      expect(await sdkRefusal(list('docs.claviger.internal'))).toMatchObject({
        code: denied,
        message: `User: ${service.arn} is not authorized to perform: kms:ListRetirableGrants on resource: *`,
      });
      const RetiringPrincipal = alice.arn;
      const another = service.kms.send(new ListRetirableGrantsCommand({ RetiringPrincipal }));
      expect(await sdkRefusal(another)).toMatchObject({ code: denied });
    });

    test('are what a service filters by where a key policy lets it list', async () => {
      const statement = (Principal: object, Action: string) => ({
        ...{ Effect: 'Allow', Principal, Action, Resource: '*' },
      });
      const Statement = [
        statement({ AWS: daemon.accountId }, 'kms:*'),
        statement({ Service: service.arn }, 'kms:ListGrants'),
      ];
      key = await createKey(kms, { Policy: JSON.stringify({ Statement }) });
      await grant({ Operations: ['Encrypt'] });
      const { GrantId } = await grant(terms());
      const list = async (GranteeServicePrincipal: string) => {
        const input = { KeyId: key.arn, GranteeServicePrincipal };
        const { Grants = [] } = await service.kms.send(new ListGrantsCommand(input));
        return Grants.map((entry) => entry.GrantId);
      };
      expect(await list(service.arn)).toEqual([GrantId]);
      expect(await list('docs.claviger.internal')).toEqual([]);
      expect(await list('\0')).toEqual([]);
    });

    test('are no grants to whoever says that it is a source', async () => {
      await grant({ Operations: ['Encrypt'], Constraints: { SourceArn } });
      const headers = { 'x-amz-source-arn': SourceArn };
      const input = { KeyId: key.arn, Plaintext: 'YQ==' };
      const options = { credentials: alice.credentials, headers };
      expect(refusal(await call(daemon, 'Encrypt', input, options))).toEqual(
        accessDenied(notAllowed(alice.arn, 'kms:Encrypt').message),
      );
    });
  });
});
