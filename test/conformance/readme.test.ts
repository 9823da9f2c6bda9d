import { readFileSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeToken } from '../support/api-tokens';
import { type Terminal, openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { checkout, snippetUnder } from '../support/snippets';

/** Each command of the AWS CLI starts a Python, which takes seconds where processors are few. */
jest.setTimeout(120_000);

const block = (language: string): string =>
  snippetUnder('README.md', 'Envelope encryption of a file', language);

/** Bash takes a standard input that is a socket for a remote shell's and reads its start-up files. */
function shellArgs(shell: string): string[] {
  return [...(shell === 'bash' ? ['--norc'] : []), '-euc'];
}

const documented = 'http://127.0.0.1:4599';

describe('The envelope encryption that README.md shows', () => {
  let daemon: TestDaemon;
  let terminal: Terminal;
  beforeEach(async () => {
    daemon = await startDaemon();
    terminal = await openTerminal(daemon);
  });
  afterEach(async () => {
    await terminal.close();
    await daemon.remove();
  });

  const script = (): string => {
    const text = block('sh');
    expect(text.split(documented)).toHaveLength(2);
    return text.replace(documented, daemon.endpoint);
  };
  const read = (name: string): Buffer => readFileSync(path.join(terminal.directory, name));
  /** What another AWS account has left behind in a shell. */
  const leftBehind = {
    AWS_ACCESS_KEY_ID: 'AKIAOTHER',
    AWS_PROFILE: 'work',
    AWS_REGION: 'eu-west-1',
  };

  test.each([
    ['sh', 'an AWS CLI of today', {}],
    // Such a CLI reads neither endpoint_url nor AWS_ENDPOINT_URL; today's is told to do as it did.
    [
      'bash',
      'an AWS CLI that knows no endpoint_url',
      { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' },
    ],
  ])('can be pasted into %s and works with %s', async (shell, _, environment) => {
    const env = { ...leftBehind, ...environment };
    const { code, stdout, stderr } = await terminal.run(
      shell,
      [...shellArgs(shell), script()],
      env,
    );
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'the file is back\n', stderr: '' });
    expect(read('invoice.txt.out')).toEqual(read('invoice.txt'));
    expect(read('invoice.txt.enc').includes('Invoice')).toBe(false);
  });

  test('has a sample for JavaScript that runs after it', async () => {
    const { directory } = terminal;
    await symlink(path.join(checkout, 'node_modules'), path.join(directory, 'node_modules'));
    await writeFile(path.join(directory, 'envelope.mjs'), block('js'));
    const both = `${script()}\n'${process.execPath}' envelope.mjs`;
    const { code, stdout } = await terminal.run('bash', [...shellArgs('bash'), both]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'the file is back\nInvoice 1: 100.00\n' });
  });
});

test('The three lines of HTTP that README.md shows wrap a data key and give it back', async () => {
  const daemon = await startDaemon();
  const terminal = await openTerminal(daemon);
  const { text: token } = await makeToken(daemon);
  const header = path.join(terminal.directory, '.claviger', 'api-token.header');
  await writeFile(header, `Authorization: Bearer ${token}\n`);
  const text = snippetUnder('README.md', 'Three lines of HTTP', 'sh');
  expect(text.split(documented)).toHaveLength(2);
  const shown = text.replace(documented, daemon.endpoint);
  const { code, stdout, stderr } = await terminal.run('sh', [...shellArgs('sh'), shown]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { Plaintext } = JSON.parse(stdout) as { Plaintext: string };
  expect(Buffer.from(Plaintext, 'base64')).toHaveLength(32);
  await terminal.close();
  await daemon.remove();
});
