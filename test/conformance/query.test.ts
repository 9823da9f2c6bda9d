import { type TestDaemon, startDaemon } from '../support/daemon';
import { type Terminal, openTerminal } from '../support/aws-cli';

let daemon: TestDaemon;
let terminal: Terminal;

beforeAll(async () => {
  daemon = await startDaemon();
  terminal = await openTerminal(daemon);
});
afterAll(async () => {
  await terminal.close();
  await daemon.remove();
});

test('aws sts get-caller-identity says who the root of an account is', async () => {
  const { code, stdout, stderr } = await terminal.aws('sts', 'get-caller-identity');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({
    UserId: daemon.accountId,
    Account: daemon.accountId,
    Arn: `arn:aws:iam::${daemon.accountId}:root`,
  });
});
