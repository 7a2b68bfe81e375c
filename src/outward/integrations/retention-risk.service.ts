import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { EVENT_LOG } from '../../contracts/event-log.js';
import type { EventLog, PartitionRange } from '../../contracts/event-log.js';
import type { KeptPosition } from '../../model/integration.js';
import { TimeLimit } from '../../platform/network/time-limit.js';
import { BacklogService } from './backlog.service.js';
import type { IntegrationDocument } from './integration.schema.js';

const HOUR_MS = 3_600_000;
/** A log that is fuller than this share of its bytes is about to remove its oldest share. */
const FULL_SHARE = 0.9;
const OLDEST_SHARE = 0.1;
/** How short the time is made over which growth is measured, where the log holds less than it. */
const SHORTEST_SHARE = 1 / 512;
/** How long a status waits for the event log. */
const ANSWER_MS = 2000;
/** A cursor that only passed what is filtered is saved so late at most; what is younger says nothing. */
const CURSOR_LAG_MS = 60_000;

/** What removes them: their age, or the bytes that the log holds. */
export type RetentionLimit = 'age' | 'bytes';

export const retentionRiskView = z.object({
  eventsAtRisk: z.int().nullable().meta({ description: 'Positions of the event log that it did not look at yet and that retention removes soon; null when the event log did not answer.' }),
  before: z.iso.datetime().nullable().meta({ description: 'Those that go for their age are gone by then; null when only the bytes held are the reason, which follow no clock.' }),
  limits: z.array(z.enum(['age', 'bytes'])).meta({ description: 'age = they get older than the retention; bytes = the embedded log is over 90 % full, and these are among its oldest tenth; or a partition of the Kafka topic, as it grows, soon holds more than retention.bytes without them.' }),
});
export type RetentionRiskView = z.output<typeof retentionRiskView>;

export interface RetentionRisk {
  events: number;
  limits: RetentionLimit[];
  /** What goes for its age is gone by then (ms since 1970); null when nothing does. */
  before: number | null;
}

/** How far retention will soon have come: the positions before `byAge` and `byBytes` go. The same for every integration. */
export interface RetentionEdge {
  log: string;
  /** When `byAge` is gone. */
  before: number | null;
  /** What retention is by age, if it is (ms). */
  ageMs: number | null;
  partitions: Array<{ partition: number; first: number; next: number; byAge: number; byBytes: number; growth?: Growth }>;
}

/** Of a partition with a limit of its own: about how many records it keeps, and how many come in a millisecond. */
export interface Growth {
  kept: number;
  perMs: number;
}

/** Tells which events retention will remove before an integration got them. */
@Injectable()
export class RetentionRiskService {
  constructor(
    private readonly backlog: BacklogService,
    @Inject(EVENT_LOG) private readonly eventLog: Pick<EventLog, 'ranges' | 'positionAt' | 'identity' | 'retention'>,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'engine'>,
  ) {}

  /** Asked once for however many integrations. @throws when the event log does not answer */
  async edge(): Promise<RetentionEdge> {
    const [log, { ageMs, bytes, perPartition }, ranges] = [await this.eventLog.identity(), await this.eventLog.retention(), await this.eventLog.ranges()];
    const now = this.clock.now();
    // With a retention that is hardly longer than the warning every event would be one that goes soon.
    const warningMs = this.settings.engine.retentionWarningHours * HOUR_MS;
    const aheadMs = ageMs === null ? null : Math.min(warningMs, ageMs / 2);
    const full = bytes !== null && ranges.reduce((sum, range) => sum + (range.bytes ?? 0), 0) > bytes * FULL_SHARE;
    const partitions: RetentionEdge['partitions'] = [];
    for (const { partition, first, next } of ranges) {
      const byAge = ageMs === null || aheadMs === null || first >= next ? first : await this.eventLog.positionAt(partition, Math.min(now - ageMs + aheadMs, now - CURSOR_LAG_MS));
      const recordBytes = perPartition?.recordBytes.get(partition);
      const growth = perPartition && recordBytes !== undefined && first < next ? await this.growthOf({ partition, first, next }, perPartition.bytes / recordBytes, aheadMs ?? warningMs, now) : undefined;
      const byBytes = growth ? soonOver({ first, next }, growth, aheadMs ?? warningMs) : full ? first + Math.floor((next - first) * OLDEST_SHARE) : first;
      partitions.push({ partition, first, next, byAge, byBytes, ...(growth ? { growth } : {}) });
    }
    return { log, before: aheadMs === null ? null : now + aheadMs, ageMs, partitions };
  }

  private async growthOf({ partition, first, next }: PartitionRange, kept: number, aheadMs: number, now: number): Promise<Growth> {
    let windowMs = aheadMs;
    let from = await this.eventLog.positionAt(partition, now - windowMs);
    // What is younger than the window, or fell out of it, would make the growth look less than it is.
    for (; from <= first && windowMs > aheadMs * SHORTEST_SHARE; windowMs /= 2) from = await this.eventLog.positionAt(partition, now - windowMs / 2);
    return { kept, perMs: (next - from) / windowMs };
  }

  /** Null when nothing goes before it was read. */
  async of(document: Pick<IntegrationDocument, '_id' | 'startPositions' | 'startLog' | 'resumePositions'>, edge: RetentionEdge): Promise<RetentionRisk | null> {
    if (document.startPositions === undefined) return null;
    const positions = await this.backlog.positions(document);
    let events = 0;
    let [byAge, byBytes] = [false, false];
    for (const partition of edge.partitions) {
      const from = unreadFrom(positions[String(partition.partition)], partition, edge.log);
      events += Math.max(0, partition.byAge - from, partition.byBytes - from);
      byAge ||= partition.byAge > from;
      byBytes ||= partition.byBytes > from;
    }
    if (events === 0) return null;
    return { events, limits: [...(byAge ? ['age' as const] : []), ...(byBytes ? ['bytes' as const] : [])], before: byAge ? edge.before : null };
  }

  /** For a status: null when nothing is at risk. An event log that does not answer holds it up only for a moment. */
  async view(document: IntegrationDocument): Promise<RetentionRiskView | null> {
    if (document.startPositions === undefined) return null;
    const limit = new TimeLimit(ANSWER_MS);
    try {
      const edge = await limit.race(this.edge());
      if (!('value' in edge)) return { eventsAtRisk: null, before: null, limits: [] };
      const risk = await this.of(document, edge.value);
      return risk && { eventsAtRisk: risk.events, before: risk.before === null ? null : new Date(risk.before).toISOString(), limits: risk.limits };
    } finally {
      limit.dispose();
    }
  }
}

/** The oldest position that is held and was not read. A position of a log that was replaced says nothing: delivery begins with the oldest event that this one holds. */
export function unreadFrom(stands: KeptPosition | undefined, { first }: { first: number }, log: string): number {
  return stands !== undefined && (stands.log === undefined || stands.log === log) ? Math.max(stands.position, first) : first;
}

/** Before which position a partition holds nothing any more after the time ahead. With a limit hardly larger than its growth every event would be one that goes soon: at most half of what it keeps is. */
function soonOver({ first, next }: { first: number; next: number }, { kept, perMs }: Growth, aheadMs: number): number {
  return Math.min(next, Math.max(first, next - Math.floor(kept - Math.min(perMs * aheadMs, kept / 2))));
}
