import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { AuditService } from '../../platform/audit/audit.service.js';
import { newAuditRecord, systemActor } from '../../platform/audit/new-audit-record.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { JobsService } from '../../platform/jobs/jobs.service.js';
import { deadLetterSchema, type DeadLetterDocument } from '../engine/dead-letter.schema.js';

const INTERVAL_MS = 3_600_000;
const BATCH = 500;

/** Removes dead letters by age. Those that never reached their receiver are counted in an audit record: nothing goes without a word. */
@Injectable()
export class DeadLetterJanitor {
  private readonly deadLetters: Model<DeadLetterDocument>;

  constructor(
    store: DocumentStore,
    jobs: JobsService,
    private readonly audit: AuditService,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'evidence'>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.deadLetters = store.model<DeadLetterDocument>('dead-letter', deadLetterSchema);
    jobs.register({ name: 'dead-letter-janitor', intervalMs: INTERVAL_MS, runAtStart: true, run: (signal) => this.run(signal) });
  }

  async run(signal: AbortSignal): Promise<{ removed: number; undelivered: number }> {
    const before = new Date(this.clock.now() - this.settings.evidence.deadLetterDays * 86_400_000);
    const counts = { removed: 0, undelivered: 0 };
    while (!signal.aborted) {
      const old = await this.deadLetters.find({ createdAt: { $lt: before } }, { _id: 1, integrationId: 1, integrationName: 1, replayedAt: 1 }).sort({ createdAt: 1 }).limit(BATCH).lean<DeadLetterDocument[]>();
      if (old.length === 0) break;
      await this.record(old.filter(({ replayedAt }) => !replayedAt), before);
      counts.undelivered += old.filter(({ replayedAt }) => !replayedAt).length;
      counts.removed += (await this.deadLetters.deleteMany({ _id: { $in: old.map(({ _id }) => _id) } })).deletedCount;
    }
    return counts;
  }

  /** Before they go, so that a crash in between tells it twice rather than never. */
  private async record(letters: readonly DeadLetterDocument[], before: Date): Promise<void> {
    const byIntegration = new Map<string, { name: string; count: number }>();
    for (const { integrationId, integrationName } of letters) byIntegration.set(integrationId, { name: integrationName, count: (byIntegration.get(integrationId)?.count ?? 0) + 1 });
    for (const [id, { name, count }] of byIntegration) {
      await this.audit.record(
        newAuditRecord(
          {
            type: 'audit.dead-letter.purge', actor: systemActor('dead-letter-janitor'), subject: { kind: 'integration', id, name },
            reason: `dead letters from before ${before.toISOString()} were removed by age (evidence.deadLetterDays)`, attributes: { count },
          },
          this.clock,
        ),
      );
    }
  }
}
