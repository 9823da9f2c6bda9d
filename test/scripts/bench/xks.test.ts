import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const program = path.resolve(__dirname, '../../../scripts/bench/xks-proxy/main.js');

let temporary: string;

beforeEach(() => {
  temporary = mkdtempSync(path.join(tmpdir(), 'claviger-bench-test-'));
});

afterEach(() => {
  rmSync(temporary, { recursive: true, force: true });
});

test('A quick run measures encryption and decryption over TLS in both loops, and leaves nothing behind', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [program, '--quick'], {
    env: { ...process.env, TMPDIR: temporary },
  });
  const rows = stdout.split('\n').filter((line) => /^\| (En|De)crypt/.test(line));
  const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()));
  expect(cells.map((row) => row.slice(1, 4).join(' of '))).toEqual(
    ['4 connections', '20/s'].flatMap((load) =>
      ['Encrypt', 'Encrypt CDIV', 'Decrypt'].flatMap((operation) =>
        [1, 20].map((keys) => `${operation} of ${keys} of ${load}`),
      ),
    ),
  );
  for (const row of cells) expect(Number(row[4])).toBeGreaterThan(0);
  expect(stdout).toMatch(
    /^- \d+ requests, every answer a 200; (?:1[2-9]|[2-9]\d) answers proved\.$/m,
  );
  expect(readdirSync(temporary)).toEqual([]);
}, 180_000);
