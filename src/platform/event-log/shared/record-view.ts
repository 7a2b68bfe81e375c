import type { LogRecord } from '../../../contracts/event-log.js';

/** A record that lies in larger octets: its key becomes a text, and its value a view, when somebody asks for them. */
export class RecordView implements LogRecord {
  headers?: Record<string, string>;
  external?: boolean;

  /** Where `keyEnd` is less than `keyAt` there is no key, and likewise for the value: both count as empty. */
  constructor(
    readonly partition: number,
    readonly offset: number,
    readonly timestamp: number,
    readonly source: Buffer,
    private readonly keyAt: number,
    private readonly keyEnd: number,
    readonly valueAt: number,
    readonly valueEnd: number,
  ) {}

  get key(): string {
    return this.keyEnd <= this.keyAt ? '' : this.source.toString('utf8', this.keyAt, this.keyEnd);
  }

  get value(): Buffer {
    return this.source.subarray(this.valueAt, Math.max(this.valueAt, this.valueEnd));
  }
}
