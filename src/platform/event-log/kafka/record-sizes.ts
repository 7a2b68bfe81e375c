import type { LogRecords, PartitionRange, PartitionReader, ReadOptions } from '../../../contracts/event-log.js';
import { packed } from './gzip-codec.js';

/** So many of the newest records of a partition say how large they are. */
const SAMPLE_RECORDS = 200;
const SAMPLE_MS = 10_000;
const KEPT_MS = 600_000;
const TRIED_AGAIN_MS = 60_000;
/** What a record takes in a batch beside key, value and headers, with its share of the batch's own head. */
const OVERHEAD_BYTES = 24;

type OpenReader = (partition: number, from: number, label: string, options: ReadOptions) => Promise<PartitionReader>;

/** About how many bytes a record takes on the brokers, by partition: kafkajs cannot ask them how large a partition is. */
export class RecordSizes {
  private readonly known = new Map<number, number>();
  private readonly dueAt = new Map<number, number>();

  constructor(private readonly openReader: OpenReader) {}

  /** Where no sample can be had, what was known before holds. Never throws. */
  async of(ranges: readonly PartitionRange[], inGzip: boolean): Promise<ReadonlyMap<number, number>> {
    for (const range of ranges) {
      const { partition } = range;
      if (performance.now() < (this.dueAt.get(partition) ?? 0)) continue;
      const bytes = range.next <= range.first ? undefined : await this.sample(range, inGzip).catch(() => undefined);
      if (bytes !== undefined) this.known.set(partition, bytes);
      if (range.next > range.first) this.dueAt.set(partition, performance.now() + (bytes === undefined ? TRIED_AGAIN_MS : KEPT_MS));
    }
    return new Map(this.known);
  }

  private async sample({ partition, first, next }: PartitionRange, inGzip: boolean): Promise<number | undefined> {
    const reader = await this.openReader(partition, Math.max(first, next - SAMPLE_RECORDS), 'size', { maxRecords: SAMPLE_RECORDS, maxWaitMs: 500 });
    try {
      for (const end = performance.now() + SAMPLE_MS; performance.now() < end; ) {
        const { records } = await reader.next();
        if (records.length > 0) return sizeOf(records, inGzip) / records.length;
      }
      return undefined;
    } finally {
      await reader.close();
    }
  }
}

function sizeOf(records: LogRecords, inGzip: boolean): number {
  const octets = [...records].flatMap(({ key, value, headers }) => [Buffer.from(key), value, Buffer.from(Object.entries(headers ?? {}).flat().join(''))]);
  const whole = Buffer.concat(octets);
  return (inGzip ? packed(whole) : whole).byteLength + OVERHEAD_BYTES * (inGzip ? 1 : records.length);
}
