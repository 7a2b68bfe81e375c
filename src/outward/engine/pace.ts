import { performance } from 'node:perf_hooks';

/** What was longer ago (of the time in which there was something to send) hardly counts. */
const MEMORY_MS = 3000;
/** Before so long nothing is known: a receiver may pause for a moment. */
const KNOWN_AFTER_MS = 1000;

/** How fast a lane gets its octets on their way while it has some: a mean of the last seconds, octets a millisecond. */
export class Pace {
  private bytes = 0;
  private ms = 0;
  /** performance.now() since when the piece at hand takes; undefined while there is nothing to send. */
  private since: number | undefined;

  /** There is something to send. */
  begin(): void {
    this.since ??= performance.now();
  }

  /** A piece is on its way. */
  passed(bytes: number): void {
    const now = performance.now();
    const took = now - (this.since ?? now);
    const keep = Math.exp(-took / MEMORY_MS);
    this.bytes = this.bytes * keep + bytes;
    this.ms = this.ms * keep + took;
    this.since = now;
  }

  /** There is nothing to send any more. */
  rest(): void {
    this.since = undefined;
  }

  /** The time counted that the piece at hand takes already; 0 before the first. */
  get rate(): number {
    return this.bytes === 0 ? 0 : this.bytes / Math.max(0.001, this.ms + this.atHand);
  }

  /** Whether that says something of the receiver yet. */
  get known(): boolean {
    return this.bytes > 0 && this.ms + this.atHand >= KNOWN_AFTER_MS;
  }

  private get atHand(): number {
    return this.since === undefined ? 0 : performance.now() - this.since;
  }
}
