import { XksCaller } from '../support/xks-client';
import { type XksTarget, issueCredential, startTarget } from '../support/xks-target';

let target: XksTarget;
const callers: XksCaller[] = [];
beforeAll(async () => {
  target = await startTarget({ CLAVIGER_WORKERS: '2' });
});
afterAll(async () => {
  for (const caller of callers) caller.close();
  await target.remove();
});

const nobody = { accessKeyId: 'A'.repeat(26), secret: 'x'.repeat(48) };

function callerOf(prefix: string, credential = nobody): XksCaller {
  const caller = new XksCaller(target, prefix, credential);
  callers.push(caller);
  return caller;
}

const requestMetadata = {
  ...{ kmsRequestId: 'a request', kmsOperation: 'CreateKey' },
  awsPrincipalArn: 'arn:aws:iam::123456789012:user/Alice',
};

/**
 * What every worker answers: as many requests at once have a connection each, and the workers take connections in turn.
 * The second time they answer from what they know.
 */
async function everywhere(caller: XksCaller, tail = 'keys/a/metadata'): Promise<string[]> {
  const seen = new Set<string>();
  for (let round = 0; round < 2; round += 1) {
    const replies = await Promise.all(
      Array.from({ length: 8 }, () => caller.call(tail, { requestMetadata })),
    );
    for (const { status, text } of replies) seen.add(`${status} ${outcomeOf(text)}`);
  }
  return [...seen];
}

function outcomeOf(text: string): string {
  const { errorName, keyStatus } = JSON.parse(text) as Record<string, string | undefined>;
  return errorName ?? keyStatus ?? 'ok';
}

const [noPath, noKey, noAccess] = [
  ['404 InvalidUriPathException'],
  ['404 KeyNotFoundException'],
  ['401 AuthenticationFailedException'],
];
const enabled = ['200 ENABLED'];

test('What a command did, every worker of a running daemon knows when it ends', async () => {
  const stranger = callerOf('/live');
  expect(await everywhere(stranger)).toEqual(noPath);
  await target.run('store', 'create', '/live');
  expect(await everywhere(stranger)).toEqual(noAccess);

  const first = callerOf('/live', await issueCredential(target, '/live'));
  expect(await everywhere(first)).toEqual(noKey);
  await target.run('key', 'create', '/live', 'a');
  expect(await everywhere(first)).toEqual(enabled);

  const second = callerOf('/live', await issueCredential(target, '/live'));
  expect(await everywhere(second)).toEqual(enabled);
  for (const [command, expected] of [
    ['disable', noAccess],
    ['enable', enabled],
    ['delete', noAccess],
  ] as const) {
    await target.run('credential', command, '/live', first.credential.accessKeyId);
    expect(await everywhere(first)).toEqual(expected);
    expect(await everywhere(second)).toEqual(enabled);
  }

  for (const [command, expected] of [
    ['disable', ['200 DISABLED']],
    ['enable', enabled],
    ['delete', noKey],
  ] as const) {
    await target.run('key', command, '/live', 'a');
    expect(await everywhere(second)).toEqual(expected);
  }
  await target.run('store', 'disable', '/live');
  expect(await everywhere(second)).toEqual(['400 InvalidStateException']);
  await target.run('store', 'delete', '/live');
  expect(await everywhere(second)).toEqual(noPath);
});

test('A store is of the Region that it was given last', async () => {
  await target.run('store', 'create', '/moved');
  const caller = callerOf('/moved', await issueCredential(target, '/moved'));
  expect(await everywhere(caller, 'health')).toEqual(['200 ok']);
  await target.run('store', 'update', '/moved', '--region', 'eu-west-1');
  expect(await everywhere(caller, 'health')).toEqual(noAccess);
  const there = new XksCaller({ ...target, region: 'eu-west-1' }, '/moved', caller.credential);
  callers.push(there);
  expect(await everywhere(there, 'health')).toEqual(['200 ok']);
});

test('Neither keys nor credentials of one store are of use in another', async () => {
  for (const prefix of ['/left', '/left/right']) await target.run('store', 'create', prefix);
  await target.run('key', 'create', '/left', 'a');
  const [left, right] = [
    callerOf('/left', await issueCredential(target, '/left')),
    callerOf('/left/right', await issueCredential(target, '/left/right')),
  ];
  expect(await everywhere(left)).toEqual(enabled);
  expect(await everywhere(right)).toEqual(noKey);
  expect(await everywhere(callerOf('/left', right.credential))).toEqual(noAccess);
  expect(await everywhere(callerOf('/left/right', left.credential))).toEqual(noAccess);
});

test('Each worker was told of each change', () => {
  const late = target.daemon?.log.filter(({ message }) => String(message).includes('acknowledged'));
  expect(late).toEqual([]);
});
