import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const program = path.resolve(__dirname, '../../../scripts/bench/key-uses/main.js');

let temporary: string;

beforeEach(() => {
  temporary = mkdtempSync(path.join(tmpdir(), 'claviger-bench-test-'));
});

afterEach(() => {
  rmSync(temporary, { recursive: true, force: true });
});

test('A short run measures uses of keys beside the token alone, and Encrypt beside pairs, and leaves nothing behind', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      ...[program, '--seconds', '1', '--rounds', '1', '--workers', '1', '--warm-up', '10'],
      ...['--uses', 'Sign ECC_NIST_P256,GenerateMac HMAC_256'],
      ...['--encrypt-connections', '2', '--pair-connections', '1', '--pair', 'RSA_2048'],
    ],
    { env: { ...process.env, TMPDIR: temporary } },
  );
  const rows = stdout.split('\n').filter((line) => /^\| [A-Z0-9]/.test(line));
  expect(rows.map((row) => row.split(' | ')[0])).toEqual([
    '| Sign ECC_NIST_P256',
    '| GenerateMac HMAC_256',
    '| 2',
  ]);
  for (const row of rows) {
    const numbers = row.split(' | ').slice(1, -1).map(Number);
    expect(numbers.every((number) => number >= 0)).toBe(true);
  }
  expect(stdout).toMatch(/verified by the daemon again: Sign ECC_NIST_P256 \d+, GenerateMac/);
  expect(readdirSync(temporary)).toEqual([]);
}, 120_000);
