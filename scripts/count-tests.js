'use strict';
// Prints `<passed> <failed>` of a jest run. Plain JavaScript: it must also run when the sources do not compile.
const { readFileSync } = require('node:fs');

const [file, exitCode] = process.argv.slice(2);
const results = JSON.parse(readFileSync(file, 'utf8'));
// A suite that does not load has no tests that could fail.
let failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
if (failed === 0 && (exitCode !== '0' || results.numPassedTests === 0)) failed = 1;
process.stdout.write(`${results.numPassedTests} ${failed}\n`);
