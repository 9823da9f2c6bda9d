import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  clientFiles,
  parseAccessKey,
  writeClientConfig,
  writeCredentials,
} from '../../../scripts/dev-server/credentials';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'claviger-credentials-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('The access key that init printed is read', () => {
  const output = '{"AccountId":"000000000000","AccessKeyId":"AKIA1","SecretAccessKey":"s/+="}\n';
  expect(parseAccessKey(output)).toEqual({ AccessKeyId: 'AKIA1', SecretAccessKey: 's/+=' });
});

test.each([
  ['nothing', ''],
  ['half an answer', '{"AccessKeyId":"AKIA1","SecretAccessKey":"sec'],
  ['no secret', '{"AccessKeyId":"AKIA1"}'],
  ['a value that would break the file', '{"AccessKeyId":"AKIA1","SecretAccessKey":"a\\n[b]"}'],
  ['no object', 'null'],
])('%s is refused without repeating it', (_, output) => {
  expect(() => parseAccessKey(output)).toThrow(new Error('claviger printed no access key'));
});

test('Credentials are a profile of the AWS format that only their owner can read', () => {
  const { credentials } = clientFiles(directory);
  writeCredentials(credentials, { AccessKeyId: 'AKIA1', SecretAccessKey: 'secret' });
  expect(readFileSync(credentials, 'utf8')).toBe(
    '[default]\naws_access_key_id = AKIA1\naws_secret_access_key = secret\n',
  );
  expect(statSync(credentials).mode & 0o777).toBe(0o600);
});

test('Credentials of another database are set aside, not lost', () => {
  const { credentials } = clientFiles(directory);
  writeCredentials(credentials, { AccessKeyId: 'AKIA1', SecretAccessKey: 'one' });
  writeCredentials(credentials, { AccessKeyId: 'AKIA2', SecretAccessKey: 'two' });
  expect(readFileSync(credentials, 'utf8')).toContain('AKIA2');
  expect(readFileSync(`${credentials}.previous`, 'utf8')).toContain('AKIA1');
  expect(statSync(`${credentials}.previous`).mode & 0o777).toBe(0o600);
});

test('The client configuration names region and endpoint', () => {
  const { config } = clientFiles(directory);
  writeClientConfig(config, { region: 'eu-west-1', url: 'http://127.0.0.1:4599' });
  expect(readFileSync(config, 'utf8')).toBe(
    '[default]\nregion = eu-west-1\noutput = json\nendpoint_url = http://127.0.0.1:4599\n',
  );
});
