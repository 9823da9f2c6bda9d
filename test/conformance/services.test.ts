import { accessSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ListKeysCommand } from '@aws-sdk/client-kms';
import { type Terminal, openTerminal } from '../support/aws-cli';
import { type TestCredentials, type TestDaemon, startDaemon } from '../support/daemon';
import { clientOf, sdkRefusal } from '../support/kms';
import { commandFailure, makeService, serviceKey } from '../support/services';
import { checkout, snippet } from '../support/snippets';
import { arnOf, makeUserAllowed } from '../support/sts-client';

/** Each Python takes seconds to start where processors are few. */
jest.setTimeout(120_000);

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.remove());

const list = async () =>
  (await daemon.run('service', 'list'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { Service: string; AccessKeyIds: string[] });

describe('claviger service', () => {
  test('registers a service, which is a principal with access keys', async () => {
    const credentials = await makeService(daemon, 'store.claviger.internal');
    expect(await arnOf(daemon, credentials)).toBe('store.claviger.internal');
    expect(await list()).toEqual([
      {
        Service: 'store.claviger.internal',
        AccountId: daemon.accountId,
        AccessKeyIds: [credentials.accessKeyId],
      },
    ]);
  });

  test('lets a service do nothing that no policy says', async () => {
    const credentials = await makeService(daemon, 'idle.claviger.internal');
    expect(await sdkRefusal(clientOf(daemon, credentials).send(new ListKeysCommand({})))).toEqual({
      code: 'AccessDeniedException',
      message:
        'User: idle.claviger.internal is not authorized to perform: kms:ListKeys on resource: * because no identity-based policy allows the kms:ListKeys action',
      status: 400,
    });
  });

  test('gives it two access keys, and takes them away at once', async () => {
    const name = 'two.claviger.internal';
    const first = await makeService(daemon, name);
    const second = await serviceKey(daemon, name);
    expect(await commandFailure(daemon, 'service', 'create-access-key', name)).toBe(
      `claviger: the service ${name} has 2 access keys already`,
    );
    expect(await arnOf(daemon, first)).toBe(name);
    await daemon.run('service', 'delete-access-key', name, first.accessKeyId);
    await expect(arnOf(daemon, first)).rejects.toMatchObject({ name: 'InvalidClientTokenId' });
    expect(await arnOf(daemon, second)).toBe(name);
    await daemon.run('service', 'delete', name);
    await expect(arnOf(daemon, second)).rejects.toMatchObject({ name: 'InvalidClientTokenId' });
    expect((await list()).map(({ Service }) => Service)).not.toContain(name);
  });

  test.each([
    ['Docs.claviger.internal'],
    ['docs'],
    ['docs.example.org'],
    ['a.b.claviger.internal'],
    ['-a.claviger.internal'],
    ['claviger.internal'],
    ['amazonaws.com'],
    ['a.b.c.amazonaws.com'],
    ['s3.amazonaws.com.'],
  ])('registers nothing called %s', async (name) => {
    expect(await commandFailure(daemon, 'service', 'create', '--', name)).toBe(
      `claviger: "${name}" is no name of a service: it is like docs.claviger.internal, or like s3.amazonaws.com`,
    );
  });

  test('says what is not there, and what is there already', async () => {
    const name = 'once.claviger.internal';
    await daemon.run('service', 'create', name);
    const failures: (readonly [readonly string[], string])[] = [
      [['create', name], `the service ${name} is registered already`],
      [
        ['create', 'once.amazonaws.com'],
        `alias/aws/once is the alias of the service ${name} already`,
      ],
      [
        ['create', '--account', '999999999999', 'other.claviger.internal'],
        'there is no account 999999999999: `claviger account create` makes it',
      ],
      [['create', '--account', 'x', name], '"x" is no account id: it has 12 digits'],
      [
        ['delete', 'none.claviger.internal'],
        'the service none.claviger.internal is not registered',
      ],
      [
        ['create-access-key', 'none.claviger.internal'],
        'the service none.claviger.internal is not registered',
      ],
      [['delete-access-key', name, 'AKIAX'], `the service ${name} has no access key AKIAX`],
    ];
    for (const [args, message] of failures) {
      expect(await commandFailure(daemon, 'service', ...args)).toBe(`claviger: ${message}`);
    }
  });
});

describe('The programs of docs/services.md', () => {
  let terminal: Terminal;
  let alice: TestCredentials;
  let docs: TestCredentials;
  const page = 'docs/services.md';

  beforeAll(async () => {
    terminal = await openTerminal(daemon);
    alice = await makeUserAllowed(daemon, 'alice', 'kms:ListKeys');
    docs = await makeService(daemon, 'docs.claviger.internal');
    for (const file of ['presign.mjs', 'forwarded.mjs', 'forwarded.py']) {
      await writeFile(path.join(terminal.directory, file), snippet(page, file));
    }
    await symlink(
      path.join(checkout, 'node_modules'),
      path.join(terminal.directory, 'node_modules'),
    );
  });
  afterAll(() => terminal.close());

  function environment({ accessKeyId, secretAccessKey }: TestCredentials): NodeJS.ProcessEnv {
    return {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_ENDPOINT_URL: daemon.endpoint,
      AWS_DEFAULT_REGION: daemon.region,
      AWS_REGION: daemon.region,
      ...pythonPath(),
    };
  }

  async function run(command: string, args: string[], who: TestCredentials): Promise<string> {
    const { code, stdout, stderr } = await terminal.run(command, args, environment(who));
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  const node = (program: string, who: TestCredentials, ...args: string[]) =>
    run(process.execPath, ['--input-type=module', '-e', program, ...args], who);
  const python = (program: string, who: TestCredentials, ...args: string[]) =>
    run('python3', ['-c', program, ...args], who);

  test('forward a session in JavaScript', async () => {
    const caller = `import { presignFor } from './presign.mjs'; console.log(await presignFor('docs.claviger.internal'));`;
    const service = `
      import { forwardedCredentials } from './forwarded.mjs';
      console.log(JSON.stringify(await forwardedCredentials(process.argv[1])));`;
    const url = await node(caller, alice);
    const given = JSON.parse(await node(service, docs, url)) as Record<string, string>;
    const { expiration = '', ...credentials } = given;
    expect(Date.parse(expiration)).toBeGreaterThan(Date.now());
    await clientOf(daemon, credentials as unknown as TestCredentials).send(new ListKeysCommand({}));
  });

  test('forward a session in Python', async () => {
    const caller = `import forwarded; print(forwarded.presign_for("docs.claviger.internal"))`;
    const service = `
import sys, json, forwarded
print(json.dumps(forwarded.forwarded_credentials(sys.argv[1])))`;
    const url = await python(caller, alice);
    const given = JSON.parse(await python(service, docs, url)) as Record<string, string>;
    const credentials = {
      accessKeyId: given['aws_access_key_id'] ?? '',
      secretAccessKey: given['aws_secret_access_key'] ?? '',
      sessionToken: given['aws_session_token'] ?? '',
    };
    await clientOf(daemon, credentials).send(new ListKeysCommand({}));
  });
});

/** Where scripts/setup.sh puts the AWS CLI, its modules lie beside it, and only its own wrapper finds them. */
function pythonPath(): NodeJS.ProcessEnv {
  for (const directory of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const modules = path.join(directory, '..', 'modules');
    try {
      accessSync(path.join(modules, 'botocore'));
      return { PYTHONPATH: modules };
    } catch {
      continue;
    }
  }
  return {};
}
