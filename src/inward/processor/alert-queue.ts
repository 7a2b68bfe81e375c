import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Model, QueryFilter, UpdateQuery } from 'mongoose';
import type { Clock } from '../../contracts/clock.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import { withAudit } from '../../platform/audit/audit-outbox.js';
import type { AlertDocument } from '../alerts/alert.schema.js';
import type { AlertLease } from './alert-lease.js';

/** An alert and the token under which it may be worked on, from `claimedAt` (ms) on. */
export interface ClaimedAlert {
  alert: AlertDocument;
  token: string;
  claimedAt: number;
}

/** The alerts that are due, and every write in the name of a lease. */
export class AlertQueue {
  private readonly owner = `${hostname()}:${process.pid}`;

  constructor(private readonly alerts: Model<AlertDocument>, private readonly clock: Clock, private readonly leaseMs: number) {}

  /**
   * Takes the next due alert in one atomic step, so that any number of replicas share them out. Due are new ones, and those in work whose lease has run out:
   * their process died, or their next try is due. By rank and then in the order they came, or in that order alone.
   */
  async claim(byLevel: boolean): Promise<ClaimedAlert | undefined> {
    const now = new Date(this.clock.now());
    const order: Record<string, 1> = byLevel ? { levelRank: 1, receivedAt: 1 } : { receivedAt: 1 };
    const begun: QueryFilter<AlertDocument> = { state: 'processing', leaseUntil: { $lte: now } };
    const fresh: QueryFilter<AlertDocument> = { state: 'new', dueAt: { $lte: now } };
    // Few are begun at a time, so the look is cheap; each class has an index of its own.
    const overdue = await this.alerts.findOne(begun, { levelRank: 1, receivedAt: 1 }).sort(order).lean<AlertDocument>();
    if (!overdue) return this.take(fresh, order, now);
    const next = await this.alerts.findOne(fresh, { levelRank: 1, receivedAt: 1 }).sort(order).lean<AlertDocument>();
    const first = next && isBefore(next, overdue, byLevel) ? fresh : begun;
    return (await this.take(first, order, now)) ?? (await this.take(first === fresh ? begun : fresh, order, now));
  }

  /** False: the lease is lost. */
  async renew(alertId: string, token: string, until: Date): Promise<boolean> {
    return (await this.alerts.updateOne({ _id: alertId, leaseToken: token }, { $set: { leaseUntil: until } })).matchedCount === 1;
  }

  /** A write under the lease, with the record of the act in it. @throws LeaseLost when the alert has another token by now. */
  async write(alertId: string, lease: AlertLease, update: UpdateQuery<AlertDocument>, ...records: readonly AuditRecord[]): Promise<void> {
    const { matchedCount } = await this.alerts.updateOne({ _id: alertId, leaseToken: lease.token }, records.length === 0 ? update : withAudit(update, ...records));
    if (matchedCount === 0) throw lease.lose();
  }

  private async take(due: QueryFilter<AlertDocument>, order: Record<string, 1>, now: Date): Promise<ClaimedAlert | undefined> {
    const token = randomUUID();
    const alert = await this.alerts
      .findOneAndUpdate(
        due,
        { $set: { state: 'processing', leaseToken: token, leaseOwner: this.owner, leaseUntil: new Date(now.getTime() + this.leaseMs) }, $inc: { attempts: 1 } },
        { sort: order, returnDocument: 'after' },
      )
      .lean<AlertDocument>();
    return alert ? { alert, token, claimedAt: now.getTime() } : undefined;
  }
}

function isBefore(one: Pick<AlertDocument, 'levelRank' | 'receivedAt'>, other: Pick<AlertDocument, 'levelRank' | 'receivedAt'>, byLevel: boolean): boolean {
  if (byLevel && one.levelRank !== other.levelRank) return one.levelRank < other.levelRank;
  return one.receivedAt.getTime() < other.receivedAt.getTime();
}
