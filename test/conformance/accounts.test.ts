import { ListKeysCommand } from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { clientOf, createKey } from '../support/kms';
import { commandFailure } from '../support/services';
import { arnOf } from '../support/sts-client';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.remove());

async function keyOf(...args: string[]) {
  const printed = await daemon.run('account', 'create-access-key', ...args);
  const key = JSON.parse(printed) as Record<'AccessKeyId' | 'SecretAccessKey', string>;
  return { accessKeyId: key.AccessKeyId, secretAccessKey: key.SecretAccessKey };
}

describe('claviger account', () => {
  test('makes accounts that a running daemon serves at once, each with its own keys', async () => {
    const id = '444455556666';
    expect(JSON.parse(await daemon.run('account', 'create', id, '--name', 'Team B'))).toEqual({
      AccountId: id,
      Arn: `arn:aws:iam::${id}:root`,
      Name: 'Team B',
    });
    const root = await keyOf('--account', id);
    expect(await arnOf(daemon, root)).toBe(`arn:aws:iam::${id}:root`);
    await createKey(daemon.client());
    expect((await clientOf(daemon, root).send(new ListKeysCommand({}))).Keys).toEqual([]);
    const lines = (await daemon.run('account', 'list')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { AccountId: daemon.accountId, Arn: `arn:aws:iam::${daemon.accountId}:root` },
      { AccountId: id, Arn: `arn:aws:iam::${id}:root`, Name: 'Team B' },
    ]);
  });

  test('makes access keys of the account of the settings unless told which', async () => {
    expect(await arnOf(daemon, await keyOf())).toBe(`arn:aws:iam::${daemon.accountId}:root`);
  });

  test('says what is not there, what is there already, and what cannot be', async () => {
    const failures: (readonly [readonly string[], string])[] = [
      [['create', '123'], '"123" is no account id: it has 12 digits'],
      [['create', daemon.accountId], `the account ${daemon.accountId} is there already`],
      [
        ['create', '777788889999', '--name', 'two\nlines'],
        'the name of an account has 1 to 128 characters, and none that cannot be seen',
      ],
      [
        ['create-access-key', '--account', '777788889999'],
        'there is no account 777788889999: `claviger account create` makes it',
      ],
      [['create-access-key', '--account', ''], '"" is no account id: it has 12 digits'],
    ];
    for (const [args, message] of failures) {
      expect(await commandFailure(daemon, 'account', ...args)).toBe(`claviger: ${message}`);
    }
  });
});
