import { randomUUID } from 'node:crypto';
import type { Model } from 'mongoose';
import type { Clock } from '../../../contracts/clock.js';
import type { AuditRecord } from '../../../platform/audit/audit-record.js';
import { withAudit } from '../../../platform/audit/audit-outbox.js';
import type { AlertDocument, AlertUndo } from '../../alerts/alert.schema.js';
import type { AlertLease } from '../alert-lease.js';

/** A closed alert whose undo may be worked on under the token, from `claimedAt` (ms) on. */
export interface ClaimedUndo {
  alert: AlertDocument;
  undo: AlertUndo;
  token: string;
  claimedAt: number;
}

/** The undo orders that are due, and every write in the name of a lease. An order that is worked on is due again when its lease ends. */
export class UndoQueue {
  constructor(private readonly alerts: Model<AlertDocument>, private readonly clock: Clock, private readonly leaseMs: number) {}

  /** The oldest due one, in one atomic step. */
  async claim(): Promise<ClaimedUndo | undefined> {
    const claimedAt = this.clock.now();
    const token = randomUUID();
    const alert = await this.alerts
      .findOneAndUpdate(
        { 'undo.dueAt': { $lte: new Date(claimedAt) } },
        { $set: { 'undo.state': 'processing', 'undo.leaseToken': token, 'undo.dueAt': new Date(claimedAt + this.leaseMs) }, $inc: { 'undo.attempts': 1 } },
        { sort: { 'undo.dueAt': 1 }, returnDocument: 'after' },
      )
      .lean<AlertDocument>();
    return alert?.undo ? { alert, undo: alert.undo, token, claimedAt } : undefined;
  }

  /** False: the lease is lost. */
  async renew(alertId: string, token: string, until: Date): Promise<boolean> {
    return (await this.alerts.updateOne({ _id: alertId, 'undo.leaseToken': token }, { $set: { 'undo.dueAt': until } })).matchedCount === 1;
  }

  /** Fields of the order, with the record of the act in the same write. @throws LeaseLost when another token is stored by now. */
  async write(alertId: string, lease: AlertLease, fields: Partial<AlertUndo>, ...records: readonly AuditRecord[]): Promise<void> {
    const update = { $set: Object.fromEntries(Object.entries(fields).map(([name, value]) => [`undo.${name}`, value])) };
    const { matchedCount } = await this.alerts.updateOne({ _id: alertId, 'undo.leaseToken': lease.token }, records.length === 0 ? update : withAudit<AlertDocument>(update, ...records));
    if (matchedCount === 0) throw lease.lose();
  }
}
