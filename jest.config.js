'use strict';

const { existsSync } = require('node:fs');
const path = require('node:path');

/** The token of scripts/nss, or that of scripts/test-token. */
const isPostQuantum =
  existsSync(path.join(__dirname, '.cache/nss/lib/libsoftokn3.so')) ||
  process.env.CLAVIGER_TEST_TOKEN !== undefined;

/** Tests run on what tsc emitted, so that the code under test is the code that is shipped. */
module.exports = {
  rootDir: 'dist',
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.js'],
  testPathIgnorePatterns: [
    '/node_modules/',
    ...(isPostQuantum ? [] : ['/post-quantum-token\\.test\\.js$']),
  ],
  transform: {},
  // One token and one Postgres for the whole run.
  globalSetup: '<rootDir>/test/support/global-setup.js',
  globalTeardown: '<rootDir>/test/support/global-teardown.js',
  testSequencer: path.join(__dirname, 'scripts/long-tests-first.js'),
  // Longer than `until` waits, which says what it waited for.
  testTimeout: 120_000,
  // Written by every start of scripts/dev in a data directory below the checkout; not ours to watch or run.
  modulePathIgnorePatterns: ['/\\.claviger/', '/\\.cache/'],
};
