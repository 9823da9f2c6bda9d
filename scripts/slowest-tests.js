'use strict';
// Prints the ten slowest test files of a jest run with their seconds. Plain JavaScript, as count-tests.js.
const { readFileSync } = require('node:fs');
const path = require('node:path');

const results = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const slowest = results.testResults
  .map(({ name, startTime, endTime }) => ({ name, seconds: (endTime - startTime) / 1000 }))
  .sort((one, other) => other.seconds - one.seconds)
  .slice(0, 10);
process.stdout.write('The slowest test files, in seconds:\n');
for (const { name, seconds } of slowest) {
  const file = path.relative(path.join(process.cwd(), 'dist'), name);
  process.stdout.write(`${seconds.toFixed(1).padStart(7)}  ${file}\n`);
}
