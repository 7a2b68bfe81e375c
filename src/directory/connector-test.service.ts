import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { CLOCK } from '../contracts/clock.js';
import type { Clock } from '../contracts/clock.js';
import { withAudit } from '../platform/audit/audit-outbox.js';
import { newAuditRecord } from '../platform/audit/new-audit-record.js';
import type { DirectoryAct } from './account-changes.js';
import type { ApplicationDocument } from './application.schema.js';
import { ConnectorRegistry } from './connector-registry.js';
import { DirectoryModels } from './directory-models.js';

/** Longest time for a test, ms; a connector that hangs is told as such. */
const TEST_MS = 20_000;

export const connectorTestView = z.object({
  ok: z.boolean(),
  connector: z.string(),
  detail: z.string().meta({ description: 'What was found, or why it failed.' }),
  code: z.string().nullable(),
  capabilities: z.array(z.string()),
  durationMs: z.number(),
});

/** Tests the connector of an application: at once, and audited. */
@Injectable()
export class ConnectorTestService {
  constructor(
    private readonly models: DirectoryModels,
    private readonly registry: ConnectorRegistry,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async test(application: ApplicationDocument, act: DirectoryAct): Promise<z.output<typeof connectorTestView>> {
    const connector = this.registry.for(application);
    const begun = performance.now();
    const ended = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<{ type: 'transient'; code: 'timeout'; reason: string }>((resolve) => {
      timer = setTimeout(() => {
        ended.abort();
        resolve({ type: 'transient', code: 'timeout', reason: `The connector did not answer within ${TEST_MS / 1000} seconds.` });
      }, TEST_MS);
    });
    const outcome = await Promise.race([connector.test(ended.signal), late]).finally(() => clearTimeout(timer));
    const ok = outcome.type === 'ok';
    const detail = outcome.type === 'ok' ? outcome.detail : outcome.reason;
    const record = newAuditRecord(
      { type: 'audit.application.test', actor: act.actor, subject: { kind: 'application', id: application._id, name: application.name }, outcome: ok ? 'success' : 'failure', ...(ok ? {} : { reason: detail }), attributes: { connector: application.connector } },
      this.clock,
    );
    await this.models.applications.updateOne({ _id: application._id }, withAudit<ApplicationDocument>({}, record));
    this.models.changed();
    return { ok, connector: application.connector, detail, code: outcome.type === 'ok' ? null : outcome.code, capabilities: [...connector.capabilities], durationMs: Math.round((performance.now() - begun) * 10) / 10 };
  }
}
