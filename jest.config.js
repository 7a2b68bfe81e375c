import { readFileSync } from 'node:fs';

/** `npm test` needs npm alone; tests that need a real peer live in test/peer and run by `npm run test:peer`. */
const { exclude: _specsAreNotBuilt, ...swc } = JSON.parse(readFileSync(new URL('.swcrc', import.meta.url), 'utf8'));
const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': ['@swc/jest', { ...swc, swcrc: false }] },
  testTimeout: 30_000,
};
const peers = process.env.TIDEGATE_TEST_SET === 'peer';
export default {
  ...shared,
  globalSetup: '<rootDir>/test/support/build.js',
  testMatch: peers ? ['<rootDir>/test/peer/**/*.spec.ts'] : ['<rootDir>/src/**/*.spec.ts', '<rootDir>/test/{contract,golden,flow,architecture}/**/*.spec.ts'],
  maxWorkers: peers ? 1 : 2,
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/**/*.ts', '!src/**/*.spec.ts'],
};
