import { v7 as uuidV7 } from 'uuid';
import type { Model } from 'mongoose';
import type { Clock } from '../../contracts/clock.js';
import type { Dialer } from '../../contracts/dialer.js';
import type { Log } from '../../contracts/log.js';
import type { Evidence } from '../../contracts/transport.js';
import type { AuditEvent } from '../../model/audit-event.js';
import type { Integration } from '../../model/integration.js';
import { deliveryPathOf, settingsName } from '../delivery/delivery-path.js';
import { failedTest, testDelivery } from '../delivery/test-delivery.js';
import type { EngineIntegration, IntegrationRepository } from '../integrations/integration-repository.js';
import type { EngineCommandDocument, TestResult } from './engine-command.schema.js';

/** Commands that run at the same time; more wait for the next turn. */
const MOST_AT_ONCE = 8;

export interface CommandRunnerOptions {
  model: Model<EngineCommandDocument>;
  engineId: string;
  pool: string;
  machineHostname: string;
  integrations: IntegrationRepository;
  dialer: Dialer;
  clock: Clock;
  log: Log;
  timeoutMs: number;
  /** What a test that went through has proven. @throws when it cannot be stored */
  reached(integration: EngineIntegration, rung: Evidence): Promise<void>;
}

/** Takes what the API asks of this pool, each command once, and writes the answer into it. Beside the stream: a slow test delays nothing. */
export class CommandRunner {
  private readonly running = new Set<Promise<void>>();

  constructor(private readonly options: CommandRunnerOptions) {}

  async takeAll(): Promise<void> {
    while (this.running.size < MOST_AT_ONCE) {
      const command = await this.claim();
      if (!command) return;
      const run: Promise<void> = this.execute(command).finally(() => this.running.delete(run));
      this.running.add(run);
    }
  }

  async stop(graceMs: number): Promise<void> {
    await Promise.race([Promise.all(this.running), new Promise((resolve) => setTimeout(resolve, graceMs).unref())]);
  }

  private claim(): Promise<EngineCommandDocument | null> {
    const { model, clock, pool, engineId, timeoutMs } = this.options;
    const now = clock.now();
    return model
      .findOneAndUpdate({ pool, state: 'new', expiresAt: { $gt: new Date(now) } }, { $set: { state: 'claimed', engineId, claimedUntil: new Date(now + timeoutMs) } }, { sort: { createdAt: 1 }, returnDocument: 'after' })
      .lean<EngineCommandDocument>();
  }

  private async execute(command: EngineCommandDocument): Promise<void> {
    const { model, engineId, log } = this.options;
    try {
      const integration = await this.options.integrations.get(command.integrationId);
      const result = integration ? await this.test(integration) : null;
      await model.updateOne({ _id: command._id, engineId }, { $set: { state: 'done', result } });
      log.info({ integrationId: command.integrationId, ok: result?.ok ?? false, code: result?.failure?.code, ms: result?.ms }, 'integration was tested');
    } catch (error) {
      log.error({ commandId: command._id, err: error }, 'a command failed');
    }
  }

  private async test(integration: EngineIntegration): Promise<TestResult> {
    const { engineId, machineHostname, dialer, clock, timeoutMs } = this.options;
    const event = testEvent(integration, clock.now());
    const path = deliveryPathOf(integration, machineHostname);
    const delivery = 'cause' in path ? failedTest(path) : await testDelivery({ of: settingsName(integration), settings: integration, event, renderer: path.renderer, shape: path.shape, transport: path.transport, dialer, clock, timeoutMs });
    if (delivery.ok && delivery.evidence !== null) {
      // Not known is better than a test that says that it failed.
      await this.options.reached(integration, delivery.evidence).catch((error: unknown) => this.options.log.warn({ integrationId: integration.id, err: error }, 'what a test proved cannot be remembered'));
    }
    return { ...delivery, engineId, eventId: event.id };
  }
}

/** The event of the Test button; it never lies in the log, so it has no sequence. */
export function testEvent(integration: Pick<Integration, 'id' | 'name'>, now: number): AuditEvent {
  const time = new Date(now).toISOString();
  return {
    id: uuidV7(),
    type: 'siem.test',
    occurredAt: time,
    receivedAt: time,
    actor: { kind: 'system', id: 'tidegate:engine', name: 'engine' },
    subject: { kind: 'integration', id: integration.id, name: integration.name },
    objects: [],
    outcome: 'success',
    severity: 0,
    message: `Test event from ${integration.name}`,
    attributes: {},
    changes: [],
  };
}
