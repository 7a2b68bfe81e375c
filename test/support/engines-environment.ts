import { randomUUID } from 'node:crypto';
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
