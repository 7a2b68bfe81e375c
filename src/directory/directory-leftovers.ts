import { Inject, Injectable } from '@nestjs/common';
import type { Model, QueryFilter } from 'mongoose';
import { SETTINGS } from '../config/settings.js';
import type { Settings } from '../config/settings.js';
import { CLOCK } from '../contracts/clock.js';
import type { Clock } from '../contracts/clock.js';
import { JobsService } from '../platform/jobs/jobs.service.js';
import type { AccountDocument } from './account.schema.js';
import { DirectoryModels } from './directory-models.js';
import type { EntitlementDocument } from './entitlement.schema.js';

const INTERVAL_MS = 3_600_000;
const BATCH = 500;

/** Takes away what nobody needs any more: accounts that were removed long ago, and what a deleted application left behind. */
@Injectable()
export class DirectoryLeftovers {
  constructor(
    private readonly models: DirectoryModels,
    jobs: JobsService,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'directory'>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    jobs.register({ name: 'directory-leftovers', intervalMs: INTERVAL_MS, run: (signal) => this.run(signal) });
  }

  async run(signal: AbortSignal): Promise<{ accountsRemoved: number; entitlementsRemoved: number }> {
    const before = new Date(this.clock.now() - this.settings.directory.removedAccountDays * 86_400_000);
    const old = await this.mark(this.models.accounts, { removedAt: { $ne: null, $lt: before }, deletedAt: null }, {}, signal);
    const found = { accountsRemoved: old, entitlementsRemoved: 0 };
    const [ofAccounts, ofEntitlements, present] = await Promise.all([
      this.models.accounts.distinct('applicationId', { deletedAt: null }),
      this.models.entitlements.distinct('applicationId', { deleted: false }),
      this.models.applications.distinct('_id', { deleted: false }),
    ]);
    const there = new Set(present.map(String));
    for (const applicationId of new Set([...ofAccounts, ...ofEntitlements])) {
      if (there.has(applicationId)) continue;
      const left = await this.ofApplication(applicationId, signal);
      found.accountsRemoved += left.accountsRemoved;
      found.entitlementsRemoved += left.entitlementsRemoved;
    }
    return found;
  }

  /** What belonged to an application that is deleted: its catalogue, and the history of its accounts. */
  async ofApplication(applicationId: string, signal?: AbortSignal): Promise<{ accountsRemoved: number; entitlementsRemoved: number }> {
    const now = new Date(this.clock.now());
    return {
      entitlementsRemoved: await this.mark<EntitlementDocument>(this.models.entitlements, { applicationId, deleted: false }, { deleted: true }, signal),
      accountsRemoved: await this.mark<AccountDocument>(this.models.accounts, { applicationId, deletedAt: null }, { removedAt: now }, signal),
    };
  }

  /** In batches: one large update would hold up other writers of the embedded store. */
  private async mark<T extends { _id: string; deletedAt: Date | null; version: number }>(model: Model<T>, filter: QueryFilter<T>, set: Partial<T>, signal?: AbortSignal): Promise<number> {
    let marked = 0;
    while (!signal?.aborted) {
      const some = await model.find(filter, { _id: 1 } as never).limit(BATCH).lean<Array<{ _id: string }>>();
      if (some.length === 0) break;
      const { modifiedCount } = await model.updateMany({ ...filter, _id: { $in: some.map(({ _id }) => _id) } }, { $set: { ...set, deletedAt: new Date(this.clock.now()) }, $inc: { version: 1 } });
      if (modifiedCount === 0) break;
      marked += modifiedCount;
    }
    return marked;
  }
}
