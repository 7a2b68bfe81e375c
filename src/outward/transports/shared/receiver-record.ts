import { createHash } from 'node:crypto';
import type { Target } from '../../../contracts/transport.js';

/** After so many refused events in a row, without one that was taken in between, it is the settings and not the events. */
const MOST_REFUSED_IN_A_ROW = 20;
/** At a receiver that never took any, so many different events refused with the same status are the settings. */
const SAME_REFUSALS_OF_SETTINGS = 5;
const LIMIT_REMEMBERED_MS = 3_600_000;
const RECEIVERS_KEPT = 10_000;

/** An event that was refused when it was sent alone, or by its own status. */
export interface Refused {
  event: Uint8Array;
  status: number;
}

/** What sessions with the same settings learned about one HTTP receiver. */
export class ReceiverRecord {
  private everTook = false;
  /** Status by the digest of each event that was given up in a row: one that comes again counts once. */
  private givenUp = new Map<string, number>();
  private limit = { bytes: Infinity, until: -Infinity };

  get hasTaken(): boolean {
    return this.everTook;
  }

  /** Whether events were given up since it last took one. */
  get hasGivenUp(): boolean {
    return this.givenUp.size > 0;
  }

  took(): void {
    this.everTook = true;
    this.givenUp.clear();
  }

  /**
   * Whether events that the receiver refused, with none taken beside them, may become dead letters: all of them or none. A wrong setting must not empty the log
   * into the dead letters, so not after too many in a row, and much sooner where it never took any.
   */
  mayGiveUp(refused: readonly Refused[]): boolean {
    const all = new Map(this.givenUp);
    for (const { event, status } of refused) all.set(createHash('sha256').update(event).digest('base64'), status);
    if (all.size > MOST_REFUSED_IN_A_ROW) return false;
    if (!this.everTook && mostAlike([...all.values()]) >= SAME_REFUSALS_OF_SETTINGS) return false;
    this.givenUp = all;
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

function mostAlike(statuses: readonly number[]): number {
  return Math.max(0, ...statuses.map((status) => statuses.filter((other) => other === status).length));
}
