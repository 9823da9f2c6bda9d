import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { keepMemoryOutOfCoreDumps } from '../src/core-dumps';

const run = promisify(execFile);

/** Its own answer, its own filter, and that of a process which it started. */
const program = `
  const { keepMemoryOutOfCoreDumps } = require(process.argv[1]);
  const { execFileSync } = require('node:child_process');
  const { readFileSync } = require('node:fs');
  const filter = '/proc/self/coredump_filter';
  const done = keepMemoryOutOfCoreDumps();
  const own = readFileSync(filter, 'utf8');
  const child = execFileSync('cat', [filter]).toString();
  console.log(JSON.stringify([done, own.trim(), child.trim()]));
`;

test('a process and those it starts dump no memory', async () => {
  const file = join(__dirname, '..', 'src', 'core-dumps.js');
  const { stdout } = await run(process.execPath, ['-e', program, file]);
  expect(JSON.parse(stdout)).toEqual([true, '00000000', '00000000']);
});

test('a system that has no such filter is told, and gets none', () => {
  const filter = join(__dirname, 'no', 'filter');
  expect(keepMemoryOutOfCoreDumps(filter)).toBe(false);
  expect(keepMemoryOutOfCoreDumps(join(__dirname, 'filter'))).toBe(false);
  expect(existsSync(join(__dirname, 'filter'))).toBe(false);
});
