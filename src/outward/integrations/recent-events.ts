import type { EventLog, LogRecord, PartitionRange } from '../../contracts/event-log.js';
import type { AuditEvent } from '../../model/audit-event.js';
import { sequenceOf } from '../../model/audit-event.js';
import { EventBatch, type ForeignReader } from '../delivery/event-batch.js';
import { LONGEST_JOIN_MS } from '../delivery/first-batch.js';

export interface RecentEvent {
  event: AuditEvent;
  sequence: string;
}

export interface RecentEvents {
  /** Oldest first. */
  events: RecentEvent[];
  /** When the oldest of them was appended, in milliseconds since 1970; null without any. */
  since: number | null;
  /** How many came each second, from the time that they span in each partition. */
  perSecond: number;
  /** Records that are no events. */
  unreadable: number;
  /** Why there are fewer than were asked for though the log holds more. */
  stoppedBy: 'time' | 'memory' | null;
}

export interface RecentLimits {
  count: number;
  bytes: number;
  /** For reading, from the first record on: before it a reader of Kafka joins a group, which takes its time. */
  ms: number;
  now: number;
  readForeign: ForeignReader;
}

/** The last events of the log, each partition with its share, within bounds of bytes and time. Reads beside the engines and disturbs no cursor. */
export async function recentEvents(log: Pick<EventLog, 'ranges' | 'openReader'>, limits: RecentLimits): Promise<RecentEvents> {
  const ranges = (await log.ranges()).filter(({ first, next }) => next > first);
  const shares = sharesOf(ranges, limits.count);
  const found: Array<RecentEvent & { timestamp: number }> = [];
  let [bytes, unreadable, perSecond] = [0, 0, 0];
  let stoppedBy: RecentEvents['stoppedBy'] = null;
  let until = performance.now() + LONGEST_JOIN_MS;
  let began = false;
  const parts = ranges.flatMap(({ partition, next }) => ((shares.get(partition) ?? 0) === 0 ? [] : [{ partition, next, start: next - (shares.get(partition) ?? 0) }]));
  // All at once: they share what reading costs before the first record.
  const readers = await Promise.all(parts.map(({ partition, start }) => log.openReader(partition, start, 'preview', { maxRecords: 200, maxBytes: 262_144, maxWaitMs: 100 })));
  try {
    for (const [index, { partition, next, start }] of parts.entries()) {
      const reader = readers[index];
      if (!reader || stoppedBy !== null) break;
      let [count, oldest, at] = [0, limits.now, start];
      while (at < next && stoppedBy === null) {
        if (performance.now() > until) {
          stoppedBy = 'time';
          break;
        }
        const batch = await reader.next();
        if (batch.records.length > 0 && !began) {
          began = true;
          until = performance.now() + limits.ms;
        }
        const records = [...batch.records].filter(({ offset }) => offset < next);
        const parsed = EventBatch.parse({ ...batch, records }, limits.readForeign);
        unreadable += parsed.unreadable.length;
        const times = new Map(records.map((record: LogRecord) => [record.offset, record.timestamp]));
        parsed.events().forEach((event, index) => {
          const offset = parsed.offsets[index] ?? 0;
          found.push({ event, sequence: sequenceOf(partition, offset), timestamp: times.get(offset) ?? limits.now });
        });
        count += records.length;
        oldest = Math.min(oldest, records[0]?.timestamp ?? oldest);
        bytes += parsed.octets;
        at = batch.next;
        if (bytes > limits.bytes) stoppedBy = 'memory';
      }
      perSecond += count / Math.max(1, (limits.now - oldest) / 1000);
    }
  } finally {
    await Promise.all(readers.map((reader) => reader.close()));
  }
  found.sort((a, b) => a.timestamp - b.timestamp);
  return { events: found.map(({ event, sequence }) => ({ event, sequence })), since: found[0]?.timestamp ?? null, perSecond, unreadable, stoppedBy };
}

/** The same for each partition, as far as it has so many; what one lacks the others give. */
function sharesOf(ranges: readonly PartitionRange[], count: number): Map<number, number> {
  const shares = new Map<number, number>();
  let [left, partitions] = [count, ranges.length];
  for (const { partition, first, next } of [...ranges].sort((a, b) => a.next - a.first - (b.next - b.first))) {
    const share = Math.min(next - first, Math.ceil(left / partitions));
    shares.set(partition, share);
    left -= share;
    partitions -= 1;
  }
  return shares;
}
