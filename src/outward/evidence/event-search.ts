import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { EVENT_LOG } from '../../contracts/event-log.js';
import type { EventLog, PartitionRange } from '../../contracts/event-log.js';
import type { AuditEvent } from '../../model/audit-event.js';
import { Problem } from '../../platform/http/problem.js';
import { firstBatch, LONGEST_JOIN_MS } from '../delivery/first-batch.js';
import { EventBatch } from '../delivery/event-batch.js';
import { ForeignRecords } from '../intake/foreign-records.js';

const LABEL = 'lookup';
const HOUR_MS = 3_600_000;
/** A UUIDv7 tells when it was made; the append came a little later, clocks of producers may differ. */
const ID_WINDOW_MS = 10 * 60_000;

export interface FoundEvent {
  partition: number;
  offset: number;
  event: AuditEvent;
}

/** How far a search by id is. */
export interface SearchProgress {
  /** Events looked at in this step. */
  scanned: number;
  /** Events of the time range that are left. */
  left: number;
  from: Date;
  to: Date;
  /** Give this back to go on; null when the range was searched whole. */
  next: string | null;
}

export type SearchOutcome = { type: 'found'; found: FoundEvent } | { type: 'not-found'; progress: SearchProgress | null };

interface Place {
  /** Bounds of what is to be searched in each partition: next position, end. */
  parts: Array<[partition: number, at: number, end: number]>;
  from: number;
  to: number;
}

/** Finds an event in the log: by its position at once, by its id by reading a bounded time range, step by step. */
@Injectable()
export class EventSearch {
  constructor(
    @Inject(EVENT_LOG) private readonly eventLog: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'evidence'>,
    private readonly foreign: ForeignRecords,
  ) {}

  /** The event at a position, or undefined when the log does not hold it (any more, or yet). @throws when the log does not answer */
  async at(partition: number, offset: number): Promise<FoundEvent | undefined> {
    const range = await this.range(partition);
    if (!range || offset < range.first || offset >= range.next) return undefined;
    const batch = await firstBatch(this.eventLog, partition, offset, LABEL, { maxRecords: 1 });
    if (!batch) throw new Problem(503, 'event-log-unavailable', 'The event log did not answer in time. Try again.', { headers: { 'Retry-After': '5' } });
    const parsed = EventBatch.parse({ ...batch, records: [...batch.records].filter((record) => record.offset === offset) }, (record) => this.foreign.read(record));
    const [event] = parsed.events();
    return event ? { partition, offset, event } : undefined;
  }

  /** What the log holds of a partition; undefined when there is no such partition. */
  async range(partition: number): Promise<PartitionRange | undefined> {
    return (await this.eventLog.ranges()).find((each) => each.partition === partition);
  }

  /** One step of a search for an id between two times (the time that the id tells, or the last hour, when not given). @throws when the log does not answer */
  async byId(id: string, from: number | undefined, to: number | undefined, next: string | undefined): Promise<SearchOutcome> {
    const place = next === undefined ? await this.begin(id, from, to) : placeOf(next);
    if (!place) return { type: 'not-found', progress: null };
    const needle = Buffer.from(id, 'utf8');
    const begun = performance.now();
    // Until the first record came a step may take as long as a reader needs to join.
    const isOver = () => performance.now() - begun >= (scanned > 0 ? this.settings.evidence.lookupMs : Math.max(LONGEST_JOIN_MS, this.settings.evidence.lookupMs));
    let scanned = 0;
    for (const part of place.parts) {
      if (part[1] >= part[2]) continue;
      const reader = await this.eventLog.openReader(part[0], part[1], LABEL, { maxRecords: 1000, maxWaitMs: 200 });
      try {
        while (part[1] < part[2]) {
          if (isOver()) return { type: 'not-found', progress: progressOf(place, scanned) };
          const batch = await reader.next();
          scanned += batch.records.length;
          // Octets first: only a record that holds the id somewhere is parsed.
          const records = [...batch.records].filter(({ value }) => Buffer.from(value.buffer, value.byteOffset, value.byteLength).includes(needle));
          const parsed = EventBatch.parse({ ...batch, records }, (record) => this.foreign.read(record));
          const events = parsed.events();
          const index = events.findIndex((event) => event.id === id);
          const event = events[index];
          if (event) return { type: 'found', found: { partition: part[0], offset: parsed.offsets[index] ?? -1, event } };
          part[1] = Math.max(part[1], batch.next);
        }
      } finally {
        await reader.close();
      }
    }
    return { type: 'not-found', progress: progressOf(place, scanned) };
  }

  private async begin(id: string, from: number | undefined, to: number | undefined): Promise<Place> {
    const now = this.clock.now();
    const made = timeOfId(id);
    const begin = from ?? (made === undefined ? now - HOUR_MS : made - ID_WINDOW_MS);
    const end = to ?? (made === undefined || from !== undefined ? now : made + ID_WINDOW_MS);
    const ranges = await this.eventLog.ranges();
    const parts = await Promise.all(ranges.map(async (range): Promise<[number, number, number]> => [range.partition, await this.positionAt(range, begin), await this.positionAt(range, end + 1)]));
    return { parts, from: begin, to: end };
  }

  private async positionAt({ partition, first, next }: PartitionRange, timeMs: number): Promise<number> {
    return Math.min(next, Math.max(first, await this.eventLog.positionAt(partition, timeMs)));
  }
}

function progressOf(place: Place, scanned: number): SearchProgress {
  const left = place.parts.reduce((sum, [, at, end]) => sum + Math.max(0, end - at), 0);
  return { scanned, left, from: new Date(place.from), to: new Date(place.to), next: left === 0 ? null : Buffer.from(JSON.stringify(place)).toString('base64url') };
}

/** What `progressOf` gave out, or null when it is not of that form. */
function placeOf(text: string): Place | null {
  try {
    const place = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Place;
    const whole = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
    return Array.isArray(place.parts) && place.parts.length <= 10_000 && place.parts.every((part) => Array.isArray(part) && part.length === 3 && part.every(whole)) && Math.abs(place.from) <= 8.64e15 && Math.abs(place.to) <= 8.64e15 ? place : null;
  } catch {
    return null;
  }
}

/** When a UUIDv7 was made (RFC 9562, 5.7). */
function timeOfId(id: string): number | undefined {
  const match = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.exec(id);
  return match ? Number.parseInt(`${match[1] ?? ''}${match[2] ?? ''}`, 16) : undefined;
}
