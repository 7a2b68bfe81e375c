import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Kafka } from 'kafkajs';
import { systemClock } from '../../../contracts/clock.js';
import { silentLog } from '../../../contracts/log.js';
import { KafkaEventLog } from './kafka-event-log.js';

/** As much of the client as is asked. An admin client answers, or never does. */
function fakeKafka() {
  const admins: Array<{ answers: boolean; disconnected: boolean }> = [];
  const producers: Array<{ answers: boolean; sent: number; disconnected: boolean }> = [];
  const state = { answers: true, admins, producers };
  const never = () => new Promise<never>(() => undefined);
  const kafka = {
    admin() {
      const admin = { answers: state.answers, disconnected: false };
      admins.push(admin);
      const answer = <T>(value: T) => async () => (admin.answers ? value : never());
      return {
        connect: async () => undefined,
        fetchTopicMetadata: answer({ topics: [{ name: 't', partitions: [{ partitionId: 0 }, { partitionId: 1 }] }] }),
        listTopics: answer(['t']),
        describeConfigs: answer({ resources: [{ configEntries: [] }] }),
        fetchTopicOffsets: answer([{ partition: 1, low: '0', high: '9', offset: '9' }, { partition: 0, low: '2', high: '7', offset: '7' }]),
        // As the client does while a request of its connection is not answered.
        disconnect: async () => {
          admin.disconnected = true;
          if (!admin.answers) await never();
        },
      };
    },
    producer() {
      const producer = { answers: state.answers, sent: 0, disconnected: false };
      producers.push(producer);
      return {
        connect: async () => undefined,
        send: async () => {
          producer.sent++;
          return producer.answers ? [{ baseOffset: '41' }] : never();
        },
        disconnect: async () => {
          producer.disconnected = true;
        },
      };
    },
  };
  return { ...state, state, kafka: kafka as unknown as Kafka };
}

describe('a call of the Kafka client that never ends', () => {
  let fake: ReturnType<typeof fakeKafka>;
  let log: KafkaEventLog;
  beforeEach(async () => {
    fake = fakeKafka();
    const options = {
      brokers: ['127.0.0.1:9'], clientId: 'test', topic: 't', partitions: 2, replicationFactor: 1, minInSyncReplicas: 1, retentionMs: 1000, compression: 'none' as const, sessionTimeoutMs: 1000, revokeGraceMs: 100,
      appendTimeoutMs: 5000, signingKeys: [Buffer.from('key')], callMs: 200, clock: systemClock, log: silentLog,
    };
    log = new KafkaEventLog(options, fake.kafka);
    await log.open();
  });
  afterEach(() => log.close());

  it('keeps nobody waiting: the question fails, and the next one is asked by a new client', async () => {
    expect(await log.ranges()).toEqual([{ partition: 0, first: 2, next: 7 }, { partition: 1, first: 0, next: 9 }]);
    for (const admin of fake.admins) admin.answers = false;
    const asked = [log.ranges(), log.ranges()];
    for (const question of asked) await expect(question).rejects.toThrow(/no answer within 200 ms/);
    expect(fake.admins.every(({ disconnected }) => disconnected)).toBe(true);
    expect(await log.ranges()).toHaveLength(2);
  });

  it('keeps no event waiting: it is sent again by a new client', async () => {
    const record = { key: 'acc-1', value: Buffer.from('{}'), headers: {} };
    expect(await log.append([record])).toMatchObject([{ type: 'appended', offset: 41 }]);
    for (const producer of fake.producers) producer.answers = false;
    expect(await log.append([record])).toMatchObject([{ type: 'appended', offset: 41 }]);
    expect(fake.producers.map(({ sent, disconnected }) => [sent, disconnected])).toEqual([[2, true], [1, false]]);
  });
});
