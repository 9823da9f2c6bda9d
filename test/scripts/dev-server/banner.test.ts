import { execFileSync } from 'node:child_process';
import { type Addresses, banner, quote } from '../../../scripts/dev-server/banner';

const someFiles = { credentials: '/c', config: '/f' };
const at = (url: string): Addresses => ({
  ...{ url, tokenHeader: undefined, xksUrl: undefined, caFile: undefined },
});

test('The lines of the banner are a shell script that sets the files and drops what would go before them', () => {
  const files = { credentials: "/home/o'neill/my data/credentials", config: '/tmp/aws-config' };
  const lines = banner(files, at('http://127.0.0.1:4599')).split('\n');
  const script = lines.filter((line) => /^ {2}(unset|export) /.test(line)).join('\n');
  const output = execFileSync(
    'sh',
    [
      '-euc',
      `${script}\nprintf '%s|' "$AWS_SHARED_CREDENTIALS_FILE" "$AWS_CONFIG_FILE" "\${AWS_PROFILE-none}"`,
    ],
    {
      env: { PATH: process.env['PATH'], AWS_PROFILE: 'work', AWS_CONFIG_FILE: '/elsewhere' },
      encoding: 'utf8',
    },
  );
  expect(output).toBe(`${files.credentials}|${files.config}|none|`);
});

test('The command names the endpoint itself, for an AWS CLI that reads none from its configuration', () => {
  expect(banner(someFiles, at('http://127.0.0.1:1'))).toContain(
    '\n  aws kms create-key --endpoint-url http://127.0.0.1:1\n',
  );
});

test('The REST API is asked by a command that has the token in no argument, where there is one', () => {
  const withToken = { ...at('http://127.0.0.1:1'), tokenHeader: '/my data/api-token.header' };
  expect(banner(someFiles, withToken)).toContain(
    "\n  curl -H '@/my data/api-token.header' http://127.0.0.1:1/v1/keys\n",
  );
  expect(banner(someFiles, at('http://127.0.0.1:1'))).not.toContain('/v1');
});

test('The XKS proxy is pinged by a command that believes our own authority, where it vouches', () => {
  const xks = { ...at('http://127.0.0.1:1'), xksUrl: 'https://127.0.0.1:2' };
  const files = { ...xks, caFile: '/my data/ca.crt' };
  expect(banner(someFiles, files)).toContain(
    "\n  curl --cacert '/my data/ca.crt' https://127.0.0.1:2/ping\n",
  );
  expect(banner(someFiles, xks)).toContain('\n  curl https://127.0.0.1:2/ping\n');
  expect(banner(someFiles, at('http://127.0.0.1:1'))).not.toContain('XKS');
});

test.each(['plain', 'a b', "it's", '$HOME', '`id`', '"', '\\', '*', ''])(
  'The shell reads the quoted form of %j as the word itself',
  (word) => {
    const output = execFileSync('sh', ['-c', `printf %s ${quote(word)}`], { encoding: 'utf8' });
    expect(output).toBe(word);
  },
);
