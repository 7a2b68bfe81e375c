import type { EventLog, LogBatch, ReadOptions } from '../../contracts/event-log.js';

/** A reader of Kafka joins a group before it gives a record: that takes its time, and until then its batches are empty. */
export const LONGEST_JOIN_MS = 15_000;

/** What the log holds from a position on, read once by a reader of its own; undefined when nothing came in time. @throws when the log does not answer */
export async function firstBatch(log: Pick<EventLog, 'openReader'>, partition: number, from: number, label: string, options: ReadOptions): Promise<LogBatch | undefined> {
  const reader = await log.openReader(partition, from, label, options);
  try {
    for (const giveUpAt = performance.now() + LONGEST_JOIN_MS; performance.now() < giveUpAt; ) {
      const batch = await reader.next();
      if (batch.records.length > 0) return batch;
    }
    return undefined;
  } finally {
    await reader.close();
  }
}
