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
/** What goes through HTTP: run once more on Apache Kafka and a MongoDB-wire server by test/peer/http-suite.spec.ts. */
const http = [
  '<rootDir>/src/**/*.controller{,s}.spec.ts', '<rootDir>/src/inward/alerts/siem-*.spec.ts', '<rootDir>/src/inward/processor/{processor,alert-decisions}.spec.ts', '<rootDir>/src/outward/intake/cloud-events.spec.ts',
  '<rootDir>/src/outward/integrations/{hostile-bodies,integration-*,engine-documents}.spec.ts', '<rootDir>/src/platform/access/{access,oauth,users}.spec.ts',
];
/**
 * All ways of events, acts and alerts from one end to the other, on the same servers, one spec at a time (`npm run soak:flow` for these alone). Out stay documents-kill, kill and replaced-log, whose
 * subject is the embedded stores (on Kafka: test/peer/{faults,engines,replaced-log}), and mitigation-kill (test/peer/mitigation-kill).
 */
const flow = ['<rootDir>/test/flow/!(documents-kill|kill|replaced-log|mitigation-kill).spec.ts'];
const everything = ['<rootDir>/src/**/*.spec.ts', '<rootDir>/test/{contract,golden,flow,architecture}/**/*.spec.ts'];
const sets = { peer: ['<rootDir>/test/peer/**/*.spec.ts'], http, flow };
export default {
  ...shared,
  globalSetup: '<rootDir>/test/support/build.js',
  testMatch: sets[process.env.TIDEGATE_TEST_SET] ?? everything,
  testSequencer: '<rootDir>/test/support/longest-first.js',
  maxWorkers: process.env.TIDEGATE_TEST_SET === 'flow' ? 1 : 2,
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/**/*.ts', '!src/**/*.spec.ts'],
};
