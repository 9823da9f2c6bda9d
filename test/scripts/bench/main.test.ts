import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { until } from '../../support/until';

const program = path.resolve(__dirname, '..', '..', '..', 'scripts', 'bench', 'main.js');
const brief = ['--seconds', '1', '--rounds', '1', '--workers', '1', '--warm-up', '10'];

let temporary: string;

beforeEach(() => {
  temporary = mkdtempSync(path.join(tmpdir(), 'claviger-bench-test-'));
});

afterEach(() => {
  rmSync(temporary, { recursive: true, force: true });
});

test('A short run measures every operation on both servers and leaves nothing behind', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [program, ...brief, '--connections', '2'],
    { env: { ...process.env, TMPDIR: temporary } },
  );
  const rows = stdout.split('\n').filter((line) => /^\| [A-Z]/.test(line));
  expect(rows.map((row) => row.split(' | ')[0])).toEqual([
    '| Encrypt',
    '| Decrypt',
    '| GenerateDataKey',
  ]);
  for (const row of rows) {
    const [rate, yardstick] = [row.split(' | ')[2], row.split(' | ')[5]].map(Number);
    expect(rate).toBeGreaterThan(0);
    expect(yardstick).toBeGreaterThan(0);
  }
  const proved = Number(/; (\d+) ciphertexts decrypted and compared/.exec(stdout)?.[1]);
  expect(proved).toBeGreaterThanOrEqual(6);
  expect(readdirSync(temporary)).toEqual([]);
}, 120_000);

test('A soak tells the memory of each worker at its start and at its end', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [program, '--workers', '2', '--soak', '500'],
    { env: { ...process.env, TMPDIR: temporary } },
  );
  expect(stdout).toMatch(/^\| 0 \| \| \| \| \d+, \d+ \|$/m);
  expect(stdout).toMatch(/^\| 500 \| Encrypt \| \d+ \| [\d.]+ \| \d+, \d+ \|$/m);
}, 120_000);

test('A run that is interrupted fails and leaves nothing behind', async () => {
  const child = spawn(process.execPath, [program, ...brief, '--seconds', '60'], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const exited = once(child, 'exit');
  await until('the measurement begins', () => printed.includes('| operation |'), 60_000);
  child.kill('SIGTERM');
  expect(await exited).toEqual([1, null]);
  expect(readdirSync(temporary)).toEqual([]);
}, 120_000);
