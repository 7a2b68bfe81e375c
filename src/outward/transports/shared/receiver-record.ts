import type { Target } from '../../../contracts/transport.js';

/** After so many refused events in a row, without one that was taken in between, it is the settings and not the events. */
const MOST_REFUSED_IN_A_ROW = 20;
const LIMIT_REMEMBERED_MS = 3_600_000;
const RECEIVERS_KEPT = 10_000;

/** What sessions with the same settings learned about one HTTP receiver. */
export class ReceiverRecord {
  private everTook = false;
  private refusedInARow = 0;
  private limit = { bytes: Infinity, until: -Infinity };

  get hasTaken(): boolean {
    return this.everTook;
  }

  took(): void {
    this.everTook = true;
    this.refusedInARow = 0;
  }

  /**
   * Whether events that the receiver refused, with none taken beside them, may become dead letters. Not while it never took anything (its first answer is about
   * the settings), nor after too many in a row: a wrong setting must not empty the log into the dead letters.
   */
  mayGiveUp(events: number): boolean {
    if (!this.everTook || this.refusedInARow + events > MOST_REFUSED_IN_A_ROW) return false;
    this.refusedInARow += events;
    return true;
  }

  /** Largest body that it takes, as far as is known. */
  bodyLimit(now: number): number {
    return now < this.limit.until ? this.limit.bytes : Infinity;
  }

  foundTooLarge(bytes: number, now: number): void {
    this.limit = { bytes: Math.max(1, Math.floor(bytes / 2)), until: now + LIMIT_REMEMBERED_MS };
  }

  forgetLimit(): void {
    this.limit = { bytes: Infinity, until: -Infinity };
  }
}

/**
 * The records of receivers, kept by a transport for as long as the process lives: by host, port and path, and by the settings that were used there. What one
 * integration delivers says nothing about the token, index or body of another, nor about those that it gets next.
 */
export class ReceiverRecords {
  private readonly receivers = new Map<string, ReceiverRecord>();

  of({ of, host, port, http }: Pick<Target, 'of' | 'host' | 'port' | 'http'>): ReceiverRecord {
    const key = `${of ?? ''}|${host.toLowerCase()}|${port}|${http?.path ?? ''}`;
    const known = this.receivers.get(key);
    if (known) return known;
    const record = new ReceiverRecord();
    this.receivers.set(key, record);
    const oldest = this.receivers.keys().next();
    if (this.receivers.size > RECEIVERS_KEPT && !oldest.done) this.receivers.delete(oldest.value);
    return record;
  }
}
