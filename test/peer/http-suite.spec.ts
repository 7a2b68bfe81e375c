import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startKafka, type TestKafka } from '../support/kafka.js';
import { secantusExecutable, startSecantus, type Secantus } from '../support/secantus.js';
import { stackMissing } from '../support/stack.js';

interface Report {
  numPassedTests: number;
  numPendingTests: number;
  numTotalTestSuites: number;
  testResults: Array<{ name: string; message: string; status: string; assertionResults: Array<{ fullName: string; status: string; failureMessages: string[] }> }>;
}

const missing = await stackMissing();
const LIMIT_MS = 1_500_000;
/** One of them alone: `npm run soak:flow`. */
const ONLY = process.env['TIDEGATE_TEST_ENGINES_SET'];
const SETS = [
  { set: 'http', what: 'the HTTP tests', leastTests: 300 },
  { set: 'flow', what: 'the flow tests', leastTests: 50 },
].filter(({ set }) => ONLY === undefined || set === ONLY);

(missing === undefined ? describe : describe.skip)('on Apache Kafka and a MongoDB-wire server', () => {
  let kafka: TestKafka;
  let documents: Secantus;
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tidegate-http-suite-'));
    documents = await startSecantus(await secantusExecutable(), 'replica-set');
    kafka = await startKafka(1);
  }, 240_000);
  afterAll(async () => {
    await kafka?.stop();
    await documents?.stop();
    rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  it.each(SETS)('$what pass as they do on the embedded stores, and nothing is skipped', async ({ set, leastTests }) => {
    const outputFile = join(directory, 'report.json');
    const environment = { ...process.env, TIDEGATE_TEST_SET: set, TIDEGATE_TEST_PREBUILT: '1', TIDEGATE_TEST_INNER_RUN: '1', TIDEGATE_TEST_KAFKA_BROKERS: kafka.brokers.join(','), TIDEGATE_TEST_MONGODB_URI: documents.uri };
    const output = await new Promise<string>((done) => {
      const options = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', resolve('node_modules/jest/bin/jest.js'), '--forceExit', '--testTimeout=90000', '--json', `--outputFile=${outputFile}`];
      execFile(process.execPath, options, { env: environment, timeout: LIMIT_MS - 30_000, maxBuffer: 268_435_456 }, (_error, _stdout, stderr) => done(stderr));
    });
    let report: Report;
    try {
      report = JSON.parse(readFileSync(outputFile, 'utf8')) as Report;
    } catch {
      throw new Error(`the suite gave no report: ${output.slice(-4000)}`);
    }
    const failed = report.testResults.flatMap(({ name, message, status, assertionResults }) => {
      const tests = assertionResults.filter((test) => test.status === 'failed').map(({ fullName, failureMessages }) => `${fullName}: ${(failureMessages[0] ?? '').slice(0, 600)}`);
      return tests.length > 0 || status !== 'failed' ? tests : [`${name}: ${message.slice(0, 600)}`];
    });
    console.log(`${set}: ${report.numPassedTests} tests of ${report.numTotalTestSuites} files passed on Kafka and SecantusDB, ${failed.length} failed, ${report.numPendingTests} skipped`);
    expect(failed).toEqual([]);
    expect(report.numPendingTests).toBe(0);
    expect(report.numPassedTests).toBeGreaterThan(leastTests);
  }, LIMIT_MS);
});
