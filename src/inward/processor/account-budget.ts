import type { Model } from 'mongoose';
import type { Clock } from '../../contracts/clock.js';
import type { MitigationBudgetDocument } from './mitigation-budget.schema.js';

const HOUR_MS = 3_600_000;

export type BudgetOutcome = { type: 'within' } | { type: 'above'; applicationId: string; accounts: number };

/** How many accounts the alerts of one client on one application may change within an hour. */
export class AccountBudget {
  constructor(private readonly entries: Model<MitigationBudgetDocument>, private readonly clock: Clock) {}

  /**
   * Counts the accounts of an alert in. Above the limit nothing of it is counted, unless it was approved. Entries are stored before they are summed up, so alerts
   * that come at the same time never slip through together; at worst both wait.
   */
  async reserve(alertId: string, client: string, accountsOf: ReadonlyMap<string, number>, accountsPerHour: number, approved: boolean): Promise<BudgetOutcome> {
    const now = this.clock.now();
    for (const [applicationId, accounts] of accountsOf) {
      await this.entries.updateOne({ _id: `${alertId}:${applicationId}` }, { $set: { client, applicationId, accounts, at: new Date(now) } }, { upsert: true });
    }
    if (approved) return { type: 'within' };
    for (const applicationId of accountsOf.keys()) {
      const [sum] = await this.entries.aggregate<{ accounts: number }>([{ $match: { client, applicationId, at: { $gt: new Date(now - HOUR_MS) } } }, { $group: { _id: null, accounts: { $sum: '$accounts' } } }]);
      const accounts = sum?.accounts ?? 0;
      if (accounts <= accountsPerHour) continue;
      await this.entries.deleteMany({ _id: { $in: [...accountsOf.keys()].map((each) => `${alertId}:${each}`) } });
      return { type: 'above', applicationId, accounts };
    }
    return { type: 'within' };
  }
}
