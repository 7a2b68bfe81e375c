import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { EVENT_LOG } from '../../contracts/event-log.js';
import type { EventLog } from '../../contracts/event-log.js';
import { TimeLimit } from '../../platform/network/time-limit.js';
import { BacklogService } from './backlog.service.js';
import type { IntegrationDocument } from './integration.schema.js';

const HOUR_MS = 3_600_000;
/** A log that is fuller than this share of its bytes is about to remove its oldest share. */
const FULL_SHARE = 0.9;
const OLDEST_SHARE = 0.1;
/** How long a status waits for the event log. */
const ANSWER_MS = 2000;
/** A cursor that only passed what is filtered is saved so late at most; what is younger says nothing. */
const CURSOR_LAG_MS = 60_000;

/** What removes them: their age, or the bytes that the log holds. */
export type RetentionLimit = 'age' | 'bytes';

export const retentionRiskView = z.object({
  eventsAtRisk: z.int().nullable().meta({ description: 'Positions of the event log that it did not look at yet and that retention removes soon; null when the event log did not answer.' }),
  before: z.iso.datetime().nullable().meta({ description: 'Those that go for their age are gone by then; null when only the bytes held are the reason, which follow no clock.' }),
  limits: z.array(z.enum(['age', 'bytes'])).meta({ description: 'age = they get older than the retention; bytes = the log is over 90 % full, and these are among its oldest tenth.' }),
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
  partitions: Array<{ partition: number; first: number; byAge: number; byBytes: number }>;
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
    const [log, { ageMs, bytes }, ranges] = [await this.eventLog.identity(), await this.eventLog.retention(), await this.eventLog.ranges()];
    const now = this.clock.now();
    // With a retention that is hardly longer than the warning every event would be one that goes soon.
    const aheadMs = ageMs === null ? null : Math.min(this.settings.engine.retentionWarningHours * HOUR_MS, ageMs / 2);
    const full = bytes !== null && ranges.reduce((sum, range) => sum + (range.bytes ?? 0), 0) > bytes * FULL_SHARE;
    const partitions: RetentionEdge['partitions'] = [];
    for (const { partition, first, next } of ranges) {
      const byAge = ageMs === null || aheadMs === null || first >= next ? first : await this.eventLog.positionAt(partition, Math.min(now - ageMs + aheadMs, now - CURSOR_LAG_MS));
      partitions.push({ partition, first, byAge, byBytes: full ? first + Math.floor((next - first) * OLDEST_SHARE) : first });
    }
    return { log, before: aheadMs === null ? null : now + aheadMs, partitions };
  }

  /** Null when nothing goes before it was read. */
  async of(document: Pick<IntegrationDocument, '_id' | 'startPositions' | 'startLog' | 'resumePositions'>, edge: RetentionEdge): Promise<RetentionRisk | null> {
    if (document.startPositions === undefined) return null;
    const positions = await this.backlog.positions(document);
    let events = 0;
    let [byAge, byBytes] = [false, false];
    for (const partition of edge.partitions) {
      const stands = positions[String(partition.partition)];
      // A position of a log that was replaced says nothing: delivery begins with the oldest event that this one holds.
      const ofThisLog = stands !== undefined && (stands.log === undefined || stands.log === edge.log);
      const from = ofThisLog ? Math.max(stands.position, partition.first) : partition.first;
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
