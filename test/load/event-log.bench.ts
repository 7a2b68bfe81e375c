/**
 * What the embedded event log does by itself: durable appends a second in batches of 500 and one record a call in parallel, records read a second, CPU a record, memory.
 * Records are of about 700 octets. A benchmark, not a test: nothing is asserted.
 *   npm run bench:build && node .cache/bench/test/load/event-log.bench.js [records]
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { EventLog, NewRecord } from '../../src/contracts/event-log.js';
import { openTestEventLog } from '../support/embedded-event-log.js';

const RECORDS = Number(process.argv[2] ?? 500_000);
const BATCH = 500;
const PARALLEL = 200;

let made = 0;
function records(count: number): NewRecord[] {
  return Array.from({ length: count }, () => {
    const number = made++;
    return { key: `s-${number % 5000}`, value: Buffer.from(`{"id":"${number.toString().padStart(36, '0')}","message":"${'x'.repeat(640)}"}`) };
  });
}

function resident(): string {
  const status = readFileSync('/proc/self/status', 'utf8');
  const megabytes = (name: string): string => (Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? NaN) / 1024).toFixed(0);
  return process.platform === 'linux' ? `RSS ${megabytes('VmRSS')} MB (own ${megabytes('RssAnon')}, mapped files ${megabytes('RssFile')})` : `RSS ${(process.memoryUsage.rss() / 1_048_576).toFixed(0)} MB`;
}

async function measure(name: string, work: () => Promise<number>): Promise<void> {
  const began = performance.now();
  const cpu = process.cpuUsage();
  const count = await work();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  console.log(`${name.padEnd(44)} ${Math.round(count / seconds).toLocaleString('en').padStart(10)} records/s  ${((user + system) / count).toFixed(2).padStart(7)} us CPU a record  ${resident()}`);
}

async function appendAll(log: EventLog, count: number, batch: number): Promise<void> {
  for (let sent = 0; sent < count; sent += batch) {
    for (const outcome of await log.append(records(batch))) if (outcome.type !== 'appended') throw new Error(outcome.reason);
  }
}

async function readAll(log: EventLog): Promise<number> {
  let count = 0;
  for (const { partition, first, next } of await log.ranges()) {
    const reader = await log.openReader(partition, first, 'bench', { maxBytes: 524_288, maxRecords: 500 });
    for (let position = first; position < next; ) {
      const batch = await reader.next();
      count += batch.records.length;
      position = batch.next;
    }
    await reader.close();
  }
  return count;
}

const fixture = await openTestEventLog({ partitions: 4, retentionBytes: 8_000_000_000, fullBytes: 9_000_000_000, producerKeyMs: 86_400_000 });
const { log } = fixture;
console.log(`${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}`);
await appendAll(log, 5000, BATCH);
await measure(`append, one call of ${BATCH} after the other`, async () => {
  await appendAll(log, RECORDS, BATCH);
  return RECORDS;
});
await measure(`append, 4 calls of ${BATCH} at a time`, async () => {
  await Promise.all([1, 2, 3, 4].map(() => appendAll(log, RECORDS / 4, BATCH)));
  return RECORDS;
});
await measure('append, one record after the other', async () => {
  await appendAll(log, 2000, 1);
  return 2000;
});
await measure(`append, ${PARALLEL} calls of one record at a time`, async () => {
  await Promise.all(Array.from({ length: PARALLEL }, () => appendAll(log, 200, 1)));
  return PARALLEL * 200;
});
await measure(`producer keys, ${BATCH} found and remembered`, async () => {
  for (let call = 0; call < 100; call++) {
    const keys = Array.from({ length: BATCH }, (_, index) => ({ key: `hr\n/hr/events\n0195-${call}-${index}`, contentHash: 'ab'.repeat(32), eventId: `0195-${call}-${index}`, partition: 1, offset: call * BATCH + index }));
    await log.producerKeys.find(keys.map(({ key }) => key));
    await log.producerKeys.remember(keys);
  }
  return 100 * BATCH;
});
await measure('read everything', () => readAll(log));
await measure('read everything again', () => readAll(log));
const reader = await log.openReader(0, (await log.ranges())[0]?.next ?? 0, 'idle');
const cpu = process.cpuUsage();
const idleUntil = performance.now() + 5000;
while (performance.now() < idleUntil) await reader.next();
const { user, system } = process.cpuUsage(cpu);
console.log(`idle with a reader at the end: ${((user + system) / 50_000).toFixed(2)} % of a core`);
await fixture.dispose();
