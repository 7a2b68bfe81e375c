import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import type { SettingsInput } from '../../src/config/settings.js';

/** Brokers of a real Kafka that the tests of HTTP use instead of the embedded log; given by test/peer/http-suite.spec.ts. */
export const TEST_BROKERS: readonly string[] = (process.env['TIDEGATE_TEST_KAFKA_BROKERS'] ?? '').split(',').filter((broker) => broker !== '');
/** The MongoDB-wire server of the same suite; several may be given for the contract suite, the first is for everybody else. */
export const TEST_MONGODB: string | undefined = process.env['TIDEGATE_TEST_MONGODB_URI']?.split(/\s+/)[0];

/** Settings of a service on these: a topic and a database of its own. Nothing when there are none. */
export function enginesSettings(partitions = 4): Pick<SettingsInput, 'kafka' | 'mongodb'> {
  if (TEST_BROKERS.length === 0 || TEST_MONGODB === undefined) return {};
  const name = `test-${randomUUID().slice(0, 13)}`;
  return {
    kafka: { brokers: [...TEST_BROKERS], topic: name, partitions, replicationFactor: 1, minInSyncReplicas: 1, sessionTimeoutMs: 6000 },
    mongodb: { uri: TEST_MONGODB.replace('/?', `/${name}?`) },
  };
}

/** The same for a service in a process of its own: environment to start it with, each time it is started. */
export function enginesEnvironment(): Record<string, string> {
  const { kafka, mongodb } = enginesSettings();
  if (!kafka?.topic || !mongodb?.uri) return {};
  return {
    TIDEGATE_KAFKA_BROKERS: TEST_BROKERS.join(','),
    TIDEGATE_KAFKA_TOPIC: kafka.topic,
    TIDEGATE_KAFKA_PARTITIONS: String(kafka.partitions),
    TIDEGATE_KAFKA_REPLICATION_FACTOR: '1',
    TIDEGATE_KAFKA_MIN_IN_SYNC_REPLICAS: '1',
    TIDEGATE_KAFKA_SESSION_TIMEOUT_MS: String(kafka.sessionTimeoutMs),
    TIDEGATE_MONGODB_URI: mongodb.uri,
  };
}

async function withAdmin(work: (admin: kafkajs.Admin) => Promise<void>): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers: [...TEST_BROKERS], clientId: 'test', logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Has the brokers delete a topic, and waits until it is gone: the next one of that name is another log. */
export const removeTopic = (topic: string): Promise<void> => withAdmin(async (admin) => {
  await admin.deleteTopics({ topics: [topic] });
  while ((await admin.listTopics()).includes(topic)) await new Promise((resolve) => setTimeout(resolve, 50));
});

/** Has the brokers remove all but the last records of each partition of a topic, as retention does there. */
export const removeOldest = (topic: string, keep: number): Promise<void> => withAdmin(async (admin) => {
  const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => ({ partition, offset: String(Math.max(0, Number(high) - keep)) }));
  await admin.deleteTopicRecords({ topic, partitions });
});
