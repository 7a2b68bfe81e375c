import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { Arrivals } from '../support/arrivals.js';
import { startKafka, type TestKafka } from '../support/kafka.js';
import { secantusExecutable, startSecantus, type Secantus } from '../support/secantus.js';
import { eventually, producerEvents, startTestService, type TestService } from '../support/service.js';
import { stackMissing } from '../support/stack.js';

const missing = await stackMissing();
const SLOW_MS = 60_000;

interface Audit {
  items: Array<{ reason: string; attributes: { code?: string } }>;
}

(missing === undefined ? describe : describe.skip)('when the Kafka topic is made anew', () => {
  let kafka: TestKafka;
  let documents: Secantus;
  let client: Kafka;
  let admin: Admin;
  let test: TestService;
  let got: Arrivals;
  let id: string;
  let topic: string;
  let run = 0;
  beforeAll(async () => {
    documents = await startSecantus(await secantusExecutable(), 'replica-set');
    kafka = await startKafka(1);
    client = new Kafka({ brokers: kafka.brokers, clientId: 'test', logLevel: logLevel.NOTHING });
    admin = client.admin();
    await admin.connect();
  }, 240_000);
  afterAll(async () => {
    await admin?.disconnect();
    await kafka?.stop();
    await documents?.stop();
  }, 60_000);
  beforeEach(async () => {
    run++;
    topic = `replaced-${run}`;
    test = await startTestService({
      kafka: { brokers: kafka.brokers, topic, partitions: 1, replicationFactor: 1, minInSyncReplicas: 1, sessionTimeoutMs: 6000 },
      mongodb: { uri: documents.uri.replace('/?', `/replaced-${run}?`) },
    });
    got = await Arrivals.start('');
    id = await test.client.integrate({ name: 'siem', serverUrl: `tcp://127.0.0.1:${got.receiver.port}`, outputType: 'json', connection: { retryInitialMs: 20, settleMs: 50, sealIntervalMs: 100 }, filter: { types: ['account.*'] } });
  }, 120_000);
  afterEach(async () => {
    await test.end();
    await got.receiver.stop();
  }, 60_000);

  const publish = (prefix: string, count: number) => test.client.ok('POST', '/api/v1/events', producerEvents(prefix, count));
  const count = (prefix: string, events: number) => Array.from({ length: events }, (_, at) => got.has(`${prefix}-${at}`)).filter(Boolean).length;
  const arrived = (prefix: string, events: number) => eventually(`${events} of ${prefix} arrived`, () => count(prefix, events) === events, SLOW_MS);
  const saved = () => eventually('the cursor is saved', async () => {
    const { backlog, positions } = await test.client.ok<{ backlog: number; positions: Array<{ position: number }> }>('GET', `/api/v1/integrations/${id}/status`);
    return backlog === 0 && (positions[0]?.position ?? 0) > 0;
  }, SLOW_MS);
  const told = async () => (await test.client.ok<Audit>('GET', '/api/v1/audit?type=siem.state.changed')).items.filter(({ attributes }) => attributes?.code === 'log-replaced');
  /** As `kafka-topics --delete` and `--create` do it: with the broker's own settings, times given by producers. */
  const makeAnew = async () => {
    await admin.deleteTopics({ topics: [topic] });
    for (;;) {
      try {
        return await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: 1, replicationFactor: 1 }] });
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  const writeThemselves = async (prefix: string, events: number) => {
    const producer = client.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    const messages = producerEvents(prefix, events).map(({ id: eventId, type, occurredAt, ...data }) => ({
      key: 'subject', value: JSON.stringify({ specversion: '1.0', id: eventId, source: '/test', type, time: occurredAt, datacontenttype: 'application/json', data }),
    }));
    for (let sent = false; !sent; ) sent = await producer.send({ topic, acks: -1, messages }).then(() => true, () => new Promise((resolve) => setTimeout(() => resolve(false), 100)));
    await producer.disconnect();
  };

  it('and filled beyond the cursor while the engine is away, everything that it holds is sent, and a resend of what is gone is taken', async () => {
    await publish('first', 100);
    await arrived('first', 100);
    await saved();
    await test.stop();
    await makeAnew();
    await writeThemselves('unseen', 400);
    await test.restart();
    await arrived('unseen', 400);
    await eventually('it is told', async () => (await told()).length === 1, SLOW_MS);
    expect((await told())[0]?.reason).toContain('another record');
    const { items } = await test.client.ok<{ items: Array<{ status: string; duplicate?: boolean }> }>('POST', '/api/v1/events', producerEvents('first', 100));
    expect(new Set(items.map(({ status }) => status))).toEqual(new Set(['accepted']));
    await publish('second', 20);
    await arrived('second', 20);
    await saved();
  }, 3 * SLOW_MS);

  it('and filled beyond the cursor under a running engine, everything that it holds is sent', async () => {
    await publish('first', 30);
    await arrived('first', 30);
    await saved();
    // The engine has looked at the log at least twice.
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    await makeAnew();
    await writeThemselves('unseen', 300);
    await arrived('unseen', 300);
    await eventually('it is told', async () => (await told()).length > 0, SLOW_MS);
    await publish('second', 20);
    await arrived('second', 20);
  }, 4 * SLOW_MS);

  it('and by nobody: producers are asked to try again, and it is made again with its settings', async () => {
    await publish('first', 30);
    await arrived('first', 30);
    await saved();
    await admin.deleteTopics({ topics: [topic] });
    await eventually('an event is taken again', async () => {
      const { status } = await test.client.call('POST', '/api/v1/events', producerEvents('after', 20));
      expect([200, 202, 503]).toContain(status);
      return status !== 503;
    }, SLOW_MS);
    await arrived('after', 20);
    expect((await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions).toHaveLength(1);
  }, 3 * SLOW_MS);
});
