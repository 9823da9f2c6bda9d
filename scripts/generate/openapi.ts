import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openApiDocument } from '../../src/rest/openapi/document';

/** Writes docs/openapi.json, which `/v1/openapi.json` serves too; with --check compares it. */
const root = join(__dirname, '..', '..', '..');
const file = 'docs/openapi.json';
const text = `${JSON.stringify(openApiDocument(), undefined, 2)}\n`;
const target = join(root, file);

if (process.argv.includes('--check')) {
  if (!existsSync(target) || readFileSync(target, 'utf8') !== text) {
    process.stderr.write(`${file} is not what the code gives: run scripts/generate/openapi\n`);
    process.exitCode = 1;
  }
} else {
  writeFileSync(target, text);
}
