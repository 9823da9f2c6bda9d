import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Terminal, openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, createKey } from '../support/kms';

/** Each command starts a Python, which takes seconds where processors are few. */
jest.setTimeout(120_000);

/** The AWS CLI's exit code for an error that the service answered: 255 of version 1, 254 of version 2. */
const serviceErrors = [254, 255];

describe('The AWS CLI', () => {
  let daemon: TestDaemon;
  let terminal: Terminal;
  let key: NewKey;
  beforeAll(async () => {
    daemon = await startDaemon();
    terminal = await openTerminal(daemon);
    key = await createKey(daemon.client());
    await writeFile(path.join(terminal.directory, 'plaintext'), 'attack at dawn');
  });
  afterAll(async () => {
    await terminal.close();
    await daemon.remove();
  });

  /** The answer of a command that succeeds; undefined where it prints nothing. */
  const answer = async (...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await terminal.kms(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout === '' ? undefined : JSON.parse(stdout);
  };
  const failure = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await terminal.kms(...args);
    expect(serviceErrors).toContain(code);
    expect(stdout).toBe('');
    return stderr;
  };
  const context = ['--encryption-context', 'file=a.pdf,tenant=b'];
  const saveBlob = async (blob: string): Promise<string> => {
    await writeFile(path.join(terminal.directory, 'blob'), Buffer.from(blob, 'base64'));
    return 'fileb://blob';
  };

  test('creates, describes and lists keys', async () => {
    const tags = ['--tags', 'TagKey=a,TagValue=b'];
    const made = (await answer('create-key', '--description', 'from the CLI', ...tags)) as {
      KeyMetadata: { KeyId: string; Arn: string };
    };
    const { KeyId, Arn } = made.KeyMetadata;
    expect(await answer('describe-key', '--key-id', Arn)).toEqual(made);
    expect(await answer('list-keys')).toEqual({
      Keys: expect.arrayContaining([
        { KeyId, KeyArn: Arn },
        { KeyId: key.id, KeyArn: key.arn },
      ]) as unknown,
    });
  });

  test('pages through a list by itself', async () => {
    const paged = await answer('list-keys', '--page-size', '1');
    expect(paged).toEqual(await answer('list-keys'));
  });

  test('disables, enables and describes anew', async () => {
    const named = ['--key-id', key.id];
    expect(await answer('disable-key', ...named)).toBeUndefined();
    expect(await failure('generate-data-key', ...named, '--key-spec', 'AES_256')).toContain(
      `An error occurred (DisabledException) when calling the GenerateDataKey operation: ${key.arn} is disabled.`,
    );
    expect(await answer('enable-key', ...named)).toBeUndefined();
    expect(
      await answer('update-key-description', ...named, '--description', 'new'),
    ).toBeUndefined();
    expect(await answer('describe-key', ...named)).toMatchObject({
      KeyMetadata: { Enabled: true, Description: 'new' },
    });
  });

  test('encrypts, re-encrypts and decrypts', async () => {
    const sealed = (await answer(
      ...['encrypt', '--key-id', key.id, '--plaintext', 'fileb://plaintext', ...context],
    )) as { CiphertextBlob: string; KeyId: string };
    expect(sealed.KeyId).toBe(key.arn);
    const file = await saveBlob(sealed.CiphertextBlob);
    expect(await answer('decrypt', '--ciphertext-blob', file, ...context)).toMatchObject({
      Plaintext: Buffer.from('attack at dawn').toString('base64'),
      KeyId: key.arn,
    });
    expect(await failure('decrypt', '--ciphertext-blob', file)).toContain(
      'An error occurred (InvalidCiphertextException) when calling the Decrypt operation:',
    );
    const moved = (await answer(
      ...['re-encrypt', '--ciphertext-blob', file, '--destination-key-id', key.id],
      ...['--source-encryption-context', 'file=a.pdf,tenant=b'],
    )) as { CiphertextBlob: string };
    const again = await saveBlob(moved.CiphertextBlob);
    expect(await answer('decrypt', '--ciphertext-blob', again)).toMatchObject({ KeyId: key.arn });
  });

  test('generates data keys and random bytes', async () => {
    const named = ['--key-id', key.id, '--key-spec', 'AES_256'];
    const made = (await answer('generate-data-key', ...named)) as { Plaintext: string };
    expect(Buffer.from(made.Plaintext, 'base64')).toHaveLength(32);
    const silent = (await answer('generate-data-key-without-plaintext', ...named)) as object;
    expect(Object.keys(silent).sort()).toEqual(['CiphertextBlob', 'KeyId', 'KeyMaterialId']);
    const drawn = (await answer('generate-random', '--number-of-bytes', '7')) as typeof made;
    expect(Buffer.from(drawn.Plaintext, 'base64')).toHaveLength(7);
  });

  test('encrypts and decrypts with an RSA key', async () => {
    const usage = ['--key-spec', 'RSA_2048', '--key-usage', 'ENCRYPT_DECRYPT'];
    const { KeyMetadata } = (await answer('create-key', ...usage)) as {
      KeyMetadata: { KeyId: string };
    };
    const named = ['--key-id', KeyMetadata.KeyId];
    const algorithm = ['--encryption-algorithm', 'RSAES_OAEP_SHA_256'];
    const sealed = (await answer(
      ...['encrypt', ...named, ...algorithm, '--plaintext', 'fileb://plaintext'],
    )) as { CiphertextBlob: string };
    const file = await saveBlob(sealed.CiphertextBlob);
    expect(
      await answer('decrypt', ...named, ...algorithm, '--ciphertext-blob', file),
    ).toMatchObject({
      Plaintext: Buffer.from('attack at dawn').toString('base64'),
      EncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
    });
    expect(await failure('decrypt', ...named, '--ciphertext-blob', file)).toContain(
      'An error occurred (InvalidCiphertextException) when calling the Decrypt operation:',
    );
  });

  test('makes data key pairs that openssl reads, and decrypts their private keys', async () => {
    const wanted = ['--key-id', key.id, '--key-pair-spec', 'RSA_2048', ...context];
    const made = (await answer('generate-data-key-pair', ...wanted)) as Record<string, string>;
    const privateKey = Buffer.from(made['PrivateKeyPlaintext'] ?? '', 'base64');
    await writeFile(path.join(terminal.directory, 'private'), privateKey, { mode: 0o600 });
    const form = ['-inform', 'DER', '-in', 'private', '-pubout', '-outform', 'PEM'];
    const { code, stdout } = await terminal.run('openssl', ['pkey', ...form]);
    const pem = stdout.replaceAll(/-----[A-Z ]+-----|\n/g, '');
    expect({ code, pem }).toEqual({ code: 0, pem: made['PublicKey'] });
    const file = await saveBlob(made['PrivateKeyCiphertextBlob'] ?? '');
    expect(await answer('decrypt', '--ciphertext-blob', file, ...context)).toMatchObject({
      Plaintext: made['PrivateKeyPlaintext'],
    });
    const silent = await answer('generate-data-key-pair-without-plaintext', ...wanted);
    expect(Object.keys(silent as object).sort()).toEqual([
      ...['KeyId', 'KeyMaterialId', 'KeyPairSpec', 'PrivateKeyCiphertextBlob', 'PublicKey'],
    ]);
  });

  test('makes, moves, lists and deletes aliases', async () => {
    const named = ['--alias-name', 'alias/cli'];
    const other = await createKey(daemon.client());
    expect(await answer('create-alias', ...named, '--target-key-id', key.id)).toBeUndefined();
    expect(await failure('create-alias', ...named, '--target-key-id', key.id)).toContain(
      `(AlreadyExistsException) when calling the CreateAlias operation: An alias with the name ${key.arn.replace(`key/${key.id}`, 'alias/cli')} already exists`,
    );
    expect(await answer('update-alias', ...named, '--target-key-id', other.id)).toBeUndefined();
    expect(await answer('list-aliases', '--key-id', other.id)).toMatchObject({
      Aliases: [{ AliasName: 'alias/cli', TargetKeyId: other.id }],
    });
    expect(await answer('delete-alias', ...named)).toBeUndefined();
    expect(await failure('describe-key', '--key-id', 'alias/cli')).toContain(
      `An error occurred (NotFoundException) when calling the DescribeKey operation: Alias ${key.arn.replace(`key/${key.id}`, 'alias/cli')} is not found.`,
    );
  });

  test('creates, lists, retires and revokes grants', async () => {
    const root = `arn:aws:iam::${daemon.accountId}:root`;
    const terms = ['--grantee-principal', root, '--retiring-principal', root];
    const make = () =>
      answer(
        ...['create-grant', '--key-id', key.id, ...terms, '--operations', 'Decrypt', 'DescribeKey'],
        ...['--constraints', 'EncryptionContextSubset={tenant=a}', '--name', 'cli'],
      ) as Promise<{ GrantId: string; GrantToken: string }>;
    const made = await make();
    expect((await make()).GrantId).toBe(made.GrantId);
    const entry = {
      ...{ GrantId: made.GrantId, KeyId: key.arn, Name: 'cli', GranteePrincipal: root },
      Constraints: { EncryptionContextSubset: { tenant: 'a' } },
    };
    expect(await answer('list-grants', '--key-id', key.id)).toMatchObject({ Grants: [entry] });
    expect(await answer('list-retirable-grants', '--retiring-principal', root)).toMatchObject({
      Grants: [entry],
    });
    const tokens = ['--grant-tokens', made.GrantToken];
    expect(await answer('describe-key', '--key-id', key.id, ...tokens)).toMatchObject({});
    expect(await answer('retire-grant', '--grant-token', made.GrantToken)).toBeUndefined();
    const again = await make();
    expect(again.GrantId).not.toBe(made.GrantId);
    const named = ['--key-id', key.id, '--grant-id', again.GrantId];
    expect(await answer('revoke-grant', ...named)).toBeUndefined();
    expect(await failure('revoke-grant', ...named)).toContain(
      `An error occurred (NotFoundException) when calling the RevokeGrant operation: Grant ID ${again.GrantId} not found`,
    );
    expect(await failure('retire-grant', '--grant-token', 'made-up')).toContain(
      'An error occurred (InvalidGrantTokenException) when calling the RetireGrant operation: The grant token is not valid.',
    );
  });

  test('shows the text of AccessDeniedException and of an operation that is not served', async () => {
    const foreign = key.arn.replace(daemon.accountId, '999988887777');
    expect(await failure('describe-key', '--key-id', foreign)).toContain(
      `An error occurred (AccessDeniedException) when calling the DescribeKey operation: User: arn:aws:iam::${daemon.accountId}:root is not authorized to perform: kms:DescribeKey on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
    );
    const move = ['--key-id', key.id, '--primary-region', 'eu-west-1'];
    expect(await failure('update-primary-region', ...move)).toContain(
      'An error occurred (UnsupportedOperationException) when calling the UpdatePrimaryRegion operation: The operation UpdatePrimaryRegion is not supported.',
    );
  });
});
