import { randomBytes, randomUUID } from 'node:crypto';
import { silentLog } from '../../src/contracts/log.js';
import { KafkaEventLog } from '../../src/platform/event-log/kafka/kafka-event-log.js';
import type { KafkaEventLogOptions } from '../../src/platform/event-log/kafka/kafka-options.js';

export function kafkaOptions(brokers: string[], options: Partial<KafkaEventLogOptions> = {}): KafkaEventLogOptions {
  return {
    brokers,
    clientId: 'tidegate-test',
    topic: `test-${randomUUID()}`,
    partitions: 4,
    replicationFactor: Math.min(3, brokers.length),
    minInSyncReplicas: brokers.length < 3 ? 1 : 2,
    retentionMs: 86_400_000,
    compression: 'gzip',
    sessionTimeoutMs: 6000,
    revokeGraceMs: 5000,
    appendTimeoutMs: 15_000,
    signingKeys: [TEST_SIGNING_KEY],
    clock: { now: () => Date.now() },
    log: silentLog,
    ...options,
  };
}
const TEST_SIGNING_KEY = randomBytes(32);

export interface TestKafkaEventLog {
  topic: string;
  log: KafkaEventLog;
  another(): Promise<KafkaEventLog>;
  reopen(): Promise<KafkaEventLog>;
  dispose(): Promise<void>;
}

/** An event log on a topic of its own. */
export async function openKafkaEventLog(brokers: string[], options: Partial<KafkaEventLogOptions> = {}): Promise<TestKafkaEventLog> {
  const all = kafkaOptions(brokers, options);
  const opened: KafkaEventLog[] = [];
  const open = async (): Promise<KafkaEventLog> => {
    const log = new KafkaEventLog(all);
    await log.open();
    opened.push(log);
    return log;
  };
  const fixture: TestKafkaEventLog = {
    topic: all.topic,
    log: await open(),
    another: open,
    reopen: async () => {
      await fixture.log.close();
      fixture.log = await open();
      return fixture.log;
    },
    dispose: async () => {
      await Promise.all(opened.map((log) => log.close()));
    },
  };
  return fixture;
}
