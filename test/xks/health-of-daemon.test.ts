import { once } from 'node:events';
import { type TestDaemon, serve, startDaemon } from '../support/daemon';
import { putTokenBack, takeTokenAway } from '../support/outage';
import { administer } from '../support/postgres';
import { until } from '../support/until';

/** The looks after the token that run in a daemon, as its log has them. */

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.remove());

const message = 'the health of a key manager of the XKS proxy changed';

type Lines = readonly Readonly<Record<string, unknown>>[];
const changes = (log: Lines): Lines => log.filter((line) => line['message'] === message);

test('a token that is there is worth no word; one that goes and comes is told of twice', async () => {
  expect(changes(daemon.log)).toEqual([]);
  await takeTokenAway(daemon);
  await until('it was missed', () => changes(daemon.log).length > 0);
  await putTokenBack(daemon);
  await until('it was found', () => changes(daemon.log).at(-1)?.['health'] === 'ACTIVE');
  expect(changes(daemon.log)[0]).toMatchObject({
    level: 'warn',
    manager: daemon.token.serial,
    health: 'UNAVAILABLE',
    error: expect.stringMatching(/^HsmError: /) as string,
  });
});

test('what is left of an older deployment says what to do, and need not be started again when it is done', async () => {
  await administer(daemon.databaseUrl, `delete from system_key where purpose like 'xks-%'`);
  const older = await serve(daemon.environment);
  try {
    await until('it says so', () => changes(older.log).length > 0);
    expect(changes(older.log)[0]).toMatchObject({
      level: 'warn',
      health: 'UNAVAILABLE',
      error: 'Error: there is no key for xks-health: `claviger init` makes it',
    });
    expect(await daemon.run('init')).toBe('');
    await until('it has found the key', () => changes(older.log).at(-1)?.['health'] === 'ACTIVE');
  } finally {
    older.child.kill('SIGTERM');
    await once(older.child, 'exit');
  }
});
