import type { Evidence } from '../../../contracts/transport.js';

const KIBIBYTE = 1024;
/** A segment is no larger than what the receiver was seen to read in good time. Chunks are never split, so one chunk is the real floor. */
const SEGMENT_FLOOR_BYTES = 64 * KIBIBYTE;
const SEGMENT_START_BYTES = 4096 * KIBIBYTE;
/** Far above what a receiver takes between two seals: a lower one would be the pace of the fastest. */
const SEGMENT_CEILING_BYTES = 262_144 * KIBIBYTE;
const ANSWER_IS_QUICK_MS = 1000;
const ANSWER_IS_SLOW_MS = 5000;
/** So many half-closes in a row without an answer, from a receiver that never gave one, and it counts as one that cannot. */
const STRIKES = 2;
/** A receiver that answered within this time can answer: silence is then a fault of it, and never a reason to believe less proof. */
const ANSWER_REMEMBERED_MS = 24 * 3_600_000;
/**
 * How long the quiet-period rule stays before sealing is tried again: short at first, since a receiver that was only slow looks the same and what it is sent
 * meanwhile has no proof; four times as long each time, up to an hour.
 */
const FIRST_QUIET_MS = 60_000;
const LONGEST_QUIET_MS = 3_600_000;
const RECEIVERS_KEPT = 10_000;

/** What sessions learned about how one receiver answers a half-close. */
export class ReceiverHabits {
  /** Most octets of a segment. */
  segmentBytes = SEGMENT_START_BYTES;
  private answeredAt = -Infinity;
  private strikes = 0;
  private quietUntil = -Infinity;
  private quietMs = FIRST_QUIET_MS;

  /** `quiet` when this receiver was found not to answer. */
  mode(now: number): 'sealed' | 'quiet' {
    return now < this.quietUntil ? 'quiet' : 'sealed';
  }

  /** Milliseconds until sealing is tried again; 0 when nothing speaks against it. */
  quietLeftMs(now: number): number {
    return Math.max(0, this.quietUntil - now);
  }

  hasAnswered(now: number): boolean {
    return now - this.answeredAt < ANSWER_REMEMBERED_MS;
  }

  /**
   * A segment may hold what the receiver would read within a second at the pace that it has shown: doubled step by step instead, the first second of a rush would go by in waiting for seals.
   * @param bytes octets of the segment
   */
  answered(now: number, tookMs: number, bytes: number): void {
    this.answeredAt = now;
    this.strikes = 0;
    this.quietMs = FIRST_QUIET_MS;
    if (tookMs < ANSWER_IS_QUICK_MS) this.segmentBytes = Math.max(this.segmentBytes, Math.min(SEGMENT_CEILING_BYTES, (bytes * ANSWER_IS_QUICK_MS) / Math.max(1, tookMs)));
    else if (tookMs > ANSWER_IS_SLOW_MS) this.segmentBytes = Math.max(SEGMENT_FLOOR_BYTES, this.segmentBytes / 2);
  }

  /**
   * The half-close stayed without an answer. `fail`: what was sent counts as not delivered. `fall-back`: this receiver never answers, so the quiet-period rule
   * is the best that it allows. One that hangs looks the same, which is why a single silence, or one after an answer, is always a failure.
   */
  unanswered(now: number): 'fail' | 'fall-back' {
    this.segmentBytes = Math.max(SEGMENT_FLOOR_BYTES, this.segmentBytes / 4);
    if (this.hasAnswered(now)) return 'fail';
    this.strikes++;
    if (this.strikes < STRIKES) return 'fail';
    this.strikes = STRIKES - 1;
    this.quietUntil = now + this.quietMs;
    this.quietMs = Math.min(LONGEST_QUIET_MS, 4 * this.quietMs);
    return 'fall-back';
  }
}

/** The habits of receivers by host and port, kept by a transport for as long as the process lives. */
export class ReceiverMemory {
  private readonly receivers = new Map<string, ReceiverHabits>();

  of(host: string, port: number): ReceiverHabits {
    const key = `${host.toLowerCase()}|${port}`;
    const known = this.receivers.get(key);
    if (known) return known;
    const habits = new ReceiverHabits();
    this.receivers.set(key, habits);
    const oldest = this.receivers.keys().next();
    if (this.receivers.size > RECEIVERS_KEPT && !oldest.done) this.receivers.delete(oldest.value);
    return habits;
  }

  /** The best evidence that this receiver allows, as far as is known. */
  reachOf(host: string, port: number, now: number): Evidence {
    return this.receivers.get(`${host.toLowerCase()}|${port}`)?.mode(now) === 'quiet' ? 'sent' : 'read';
  }
}
