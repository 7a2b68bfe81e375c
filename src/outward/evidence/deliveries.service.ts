import { Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { z } from 'zod';
import type { AuditEvent } from '../../model/audit-event.js';
import { filterSection, type Integration } from '../../model/integration.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { filterVerdict } from '../delivery/event-filter.js';
import { cursorSchema, type CursorDocument } from '../engine/cursor.schema.js';
import { standsAt } from '../../model/start-position.js';
import { deadLetterSchema, type DeadLetterDocument } from '../engine/dead-letter.schema.js';
import { integrationDocumentSchema, type IntegrationDocument } from '../integrations/integration.schema.js';
import { IntegrationStatusService } from '../integrations/integration-status.service.js';
import { FilterVersions } from './filter-versions.js';
import { LedgerLookup } from './ledger-lookup.js';
import type { FoundRow } from './ledger-tiles.js';
import { ReceiptsService } from './receipts.service.js';
import { ReplayLedger } from './replay-ledger.js';

const time = z.iso.datetime();

const outcomes = z.enum(['delivered', 'filtered', 'dead', 'waiting', 'lost', 'skipped', 'before-start', 'unrecorded']);

export const deliveryView = z.object({
  integrationId: z.string(),
  name: z.string(),
  enabled: z.boolean(),
  outcome: outcomes.meta({
    description: 'delivered = by the live stream, or by a replay (replayId); dead = a stored dead letter; lost = gone from the event log before it was delivered, by retention or otherwise (see reason); skipped = an administrator chose to leave it out; before-start = accepted before the integration began; unrecorded = resolved, and the ledger does not hold its row any more.',
  }),
  evidence: z.string().nullable().meta({ description: 'Rung of the evidence ladder: sent, read, accepted, stored, found.' }),
  at: time.nullable().meta({ description: 'When the run of events that holds it became safe; of a dead letter when it was stored.' }),
  foundAt: time.nullable().meta({ description: 'When a receipt of the SIEM said that it has it.' }),
  attempts: z.int().nullable(),
  run: z.object({ first: z.int(), end: z.int(), engineId: z.string() }).nullable().meta({ description: 'The ledger row that tells it: first position, position after the last, the engine that delivered.' }),
  rule: z.string().nullable().meta({ description: 'The filter rule that left it out.' }),
  reason: z.string().nullable().meta({ description: 'In plain words, where it was not delivered.' }),
  deadLetterId: z.string().nullable(),
  replayId: z.string().nullable().meta({ description: 'The replay that brought it, where the live stream did not.' }),
  before: z.object({ outcome: outcomes, at: time.nullable(), reason: z.string().nullable() }).nullable().meta({ description: 'What had become of it before a replay brought it: skipped, lost, dead ...' }),
  waiting: z.object({
    ahead: z.int().meta({ description: 'Positions of its partition that come before it.' }),
    state: z.string(), since: time.nullable(), problem: z.string().nullable(), fix: z.string().nullable(), nextTryAt: time.nullable(),
  }).nullable(),
});
export type DeliveryView = z.output<typeof deliveryView>;
type Recorded = Partial<DeliveryView> & Pick<DeliveryView, 'outcome'>;

const NOTHING = { evidence: null, at: null, foundAt: null, attempts: null, run: null, rule: null, reason: null, deadLetterId: null, replayId: null, before: null, waiting: null };

/** What became of one event, per integration: from the ledger, the dead letters, the filters and the cursors. */
@Injectable()
export class DeliveriesService {
  private readonly integrations: Model<IntegrationDocument>;
  private readonly cursors: Model<CursorDocument>;
  private readonly deadLetters: Model<DeadLetterDocument>;

  constructor(store: DocumentStore, private readonly ledger: LedgerLookup, private readonly filters: FilterVersions, private readonly status: IntegrationStatusService, private readonly receipts: ReceiptsService, private readonly replays: ReplayLedger) {
    this.integrations = store.model<IntegrationDocument>('integration', integrationDocumentSchema);
    this.cursors = store.model<CursorDocument>('cursor', cursorSchema);
    this.deadLetters = store.model<DeadLetterDocument>('dead-letter', deadLetterSchema);
  }

  /** @param event as the log holds it; null when it is gone from there: then a filter cannot be asked */
  async of(partition: number, offset: number, event: AuditEvent | null): Promise<DeliveryView[]> {
    const integrations = await this.integrations.find({ deleted: false }, { auditOutbox: 0 }).sort({ nameKey: 1 }).lean<IntegrationDocument[]>();
    return Promise.all(integrations.map((integration) => this.outcome(integration, partition, offset, event)));
  }

  /** The live stream's own answer, unless it did not deliver the event and a replay did. */
  private async outcome(integration: IntegrationDocument, partition: number, offset: number, event: AuditEvent | null): Promise<DeliveryView> {
    const { since, ...live } = await this.live(integration, partition, offset, event);
    if (live.outcome === 'delivered' && live.before === null) return live;
    for (const { replayId, row } of await this.replays.at(integration._id, partition, offset, event?.id ?? null, since.getTime())) {
      const recorded = await this.recorded(row, integration._id, event);
      if (recorded.outcome !== 'delivered') continue;
      const receipt = await this.receipts.foundAt(integration._id, partition, offset, since);
      const before = live.before ?? { outcome: live.outcome, at: live.at, reason: live.reason };
      return {
        ...live, ...recorded, replayId, before, rule: null, run: null, reason: recorded.reason ?? `a replay (${replayId}) brought it`,
        ...(receipt ? { evidence: 'found', foundAt: receipt.receivedAt.toISOString() } : {}),
      };
    }
    return live;
  }

  private async live(integration: IntegrationDocument, partition: number, offset: number, event: AuditEvent | null): Promise<DeliveryView & { since: Date }> {
    const { _id: integrationId, name, enabled, startPositions } = integration;
    const cursor = await this.cursors.findOne({ _id: `${integrationId}:${partition}` }).lean<CursorDocument>();
    // What was written before the log was replaced tells of other events at the same positions.
    const since = cursor?.resetAt ?? new Date(0);
    const id = { integrationId, name, enabled, ...NOTHING, since };
    const own = `${integrationId}:${partition}.${offset}${cursor?.resets ? `:${cursor.resets}` : ''}`;
    const parked = `*:${partition}.${offset}`;
    const [letters, rows] = await Promise.all([
      this.deadLetters.find({ $or: [{ _id: own }, { _id: parked }, { _id: { $gte: `${parked}@`, $lt: `${parked}A` } }], createdAt: { $gte: since } }).limit(1).lean<DeadLetterDocument[]>(),
      this.ledger.at(integrationId, partition, offset, since.getTime()),
    ]);
    const letter = letters[0];
    if (letter?.replayedAt) return { ...id, outcome: 'delivered', at: letter.replayedAt.toISOString(), attempts: letter.attempts, deadLetterId: letter._id, replayId: letter.replayId ?? null, before: { outcome: 'dead', at: letter.createdAt.toISOString(), reason: letter.reason }, reason: `a replay (${letter.replayId ?? ''}) brought it after it had been refused` };
    if (letter) return { ...id, outcome: 'dead', at: letter.createdAt.toISOString(), attempts: letter.attempts, reason: letter.reason, deadLetterId: letter._id };
    const recorded = await this.bestOf(rows, integrationId, event);
    if (recorded) {
      const receipt = recorded.outcome === 'delivered' ? await this.receipts.foundAt(integrationId, partition, offset, since) : undefined;
      return { ...id, ...recorded, ...(receipt ? { evidence: 'found', foundAt: receipt.receivedAt.toISOString() } : {}) };
    }
    const start = startPositions?.[String(partition)];
    if (start === undefined && !startPositions) return { ...id, outcome: 'before-start', reason: 'the integration was never enabled' };
    if (start !== undefined && offset < start && !cursor?.resets) return { ...id, outcome: 'before-start', reason: `delivery began at position ${partition}.${start}, when the integration was enabled` };
    const position = standsAt(integration, partition, cursor ? { position: cursor.position, resets: cursor.resets ?? 0 } : undefined)?.position ?? 0;
    if (offset < position) return { ...id, outcome: 'unrecorded', reason: 'it was resolved, but the ledger does not hold its row: it was removed by age, or is older than the ledger' };
    // Cursors pass what is not wanted without haste: the filter of today tells it at once.
    const unwanted = ruleOf(integrationId, integration.filter, integration.version, event);
    if (unwanted.rule !== null) return { ...id, outcome: 'filtered', ...unwanted };
    return { ...id, outcome: 'waiting', ...(await this.waiting(integration, offset - position)) };
  }

  /** Resolved more than once: that it was delivered is told, also where the filter of another version left it out. */
  private async bestOf(rows: readonly FoundRow[], integrationId: string, event: AuditEvent | null): Promise<Recorded | undefined> {
    let best: Recorded | undefined;
    for (const row of rows) {
      const recorded = await this.recorded(row, integrationId, event);
      if (recorded.outcome === 'delivered') return recorded;
      best ??= recorded;
    }
    return best;
  }

  private async recorded(row: FoundRow, integrationId: string, event: AuditEvent | null): Promise<Recorded> {
    const run = { first: row.first, end: row.end, engineId: row.engineId };
    const at = new Date(row.at).toISOString();
    switch (row.outcome) {
      case 'lost': return { outcome: 'lost', at, run, reason: row.lostBy === 'vanished' ? 'the event log holds no record there although retention did not remove it (see the event siem.state.changed with the code events-vanished)' : 'retention of the event log removed it before it was delivered' };
      case 'skipped': return { outcome: 'skipped', at, run, reason: 'an administrator chose to leave out what waited' };
      case 'passed': return { outcome: 'filtered', at, run, ...(await this.rule(integrationId, row.version, event)) };
      case 'delivered': {
        const filter = await this.filters.find(integrationId, row.version);
        const { rule, reason } = ruleOf(integrationId, filter, row.version, event);
        if (rule !== null) return { outcome: 'filtered', at, run, rule, reason };
        if (row.delivered === 0 && row.rejected > 0) return { outcome: 'dead', at, run, reason: 'it was refused; its dead letter was removed by age' };
        const unsure = (event === null || filter === undefined) && row.delivered + row.rejected < row.end - row.first;
        return { outcome: 'delivered', at, run, evidence: row.evidence, attempts: row.attempts, reason: unsure ? `${event === null ? 'the event log does not hold it any more' : 'the filter of that time is not known'}, so it is not known whether the filter left it out of this run` : null };
      }
    }
  }

  /** The rule of that version that left the event out, or none. */
  private async rule(integrationId: string, version: number, event: AuditEvent | null): Promise<{ rule: string | null; reason: string | null }> {
    return ruleOf(integrationId, await this.filters.find(integrationId, version), version, event);
  }

  private async waiting(integration: IntegrationDocument, ahead: number): Promise<Pick<DeliveryView, 'waiting' | 'reason'>> {
    const { state, since, problem, fix, nextTryAt } = await this.status.summary(integration);
    const reason = state === 'disabled' ? 'the integration is disabled; it goes on from here when it is enabled' : (problem ?? (ahead > 0 ? `${ahead} positions come before it` : 'it is the next one'));
    return { waiting: { ahead, state, since, problem, fix, nextTryAt }, reason };
  }
}

function ruleOf(id: string, filter: Integration['filter'] | undefined, version: number, event: AuditEvent | null): { rule: string | null; reason: string | null } {
  // A stored filter may be older than the last of its settings.
  const known = filterSection.safeParse(filter);
  if (!event || !known.success) return { rule: null, reason: null };
  const verdict = filterVerdict({ id, filter: known.data }, event);
  return verdict.wanted ? { rule: null, reason: null } : { rule: verdict.rule, reason: `version ${version} of the integration: ${verdict.reason}` };
}
