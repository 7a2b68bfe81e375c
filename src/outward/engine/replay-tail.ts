import type { EventLog } from '../../contracts/event-log.js';

/** So long nothing comes before that is taken as more than a pause. */
const QUIET_MS = 2000;
/** A reader that gives nothing at all proves nothing: then the rest counts as missing. */
const LONGEST_MS = 60_000;
/** A fresh reader begins so far back, so that it has something to give. */
const BACK = 100;

/** wait = read on; reopen = with a fresh reader; proven = the rest of the range holds no record; unproven = none of it can be read. */
export type Silence = 'wait' | 'reopen' | 'proven' | 'unproven';

/**
 * Tells whether the rest of a range holds no record. On Kafka its last position may be the mark of a transaction, which no reader ever gets: nothing comes then, as when the log is slow. It is
 * believed when a fresh reader gives what lies before and after that nothing, while the log says that it reaches beyond.
 */
export class ReplayTail {
  private since: number | undefined;
  private fresh = false;
  private heardAt: number | undefined;
  private first = 0;

  constructor(private readonly partition: number, private readonly end: number, private readonly eventLog: Pick<EventLog, 'ranges'>) {}

  /** Where a reader begins that is to go on at the position. */
  from(position: number): number {
    return this.fresh ? Math.min(position, Math.max(this.first, position - BACK)) : position;
  }

  /** Something came. */
  moved(): void {
    this.since = undefined;
    this.fresh = false;
    this.heardAt = undefined;
  }

  /** Nothing came from the position on. @param heard something before it did @throws when the log does not answer */
  async silent(heard: boolean, position: number): Promise<Silence> {
    const now = performance.now();
    this.since ??= now;
    if (heard && this.fresh) this.heardAt = now;
    if (!this.fresh && now - this.since < QUIET_MS) return 'wait';
    const quiet = this.heardAt !== undefined && now - this.heardAt >= QUIET_MS;
    if (this.fresh && !quiet && now - this.since < LONGEST_MS) return 'wait';
    const range = (await this.eventLog.ranges()).find(({ partition }) => partition === this.partition);
    // Where the log ends before, it is another one: whoever runs the replay looks for that.
    if (!range || range.next < this.end) return 'wait';
    if (this.fresh) return quiet ? 'proven' : 'unproven';
    this.fresh = true;
    this.first = Math.min(position, range.first);
    return 'reopen';
  }
}
