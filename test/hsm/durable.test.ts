import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changedFiles, flushChanged } from '../../hsm/durable';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'claviger-durable-'));
  await mkdir(join(home, 'token'));
});

afterEach(() => rm(home, { recursive: true }));

test('what changed since is found, what is older is not', async () => {
  const [old, fresh] = [join(home, 'token', 'old'), join(home, 'token', 'fresh')];
  const since = Date.now();
  await writeFile(old, 'x');
  await writeFile(fresh, 'x');
  await utimes(old, new Date(0), new Date(0));
  expect(changedFiles(home, since)).toEqual([fresh]);
});

test('flushing passes over a file that vanished and fails for a directory that is not there', async () => {
  await writeFile(join(home, 'token', 'key'), 'x');
  await symlink(join(home, 'nowhere'), join(home, 'token', 'dangling'));
  expect(() => flushChanged(home, Date.now())).not.toThrow();
  expect(() => flushChanged(join(home, 'nowhere'), Date.now())).toThrow('ENOENT');
});
