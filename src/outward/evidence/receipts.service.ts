import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import type { Principal } from '../../platform/access/rights.js';
import { withAudit } from '../../platform/audit/audit-outbox.js';
import { AuditRelay } from '../../platform/audit/audit.relay.js';
import { actorOf, newAuditRecord } from '../../platform/audit/new-audit-record.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { Problem } from '../../platform/http/problem.js';
import { cursorSchema, type CursorDocument } from '../engine/cursor.schema.js';
import { integrationDocumentSchema, type IntegrationDocument } from '../integrations/integration.schema.js';
import { LedgerLookup } from './ledger-lookup.js';
import { receiptSchema, type ReceiptDocument, type ReceiptState } from './receipt.schema.js';
import { ReplaysService, type ReplayRequest } from './replays.service.js';

const DAY_MS = 86_400_000;
/** Names of missing events that are kept with a receipt. */
const NAMES_KEPT = 1000;
/** Receipts overlap only where a SIEM asks about other runs than the heartbeats tell. */
const RECEIPTS_BACK = 20;

export interface NewReceipt {
  /** Id or name. */
  integration: string;
  partition: number;
  from: number;
  to: number;
  /** How many different events of the run the SIEM has; or which ones it has not. */
  count?: number;
  missing?: readonly string[];
}

/**
 * The loop back from the SIEM: its own saved search says how many of the events of a run it has. All there: they reach the rung `found`. Fewer: what is missing is
 * sent again, once; when it is still missing then, administrators are told.
 */
@Injectable()
export class ReceiptsService {
  private readonly receipts: Model<ReceiptDocument>;
  private readonly integrations: Model<IntegrationDocument>;
  private readonly cursors: Model<CursorDocument>;

  constructor(
    store: DocumentStore,
    private readonly relay: AuditRelay,
    private readonly ledger: LedgerLookup,
    private readonly replays: ReplaysService,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'evidence'>,
  ) {
    this.receipts = store.model<ReceiptDocument>('receipt', receiptSchema);
    this.integrations = store.model<IntegrationDocument>('integration', integrationDocumentSchema);
    this.cursors = store.model<CursorDocument>('cursor', cursorSchema);
    this.relay.watch(this.receipts);
  }

  /** @throws Problem 404, 409 when the run is not resolved yet or not one that the ledger can count, 400, 503 */
  async accept(receipt: NewReceipt, principal: Principal): Promise<ReceiptDocument> {
    const integration = await this.integration(receipt.integration);
    const { partition, from, to } = receipt;
    // What was written before the log was replaced tells of other events at the same positions.
    const { resets, resetAt } = (await this.cursors.findOne({ _id: `${integration._id}:${partition}` }).lean<CursorDocument>()) ?? {};
    const _id = `${integration._id}:${partition}:${from}-${to}${resets ? `:${resets}` : ''}`;
    const sent = await this.sentIn(integration._id, partition, from, to, resetAt?.getTime() ?? 0);
    const names = namesOf(receipt);
    const missing = names?.length ?? Math.max(0, sent - (receipt.count ?? 0));
    const before = await this.receipts.findOne({ _id }).lean<ReceiptDocument>();
    const fields = {
      integrationId: integration._id, partition, from, to, sent, found: Math.max(0, Math.min(sent, receipt.count ?? sent - missing)), missing: (names ?? []).slice(0, NAMES_KEPT),
      receivedAt: new Date(this.clock.now()), receivedFrom: principal.name, expiresAt: new Date(this.clock.now() + this.settings.evidence.ledgerDays * DAY_MS),
    };
    if (missing === 0) return this.store(_id, { ...fields, state: 'found' });
    // It is still being sent again: what is missing now may come yet.
    if (before?.replayId && (await this.stillSending(before.replayId))) return this.store(_id, { ...fields, state: 'replayed' });
    if (before?.replayId) return this.stillMissing(_id, fields, integration, before, missing, principal);
    return this.replay(_id, fields, integration, { ...receipt, ...(names ? { missing: names } : {}) }, missing, principal);
  }

  private async stillSending(replayId: string): Promise<boolean> {
    if (replayId === 'claimed' || replayId === 'gone') return false;
    const replay = await this.replays.look(replayId);
    return replay?.state === 'new' || replay?.state === 'running';
  }

  /** The receipt that says that a position was found, if any. */
  async foundAt(integrationId: string, partition: number, offset: number, since: Date): Promise<ReceiptDocument | undefined> {
    const receipts = await this.receipts.find({ integrationId, partition, from: { $lte: offset }, receivedAt: { $gte: since } }).sort({ from: -1 }).limit(RECEIPTS_BACK).lean<ReceiptDocument[]>();
    return receipts.find(({ to, state }) => offset < to && state === 'found');
  }

  async find(filter: { integrationId?: string; state?: ReceiptState }, page: number, pageSize: number): Promise<{ items: ReceiptDocument[]; total: number }> {
    const [items, total] = await Promise.all([this.receipts.find(filter, { auditOutbox: 0 }).sort({ receivedAt: -1 }).skip((page - 1) * pageSize).limit(pageSize).lean<ReceiptDocument[]>(), this.receipts.countDocuments(filter)]);
    return { items, total };
  }

  private async integration(named: string): Promise<IntegrationDocument> {
    const nameKey = named.normalize('NFC').toLowerCase();
    const [found] = await this.integrations.find({ deleted: false, $or: [{ _id: named }, { nameKey }] }, { auditOutbox: 0 }).limit(1).lean<IntegrationDocument[]>();
    if (!found) throw new Problem(404, 'integration-not-found', `There is no integration with the id or name ${named.slice(0, 100).toWellFormed()}.`);
    return found;
  }

  /** The events that were sent in the run, of what was written since a time. */
  private async sentIn(id: string, partition: number, from: number, to: number, since: number): Promise<number> {
    let sent = 0;
    for await (const tile of this.ledger.tiles(id, partition, from, to, since)) {
      if (!tile.row) throw new Problem(409, 'not-resolved', `Positions ${tile.first} to ${tile.end - 1} of partition ${partition} are not delivered yet, or the ledger does not remember them. Send the receipt again later, with from and to of a heartbeat.`);
      if (!tile.exact) throw uncountable(partition, from, to, tile.first === from ? tile.row.first : tile.first);
      sent += tile.sent;
    }
    return sent;
  }

  private async replay(_id: string, fields: ReceiptFields, integration: IntegrationDocument, receipt: NewReceipt, missing: number, principal: Principal): Promise<ReceiptDocument> {
    const subject = { id: integration._id, name: integration.name, enginePool: integration.enginePool };
    // The claim first: of two receipts at once one sends again. A crash after it tells administrators at the next receipt instead of sending twice.
    await this.receipts.updateOne({ _id }, { $setOnInsert: { ...fields, state: 'replayed', replayId: null, auditOutbox: [] } }, { upsert: true }).catch(ignoreDuplicate);
    const claimed = await this.receipts.updateOne({ _id, replayId: null }, { $set: { ...fields, state: 'replayed', replayId: 'claimed' } });
    if (claimed.matchedCount === 0) return this.get(_id);
    try {
      const replay = await this.replays.ask(subject, replayOf(receipt), 'receipt', actorOf(principal));
      return await this.store(_id, { ...fields, state: 'replayed', replayId: replay._id });
    } catch (error) {
      if (!(error instanceof Problem) || error.getStatus() !== 400) {
        await this.receipts.updateOne({ _id, replayId: 'claimed' }, { $set: { replayId: null } });
        throw error;
      }
      // The log does not hold them any more: nothing can be sent again.
      return this.stillMissing(_id, fields, integration, { ...(await this.get(_id)), replayId: null }, missing, principal);
    }
  }

  private async stillMissing(_id: string, fields: ReceiptFields, { _id: id, name }: IntegrationDocument, before: ReceiptDocument, missing: number, principal: Principal): Promise<ReceiptDocument> {
    const run = `${fields.partition}.${fields.from} to ${fields.partition}.${fields.to - 1}`;
    const again = before.replayId && before.replayId !== 'gone' && before.replayId !== 'claimed' ? 'although it was tried to send them again' : 'and they could not be sent again';
    const record = newAuditRecord(
      {
        type: 'audit.receipt.missing', actor: actorOf(principal), subject: { kind: 'integration', id, name }, outcome: 'failure',
        reason: `the SIEM does not have ${missing} of ${fields.sent} events of positions ${run}, ${again}`,
        attributes: { partition: fields.partition, from: fields.from, to: fields.to, sent: fields.sent, found: fields.found, missing, ...(before.replayId ? { replayId: before.replayId } : {}) },
        notification: {
          kind: 'receipt.missing', key: `receipt.missing:${_id}`, title: `${name}: the SIEM misses ${missing} events`,
          text: `By its own search the SIEM does not have ${missing} of the ${fields.sent} events of positions ${run} that were delivered to "${name}", ${again}. Look for a filter, an index or a licence limit on the way, then replay them: POST /api/v1/integrations/${id}/replays.`,
          subject: { kind: 'integration', id, name }, facts: { sent: fields.sent, found: fields.found, missing },
        },
      },
      this.clock,
    );
    const replayId = before.replayId ?? 'gone';
    const stored = await this.receipts.findOneAndUpdate({ _id }, withAudit<ReceiptDocument>({ $set: { ...fields, state: 'missing', replayId } }, record), { returnDocument: 'after' }).lean<ReceiptDocument>();
    this.relay.wake();
    return stored ?? this.get(_id);
  }

  private async store(_id: string, fields: ReceiptFields & Partial<ReceiptDocument>): Promise<ReceiptDocument> {
    await this.receipts.updateOne({ _id }, { $set: fields, $setOnInsert: { auditOutbox: [] } }, { upsert: true });
    return this.get(_id);
  }

  private async get(_id: string): Promise<ReceiptDocument> {
    const receipt = await this.receipts.findOne({ _id }).lean<ReceiptDocument>();
    if (!receipt) throw new Problem(404, 'receipt-not-found', `There is no receipt ${_id}.`);
    return receipt;
  }
}

type ReceiptFields = Pick<ReceiptDocument, 'integrationId' | 'partition' | 'from' | 'to' | 'sent' | 'found' | 'missing' | 'receivedAt' | 'receivedFrom' | 'expiresAt'>;

/** Exactly what is missing where it was named, else the run. */
function replayOf({ partition, from, to, missing }: NewReceipt): ReplayRequest {
  const parts = [{ partition, first: from, end: to }];
  if (!missing) return { parts };
  return missing.every((name) => /^\d{1,9}\.\d{1,15}$/.test(name)) ? { positions: missing } : { parts, ids: missing };
}

/** What is named as missing, each once. @throws Problem 400 when positions lie outside the run or are mixed with ids */
function namesOf({ partition, from, to, missing }: NewReceipt): string[] | undefined {
  if (!missing) return undefined;
  const names = [...new Set(missing)];
  const placed = names.map((name) => /^(\d{1,9})\.(\d{1,15})$/.exec(name));
  if (placed.some(Boolean) && !placed.every((match) => match && Number(match[1]) === partition && Number(match[2]) >= from && Number(match[2]) < to)) {
    throw new Problem(400, 'invalid-request', 'The request has 1 fault(s); see "errors" for each place.', { errors: [{ pointer: '/missing', message: 'give event ids, or positions of this run only' }] });
  }
  return names;
}

function uncountable(partition: number, from: number, to: number, edge: number): Problem {
  return new Problem(409, 'run-not-countable', `The ledger cannot count positions ${from} to ${to - 1} of partition ${partition} by themselves: one of its runs has an edge at ${edge}. Use from and to of a heartbeat, or name what is missing in a replay.`);
}

function ignoreDuplicate(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 11000)) throw error;
}
