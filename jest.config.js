'use strict';

/** Tests run on what tsc emitted, so that the code under test is the code that is shipped. */
module.exports = {
  rootDir: 'dist',
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.js'],
  transform: {},
  // One token and one Postgres for the whole run.
  globalSetup: '<rootDir>/test/support/global-setup.js',
  globalTeardown: '<rootDir>/test/support/global-teardown.js',
  // Longer than `until` waits, which says what it waited for.
  testTimeout: 120_000,
  // Written by every start of scripts/dev in a data directory below the checkout; not ours to watch or run.
  modulePathIgnorePatterns: ['/\\.claviger/', '/\\.cache/'],
};
