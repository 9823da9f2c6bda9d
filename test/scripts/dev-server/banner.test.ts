import { execFileSync } from 'node:child_process';
import { banner, quote } from '../../../scripts/dev-server/banner';

test('The lines of the banner are a shell script that sets the files and drops what would go before them', () => {
  const files = { credentials: "/home/o'neill/my data/credentials", config: '/tmp/aws-config' };
  const lines = banner(files, 'http://127.0.0.1:4599').split('\n');
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
  expect(banner({ credentials: '/c', config: '/f' }, 'http://127.0.0.1:1')).toContain(
    '\n  aws kms create-key --endpoint-url http://127.0.0.1:1\n',
  );
});

test.each(['plain', 'a b', "it's", '$HOME', '`id`', '"', '\\', '*', ''])(
  'The shell reads the quoted form of %j as the word itself',
  (word) => {
    const output = execFileSync('sh', ['-c', `printf %s ${quote(word)}`], { encoding: 'utf8' });
    expect(output).toBe(word);
  },
);
