import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { v7 as uuidV7 } from 'uuid';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import type { Principal } from '../../platform/access/rights.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { Problem } from '../../platform/http/problem.js';
import { engineCommandSchema, type EngineCommandDocument, type TestResult } from '../engine/engine-command.schema.js';
import { EngineWake } from '../engine/engine-wake.js';
import type { OpenedIntegration } from './integration-secrets.js';
import { IntegrationStatusService } from './integration-status.service.js';
import { IntegrationsService, notFound } from './integrations.service.js';

const FIRST_POLL_MS = 20;
const LONGEST_POLL_MS = 250;
/** How long a pool without a live engine may take before the answer says so: one may be starting. */
const EMPTY_POOL_WAIT_MS = 3000;

/** The Test button: asks an engine of the integration's pool to send a test event through the real path, and waits for what it found. */
@Injectable()
export class IntegrationTestService {
  private readonly commands: Model<EngineCommandDocument>;

  constructor(
    store: DocumentStore,
    private readonly integrations: IntegrationsService,
    private readonly status: IntegrationStatusService,
    private readonly engineWake: EngineWake,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'engine'>,
  ) {
    this.commands = store.model<EngineCommandDocument>('engine-command', engineCommandSchema);
  }

  /** @throws Problem 503 when no engine of the pool took it, or did not answer, within the time; 404 */
  async test(opened: OpenedIntegration, principal: Principal): Promise<TestResult> {
    const { _id: integrationId } = opened.document;
    const { enginePool: pool } = opened.settings;
    const { testTimeoutMs } = this.settings.engine;
    const now = this.clock.now();
    const id = uuidV7();
    // The intent is recorded before the act, the end after it: a test that a crash cut off is in the audit all the same.
    await this.integrations.recordAct(opened, 'test', principal, { outcome: 'unknown', reason: 'test asked for', correlationId: id });
    await this.commands.create({ _id: id, kind: 'test', pool, integrationId, requestedBy: principal.name, state: 'new', engineId: null, claimedUntil: null, createdAt: new Date(now), expiresAt: new Date(now + testTimeoutMs), result: null });
    this.engineWake.wake();

    const ended = await this.wait(id, pool, testTimeoutMs);
    if (ended.state === 'done' && ended.result) {
      const { ok, failure, engineId, eventId } = ended.result;
      await this.integrations.recordAct(opened, 'test', principal, {
        outcome: ok ? 'success' : 'failure',
        correlationId: id,
        attributes: { engineId, eventId, ...(failure ? { code: failure.code, stage: failure.stage } : {}) },
        ...(failure ? { reason: failure.cause } : {}),
      });
      return ended.result;
    }
    if (ended.state === 'done') throw notFound(integrationId);
    const problem = notAnswered(ended, pool, testTimeoutMs);
    await this.integrations.recordAct(opened, 'test', principal, { outcome: 'failure', reason: problem.detail, correlationId: id });
    throw problem;
  }

  /** The command when it is done; else as it was when the time was over, and then no engine takes it any more. */
  private async wait(id: string, pool: string, timeoutMs: number): Promise<EngineCommandDocument> {
    const begun = performance.now();
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(LONGEST_POLL_MS, pollMs * 1.5)) {
      await new Promise((resolve) => setTimeout(resolve, pollMs));
      const command = await this.commands.findOne({ _id: id }).lean<EngineCommandDocument>();
      const waitedMs = performance.now() - begun;
      if (!command || command.state === 'done') return command ?? withdrawn(id, pool);
      const given = command.state === 'new' && waitedMs >= EMPTY_POOL_WAIT_MS && !(await this.status.liveEngine(pool)) ? 0 : timeoutMs;
      if (waitedMs < given) continue;
      const last = await this.commands.findOneAndDelete({ _id: id }).lean<EngineCommandDocument>();
      return last ?? withdrawn(id, pool);
    }
  }
}

function withdrawn(id: string, pool: string): EngineCommandDocument {
  const none = new Date(0);
  return { _id: id, kind: 'test', pool, integrationId: '', requestedBy: '', state: 'new', engineId: null, claimedUntil: null, createdAt: none, expiresAt: none, result: null };
}

function notAnswered(command: EngineCommandDocument, pool: string, timeoutMs: number): Problem {
  const extra = { pool, headers: { 'Retry-After': '10' } };
  if (command.state === 'claimed') return new Problem(503, 'test-not-finished', `Engine ${command.engineId ?? ''} of pool ${pool} took the test but did not finish it within ${timeoutMs} ms. Look at its log, or try again.`, { ...extra, engineId: command.engineId });
  return new Problem(503, 'no-live-engine', `No engine of pool ${pool} took the test. Start an engine with TIDEGATE_ENGINE_POOL=${pool}, or choose another pool for the integration.`, extra);
}
