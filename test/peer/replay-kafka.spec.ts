import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { systemClock } from '../../src/contracts/clock.js';
import { filterSection } from '../../src/model/integration.js';
import { ReplayRun } from '../../src/outward/engine/replay-run.js';
import type { ReplayDocument } from '../../src/outward/evidence/replay.schema.js';
import type { EngineIntegration } from '../../src/outward/integrations/integration-repository.js';
import { appendTypes, feedContext, ScriptedTransport, testIntegration, testLane, until } from '../support/engine.js';
import { kafkaMissing, startKafka, type TestKafka } from '../support/kafka.js';
import { openKafkaEventLog } from '../support/kafka-event-log.js';
import { describeWithPeer } from '../support/peers.js';
import { eventually } from '../support/service.js';

jest.setTimeout(120_000);
const TYPE = 'account.owner.changed';

describeWithPeer('a replay on Apache Kafka', (await kafkaMissing()) ?? null, () => {
  let kafka: TestKafka;
  beforeAll(async () => void (kafka = await startKafka(1)));
  afterAll(() => kafka?.stop());

  it('ends where the log ends with what no reader gets: a transaction that was aborted, and its mark', async () => {
    const fixture = await openKafkaEventLog(kafka.brokers, { partitions: 1 });
    const { log, topic } = fixture;
    await appendTypes(log, [TYPE, TYPE, TYPE]);
    const producer = new Kafka({ brokers: kafka.brokers, clientId: 'test', logLevel: logLevel.NOTHING }).producer({ transactionalId: 'somebody-else', maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ key: 'k', value: 'never' }] });
    await transaction.abort();
    await producer.disconnect();
    let end = 0;
    await eventually('the broker has put its mark', async () => (end = (await log.ranges())[0]?.next ?? 0) > 3);
    const integration = testIntegration('one', { filter: filterSection.parse({ types: [TYPE] }) }) as EngineIntegration;
    const transport = new ScriptedTransport();
    transport.onSend = (session, chunk) => {
      setTimeout(() => session.safe(chunk.number), 1);
      return Promise.resolve({ type: 'taken' });
    };
    const document: ReplayDocument = {
      _id: 'replay', integrationId: 'one', integrationName: 'one', pool: 'default', requestedBy: 'admin', cause: 'administrator', parts: [{ partition: 0, at: 0, end }], positions: null, ids: null,
      eventsPerSecond: 1000, state: 'new', engineId: null, leaseToken: null, leaseUntil: null, sent: 0, filtered: 0, rejected: 0, missing: 0, problem: null,
      createdAt: new Date(), endedAt: null, expiresAt: null, auditOutbox: [],
    };
    const run = new ReplayRun(document, integration, { context: feedContext(log), eventLog: log, clock: systemClock, lane: () => testLane(integration, transport).lane, resetsOf: () => 0 });
    await until('it is done', () => run.progress.done, 60_000);
    expect(run.progress).toMatchObject({ sent: 3, filtered: 0, missing: 0 });
    await run.stop(0);
    await fixture.dispose();
  });
});
