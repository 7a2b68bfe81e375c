import type { LogRecord } from '../../src/contracts/event-log.js';
import { OpenFetch, type Fetched } from '../../src/platform/event-log/kafka/read-batch.js';
import { RecordRun } from '../../src/platform/event-log/kafka/record-run.js';

/** All records of what was fetched. @throws as `OpenFetch.of` */
export function fetchedRecords(partition: number, fetched: Fetched, keys: readonly Buffer[]): LogRecord[] {
  const open = OpenFetch.of(partition, fetched, keys);
  const run = new RecordRun(partition, Math.max(1, open.left));
  open.giveTo(run, Infinity);
  return [...run];
}
