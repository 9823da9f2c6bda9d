import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateGrantCommand,
  DecryptCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  type KMSClient,
  ScheduleKeyDeletionCommand,
  ListAliasesCommand,
  ListGrantsCommand,
  ListKeysCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  RevokeGrantCommand,
  RotateKeyOnDemandCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  UpdateKeyDescriptionCommand,
} from '@aws-sdk/client-kms';
import { type Token, openToken } from '../../hsm';
import { type TestCredentials, type TestDaemon, startDaemon } from '../support/daemon';
import { disagreements } from '../support/doctor';
import { importRequests } from '../support/import-condition-keys';
import { auditTexts, clientOf, createKey, otherAccount, sdkRefusal } from '../support/kms';
import { administer } from '../support/postgres';
import { allRotations } from '../support/rotation';
import { forwardedSession, makeService } from '../support/services';
import { makeUserAllowed } from '../support/sts-client';
import { tokenOptions } from '../support/token-options';

/** AWS-managed keys, and the keys that the system has for itself. */
let daemon: TestDaemon;
let root: KMSClient;
let alice: TestCredentials;
let s3: TestCredentials;
let docs: TestCredentials;
/** Of alice, through the services. */
let viaS3: KMSClient;
let viaDocs: KMSClient;
let token: Token;

const s3Name = 's3.amazonaws.com';
const docsName = 'docs.claviger.internal';
const user = 'arn:aws:iam::111122223333:user/alice';
const accountRoot = 'arn:aws:iam::111122223333:root';

beforeAll(async () => {
  daemon = await startDaemon({ workers: 2 });
  root = daemon.client();
  alice = await makeUserAllowed(daemon, 'alice', 'kms:*');
  s3 = await makeService(daemon, s3Name);
  docs = await makeService(daemon, docsName);
  viaS3 = await via(s3Name, s3);
  viaDocs = await via(docsName, docs);
  token = await openToken(tokenOptions(daemon.token));
});
afterAll(async () => {
  await token.close();
  await daemon.remove();
});

async function via(name: string, service: TestCredentials, caller = alice): Promise<KMSClient> {
  return clientOf(daemon, await forwardedSession(daemon, { caller, name, service }));
}

const Plaintext = Buffer.from('a');
const denial = (caller: string, action: string, arn: string, reason: string) => ({
  code: 'AccessDeniedException',
  message: `User: ${caller} is not authorized to perform: ${action} on resource: ${arn} because no ${reason}-based policy allows the ${action} action`,
  status: 400,
});
const aliasMissing = (name: string, account = '111122223333') => ({
  code: 'NotFoundException',
  message: `Alias arn:aws:kms:us-east-1:${account}:alias/aws/${name} is not found.`,
  status: 400,
});
const keysInToken = () => token.listKeys('claviger:key:');

describe('An AWS-managed key', () => {
  let arn: string;
  let id: string;

  test('is not there before its service asks for it, and nobody else makes it', async () => {
    const describeKey = new DescribeKeyCommand({ KeyId: 'alias/aws/s3' });
    for (const kms of [root, clientOf(daemon, alice), viaDocs, clientOf(daemon, s3)]) {
      expect(await sdkRefusal(kms.send(describeKey))).toEqual(aliasMissing('s3'));
    }
    expect(await administer(daemon.databaseUrl, 'select key_id from kms_key')).toEqual([]);
  });

  test('is not made, nor left in the token, when its record cannot be written', async () => {
    const before = await keysInToken();
    await administer(
      daemon.databaseUrl,
      `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
       create constraint trigger refuse after insert on kms_key deferrable initially deferred
         for each row execute function refuse()`,
    );
    const encrypting = viaS3.send(new EncryptCommand({ KeyId: 'alias/aws/s3', Plaintext }));
    expect(await sdkRefusal(encrypting)).toEqual({
      code: 'KMSInternalException',
      message: 'The request failed because of an internal error. You can retry the request.',
      status: 500,
    });
    await administer(daemon.databaseUrl, 'drop trigger refuse on kms_key');
    expect(await keysInToken()).toEqual(before);
    expect(await administer(daemon.databaseUrl, 'select key_id from kms_key')).toEqual([]);
  });

  test('is made once by the first requests of its service, ten at a time on two workers', async () => {
    const before = await keysInToken();
    const clients = await Promise.all(Array.from({ length: 10 }, () => via(s3Name, s3)));
    const answers = await Promise.all(
      clients.map((kms) => kms.send(new EncryptCommand({ KeyId: 'alias/aws/s3', Plaintext }))),
    );
    const arns = [...new Set(answers.map(({ KeyId }) => KeyId))];
    expect(arns).toHaveLength(1);
    arn = arns[0] ?? '';
    id = arn.replace(/.*\//, '');
    const rows = await administer(daemon.databaseUrl, 'select key_id from kms_key');
    expect(rows).toEqual([{ key_id: id }]);
    expect(await keysInToken()).toHaveLength(before.length + 1);
  });

  test('has a record of its making, as of what a service does by itself', async () => {
    const records = (await auditTexts(daemon))
      .map((text) => JSON.parse(text) as Record<string, unknown>)
      .filter(({ eventName }) => eventName === 'CreateKey');
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({
      sourceIPAddress: 'AWS Internal',
      userIdentity: { type: 'AWSService', invokedBy: s3Name },
      readOnly: false,
      responseElements: { keyMetadata: { keyId: id, keyManager: 'AWS' } },
      resources: [{ ARN: arn, accountId: '111122223333', type: 'AWS::KMS::Key' }],
      recipientAccountId: '111122223333',
    });
  });

  test('is seen by its account: in DescribeKey, ListKeys, ListAliases and GetKeyPolicy', async () => {
    const { KeyMetadata } = await root.send(new DescribeKeyCommand({ KeyId: 'alias/aws/s3' }));
    expect(KeyMetadata).toMatchObject({
      ...{ Arn: arn, AWSAccountId: '111122223333', KeyManager: 'AWS', KeyState: 'Enabled' },
      Description: `Default key that protects my data when no other key is defined (${s3Name})`,
    });
    expect((await root.send(new ListKeysCommand({}))).Keys).toEqual([{ KeyId: id, KeyArn: arn }]);
    expect((await root.send(new ListAliasesCommand({}))).Aliases).toMatchObject([
      { AliasName: 'alias/aws/s3', TargetKeyId: id },
    ]);
    const { Policy = '' } = await root.send(new GetKeyPolicyCommand({ KeyId: id }));
    expect(JSON.parse(Policy)).toMatchObject({
      Version: '2012-10-17',
      Id: 'auto-s3-1',
      Statement: [
        {
          Principal: { AWS: '*' },
          Condition: {
            StringEquals: {
              'kms:CallerAccount': '111122223333',
              'kms:ViaService': 's3.us-east-1.amazonaws.com',
            },
          },
        },
        {
          Principal: { AWS: accountRoot },
          Action: ['kms:Describe*', 'kms:Get*', 'kms:List*', 'kms:RevokeGrant'],
        },
      ],
    });
  });

  test('is not seen by another account, which gets one of its own', async () => {
    const credentials = await otherAccount(daemon, '444455556666');
    const foreign = clientOf(daemon, credentials);
    expect((await foreign.send(new ListKeysCommand({}))).Keys).toEqual([]);
    expect((await foreign.send(new ListAliasesCommand({}))).Aliases).toEqual([]);
    const hidden = {
      code: 'AccessDeniedException',
      message:
        'User: arn:aws:iam::444455556666:root is not authorized to perform: kms:DescribeKey on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access',
      status: 400,
    };
    const theirAlias = 'arn:aws:kms:us-east-1:111122223333:alias/aws/s3';
    for (const KeyId of [arn, theirAlias]) {
      for (const kms of [foreign, await via(s3Name, s3, credentials)]) {
        expect(await sdkRefusal(kms.send(new DescribeKeyCommand({ KeyId })))).toEqual(hidden);
      }
    }
    const describeOwn = new DescribeKeyCommand({ KeyId: 'alias/aws/s3' });
    expect(await sdkRefusal(foreign.send(describeOwn))).toEqual(aliasMissing('s3', '444455556666'));
    const own = await (await via(s3Name, s3, credentials)).send(describeOwn);
    expect(own.KeyMetadata).toMatchObject({ AWSAccountId: '444455556666', KeyManager: 'AWS' });
    expect((await foreign.send(new ListKeysCommand({}))).Keys).toHaveLength(1);
    expect((await root.send(new ListKeysCommand({}))).Keys).toHaveLength(1);
  });

  test('is used through its service, by every name that it has', async () => {
    for (const KeyId of [id, arn, 'alias/aws/s3']) {
      const sealed = await viaS3.send(new EncryptCommand({ KeyId, Plaintext }));
      const opened = await viaS3.send(
        new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob, KeyId }),
      );
      expect(Buffer.from(opened.Plaintext ?? [])).toEqual(Plaintext);
    }
    await viaS3.send(new GenerateDataKeyCommand({ KeyId: id, KeySpec: 'AES_256' }));
  });

  test('is used by nobody directly, nor by the service itself, nor through another service', async () => {
    const sealed = await viaS3.send(new EncryptCommand({ KeyId: id, Plaintext }));
    const { CiphertextBlob } = sealed;
    const uses = {
      'kms:Encrypt': (kms: KMSClient) => kms.send(new EncryptCommand({ KeyId: id, Plaintext })),
      'kms:Decrypt': (kms: KMSClient) =>
        kms.send(new DecryptCommand({ KeyId: id, CiphertextBlob })),
      'kms:GenerateDataKey': (kms: KMSClient) =>
        kms.send(new GenerateDataKeyCommand({ KeyId: id, KeySpec: 'AES_256' })),
      'kms:ReEncryptFrom': (kms: KMSClient) =>
        kms.send(new ReEncryptCommand({ CiphertextBlob, SourceKeyId: id, DestinationKeyId: id })),
      'kms:CreateGrant': (kms: KMSClient) =>
        kms.send(
          new CreateGrantCommand({ KeyId: id, GranteePrincipal: user, Operations: ['Decrypt'] }),
        ),
    };
    const callers = [
      [root, accountRoot],
      [clientOf(daemon, alice), user],
      [viaDocs, user],
    ] as const;
    for (const [action, use] of Object.entries(uses)) {
      for (const [kms, name] of callers) {
        expect(await sdkRefusal(use(kms))).toEqual(denial(name, action, arn, 'resource'));
      }
    }
    const byArn = clientOf(daemon, s3).send(new EncryptCommand({ KeyId: arn, Plaintext }));
    expect(await sdkRefusal(byArn)).toEqual(denial(s3Name, 'kms:Encrypt', arn, 'resource'));
  });

  test('is managed by nobody, through its service neither', async () => {
    const { id: own } = await createKey(root);
    await root.send(new CreateAliasCommand({ AliasName: 'alias/own', TargetKeyId: own }));
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' },
    });
    const changes = {
      'kms:DisableKey': new DisableKeyCommand({ KeyId: id }),
      'kms:EnableKey': new EnableKeyCommand({ KeyId: id }),
      'kms:EnableKeyRotation': new EnableKeyRotationCommand({
        KeyId: id,
        RotationPeriodInDays: 90,
      }),
      'kms:DisableKeyRotation': new DisableKeyRotationCommand({ KeyId: id }),
      'kms:RotateKeyOnDemand': new RotateKeyOnDemandCommand({ KeyId: id }),
      'kms:ScheduleKeyDeletion': new ScheduleKeyDeletionCommand({ KeyId: id }),
      'kms:CancelKeyDeletion': new CancelKeyDeletionCommand({ KeyId: id }),
      'kms:PutKeyPolicy': new PutKeyPolicyCommand({
        ...{ KeyId: id, Policy, BypassPolicyLockoutSafetyCheck: true },
      }),
      'kms:UpdateKeyDescription': new UpdateKeyDescriptionCommand({ KeyId: id, Description: 'x' }),
      'kms:TagResource': new TagResourceCommand({
        KeyId: id,
        Tags: [{ TagKey: 'a', TagValue: 'b' }],
      }),
      'kms:UntagResource': new UntagResourceCommand({ KeyId: id, TagKeys: ['a'] }),
      'kms:ImportKeyMaterial': importRequests.ImportKeyMaterial(id),
      'kms:DeleteImportedKeyMaterial': importRequests.DeleteImportedKeyMaterial(id),
      'kms:CreateAlias': new CreateAliasCommand({ AliasName: 'alias/mine', TargetKeyId: id }),
      'kms:UpdateAlias': new UpdateAliasCommand({ AliasName: 'alias/own', TargetKeyId: id }),
    };
    for (const [action, command] of Object.entries(changes)) {
      for (const [kms, name] of [
        [root, accountRoot],
        [viaS3, user],
      ] as const) {
        const sending = (kms as { send(one: unknown): Promise<unknown> }).send(command);
        expect(await sdkRefusal(sending)).toEqual(denial(name, action, arn, 'resource'));
      }
    }
    const refusal = { code: 'NotAuthorizedException', message: '', status: 400 };
    const AliasName = 'alias/aws/s3';
    const moving = root.send(new UpdateAliasCommand({ AliasName, TargetKeyId: own }));
    expect(await sdkRefusal(moving)).toEqual(refusal);
    expect(await sdkRefusal(root.send(new DeleteAliasCommand({ AliasName })))).toEqual(refusal);
    const making = { AliasName: 'alias/aws/rds', TargetKeyId: own };
    expect(await sdkRefusal(root.send(new CreateAliasCommand(making)))).toEqual(refusal);
  });

  test('rotates every year, from a year after it was made', async () => {
    for (const kms of [root, viaS3]) {
      const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: id }));
      const { $metadata, NextRotationDate, ...answer } = await kms.send(
        new GetKeyRotationStatusCommand({ KeyId: id }),
      );
      expect(answer).toEqual({ KeyId: arn, KeyRotationEnabled: true, RotationPeriodInDays: 365 });
      const after = NextRotationDate!.getTime() - KeyMetadata!.CreationDate!.getTime();
      expect(Math.round(after / 60_000)).toBe(365 * 24 * 60);
      expect($metadata.httpStatusCode).toBe(200);
      expect(await allRotations(kms, id)).toEqual([
        {
          ...{ KeyId: id, KeyMaterialId: KeyMetadata?.CurrentKeyMaterialId },
          KeyMaterialState: 'CURRENT',
        },
      ]);
    }
  });

  test('may be granted through its service, and its grants are listed and revoked by the account', async () => {
    const { GrantId } = await viaS3.send(
      new CreateGrantCommand({ KeyId: id, GranteePrincipal: user, Operations: ['Encrypt'] }),
    );
    await clientOf(daemon, alice).send(new EncryptCommand({ KeyId: id, Plaintext }));
    const { Grants } = await root.send(new ListGrantsCommand({ KeyId: id }));
    expect(Grants).toMatchObject([{ GrantId, GranteePrincipal: user }]);
    await root.send(new RevokeGrantCommand({ KeyId: id, GrantId }));
    const encrypting = clientOf(daemon, alice).send(new EncryptCommand({ KeyId: id, Plaintext }));
    expect((await sdkRefusal(encrypting)).code).toBe('AccessDeniedException');
  });

  test('is that of the service whose name it has: another service that names it is denied', async () => {
    const name = 'rival.claviger.internal';
    const kms = await via(name, await makeService(daemon, name));
    const encrypting = kms.send(new EncryptCommand({ KeyId: 'alias/aws/s3', Plaintext }));
    expect(await sdkRefusal(encrypting)).toEqual(denial(user, 'kms:Encrypt', arn, 'resource'));
  });
});

describe('Keys that the system has for itself', () => {
  test('are not listed, are no key ids, and are no orphans of the token', async () => {
    const rows = await administer<{ purpose: string; id: string }>(
      daemon.databaseUrl,
      'select purpose, token_key_id as id from system_key order by purpose',
    );
    expect(rows.map(({ purpose }) => purpose)).toEqual([
      'access-key-sealing',
      'grant-token-sealing',
      'import-token-sealing',
      'key-store-sealing',
      'session-sealing',
      'xks-credential-sealing',
      'xks-health',
    ]);
    const listed = (await root.send(new ListKeysCommand({ Limit: 1000 }))).Keys ?? [];
    for (const { id: KeyId } of rows) {
      expect(listed.map((key) => key.KeyId)).not.toContain(KeyId);
      expect(await sdkRefusal(root.send(new EncryptCommand({ KeyId, Plaintext })))).toEqual({
        code: 'NotFoundException',
        message: `Invalid keyId '${KeyId}'`,
        status: 400,
      });
    }
    const inToken = await token.listKeys('claviger:');
    for (const { id: keyId } of rows) expect(inToken).toContain(keyId);
    expect(await disagreements(daemon)).toEqual([]);
  });
});
