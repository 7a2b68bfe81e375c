import { Inject, Injectable, Optional } from '@nestjs/common';
import type { Model } from 'mongoose';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { EVENT_LOG } from '../../contracts/event-log.js';
import type { EventLog } from '../../contracts/event-log.js';
import { METRICS } from '../../contracts/metrics.js';
import type { Metrics } from '../../contracts/metrics.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { TimeLimit } from '../../platform/network/time-limit.js';
import { firstBatch } from '../delivery/first-batch.js';
import { BacklogService } from './backlog.service.js';
import { integrationDocumentSchema, type IntegrationDocument } from './integration.schema.js';
import { RetentionRiskService, unreadFrom, type RetentionEdge } from './retention-risk.service.js';

/** The event log is asked at most so often, however many scrapes there are. */
const FRESH_MS = 30_000;
/** A scrape that comes while a reader joins gets nothing; the next one finds it. */
const ANSWER_MS = 5000;
/** What is younger is not looked at: it goes when all of the retention is over. */
const YOUNG_MS = 60_000;
const TIMES_KEPT = 10_000;

/** How long it takes until retention removes what an integration did not read, for monitoring. */
@Injectable()
export class RetentionMetrics {
  private readonly integrations: Model<IntegrationDocument>;
  private readonly times = new Map<string, number>();
  private latest: { at: number; seconds: Promise<Map<string, number>> } | undefined;

  constructor(
    store: DocumentStore,
    private readonly risk: RetentionRiskService,
    private readonly backlog: BacklogService,
    @Inject(EVENT_LOG) private readonly eventLog: Pick<EventLog, 'positionAt' | 'openReader'>,
    @Inject(CLOCK) private readonly clock: Clock,
    @Optional() @Inject(METRICS) metrics?: Metrics,
  ) {
    this.integrations = store.model<IntegrationDocument>('integration', integrationDocumentSchema);
    metrics?.gauge({
      name: 'tidegate_integration_retention_seconds',
      help: 'Seconds until retention removes the oldest event that the integration did not read yet; +Inf while nothing waits or nothing is removed',
      labels: ['integration'],
      collect: async (gauge) => {
        gauge.clear();
        const limit = new TimeLimit(ANSWER_MS);
        try {
          const answer = await limit.race(this.seconds());
          if (!('value' in answer)) throw new Error('the event log does not answer');
          for (const [integration, seconds] of answer.value) gauge.set(seconds, { integration });
        } finally {
          limit.dispose();
        }
      },
    });
  }

  private seconds(): Promise<Map<string, number>> {
    const now = this.clock.now();
    if (this.latest && now - this.latest.at < FRESH_MS && now >= this.latest.at) return this.latest.seconds;
    const asked = { at: now, seconds: this.ask(now) };
    asked.seconds.catch(() => {
      if (this.latest === asked) this.latest = undefined;
    });
    this.latest = asked;
    return asked.seconds;
  }

  private async ask(now: number): Promise<Map<string, number>> {
    const integrations = (await this.integrations.find({ deleted: false }, { auditOutbox: 0 }).lean<IntegrationDocument[]>()).filter(({ startPositions }) => startPositions !== undefined);
    const seconds = new Map<string, number>();
    if (integrations.length === 0) return seconds;
    const edge = await this.risk.edge();
    const young = new Map<number, number>();
    for (const { partition } of edge.partitions) young.set(partition, edge.ageMs === null ? 0 : await this.eventLog.positionAt(partition, now - YOUNG_MS));
    for (const integration of integrations) {
      const positions = await this.backlog.positions(integration);
      let leastMs = Infinity;
      for (const partition of edge.partitions) {
        const from = unreadFrom(positions[String(partition.partition)], partition, edge.log);
        if (from >= partition.next) continue;
        const byAge = edge.ageMs === null ? Infinity : (from >= (young.get(partition.partition) ?? 0) ? now : await this.timeOf(partition.partition, from)) + edge.ageMs - now;
        leastMs = Math.min(leastMs, byAge, overIn(partition, from));
      }
      seconds.set(integration._id, Math.max(0, leastMs) / 1000);
    }
    return seconds;
  }

  /** When the first record from there on was stored. One that waits is asked for once. */
  private async timeOf(partition: number, position: number): Promise<number> {
    const key = `${partition}.${position}`;
    const known = this.times.get(key);
    if (known !== undefined) return known;
    const record = (await firstBatch(this.eventLog, partition, position, 'retention', { maxRecords: 1, maxWaitMs: 500 }))?.records.at(0);
    if (!record) throw new Error(`the event at ${key} was not read in time`);
    if (this.times.size >= TIMES_KEPT) this.times.clear();
    this.times.set(key, record.timestamp);
    return record.timestamp;
  }
}

/** When the partition, as it grows, holds more than its limit without what lies there. */
function overIn({ next, growth }: RetentionEdge['partitions'][number], from: number): number {
  if (!growth) return Infinity;
  const room = growth.kept - (next - from);
  return room <= 0 ? 0 : growth.perMs === 0 ? Infinity : room / growth.perMs;
}
