import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { v7 as uuidV7 } from 'uuid';
import { machine } from '../load/results.js';
import { openTestMitigation } from '../support/mitigation.js';

/** Full size and a result file: `npm run soak:many-targets`. */
const ACCOUNTS = Number(process.env['TIDEGATE_TEST_TARGETS'] ?? 400);
/** The test's own runtime and the embedded store count, too; what matters is that it does not grow with the targets. */
const MOST_GROWTH_MB = 300;
const LIMIT_MS = Math.max(170_000, ACCOUNTS * 150);

/** Memory of the process itself. The data file of the embedded store is mapped and counts as resident, too, but those pages are the system's cache. */
function ownMb(): number {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  const anonymousKb = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  return Math.round(anonymousKb === undefined ? process.memoryUsage().rss / 2 ** 20 : Number(anonymousKb) / 1024);
}

describe('an alert about a whole application', () => {
  it(`disables each of ${ACCOUNTS} accounts once, with an outcome for each, in bounded memory`, async () => {
    const mitigation = await openTestMitigation({ settings: { processor: { targetsAtOnce: 32, planTargets: Math.min(500, Math.ceil(ACCOUNTS / 5)) }, mitigation: { maxFanOut: ACCOUNTS, accountsPerHour: ACCOUNTS } } });
    const { _id: applicationId } = await mitigation.application('Active Directory');
    for (let from = 0; from < ACCOUNTS; from += 1000) {
      const batch = Array.from({ length: Math.min(1000, ACCOUNTS - from) }, (_, index) => `account-${from + index}`);
      await mitigation.models.accounts.insertMany(batch.map((nativeId) => ({ _id: uuidV7(), applicationId, nativeId, nativeIdKey: nativeId, searchKey: nativeId })));
    }
    const id = await mitigation.post({ type: 'application/accounts' });
    const about = machine();
    const before = ownMb();
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, ownMb())), 100);
    const begun = performance.now();
    await mitigation.process();
    const seconds = (performance.now() - begun) / 1000;
    clearInterval(watch);
    expect(await mitigation.alert(id)).toMatchObject({ state: 'succeeded', targets: { planned: ACCOUNTS, done: ACCOUNTS, failed: 0, notConfirmed: 0 } });
    expect(await mitigation.targets.countDocuments({ alertId: id, state: 'done' })).toBe(ACCOUNTS);
    // Once each: one change counts one version.
    expect(await mitigation.models.accounts.countDocuments({ disabled: true, version: 2 })).toBe(ACCOUNTS);
    expect(most - before).toBeLessThan(MOST_GROWTH_MB);
    const result = { name: 'many-targets', machine: about, targets: ACCOUNTS, seconds: Math.round(seconds), targetsPerSecond: Math.round(ACCOUNTS / seconds), ownBeforeMb: before, mostOwnMb: most, residentAtEndMb: Math.round(process.memoryUsage().rss / 2 ** 20) };
    console.log(JSON.stringify(result));
    const file = process.env['TIDEGATE_TEST_RESULT_FILE'];
    if (file !== undefined) {
      mkdirSync(join('test', 'soak', 'results'), { recursive: true });
      writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
    }
    await mitigation.close();
  }, LIMIT_MS + 60_000);
});
