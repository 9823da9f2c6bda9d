'use strict';
// The order of jest's test files. On a checkout where they never ran it knows no times and begins with the largest; a long
// one that comes last then keeps one worker busy while the others have nothing to do.
const path = require('node:path');
// Comes with jest.
const { default: Sequencer } = require('@jest/test-sequencer');

/** Below test/, the longest first; `scripts/test` prints them. */
const long = [
  'faults/revocation-everywhere',
  'faults/reload',
  'faults/every-step-of-imports',
  'faults/workers',
  'faults/concurrency',
  'faults/every-step',
  'faults/health',
  'conformance/sign',
  'faults/rotation',
  'hsm/hosted/recovery',
  'conformance/first-hour',
  'conformance/services',
  'cli/xks-key',
  'cli/wrapping-key',
  'faults/stopping',
  'conformance/states',
  'conformance/aws-cli',
  'hsm/key-uses',
  'faults/orphans',
  'faults/encryption-counts',
  'cli/second-site',
  'faults/rotation-by-many',
  'faults/expiry',
  'scripts/bench/main',
  'proof/served-vectors',
  'faults/deletion',
  'keys/import-parameters',
  'conformance/iam-cli',
  'proof/openssl-secrets',
  'scripts/dev-server/main',
  'faults/revocation',
  'policy/differential',
  'faults/postgres',
];
const places = new Map(
  long.map((name, place) => [path.join(__dirname, '..', 'dist', 'test', `${name}.test.js`), place]),
);
const placeOf = (test) => places.get(test.path) ?? long.length;

module.exports = class LongTestsFirst extends Sequencer {
  sort(tests) {
    return [...super.sort(tests)].sort((one, other) => placeOf(one) - placeOf(other));
  }
};
