import kafkajs, { type Admin } from 'kafkajs';
import type { KafkaEventLogOptions } from './kafka-options.js';
import { errorType } from './kafka-client.js';

// A CommonJS package: Node finds not all of its names as exports.
const { ConfigResourceTypes } = kafkajs;

/** The topic is there, but not as the settings say. No retry mends that. */
export class TopicMisfit extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TopicMisfit';
  }
}

/**
 * Makes the topic when it is missing. Times are the broker's own, so that they never fall within a partition; the broker compresses anew what others write with
 * codecs that kafkajs does not read, so that no record of theirs stops a partition.
 * @throws TopicMisfit; the client's errors when no broker answers
 */
export async function ensureTopic(admin: Admin, options: KafkaEventLogOptions): Promise<void> {
  const { topic } = options;
  if (!(await admin.listTopics()).includes(topic)) {
    try {
      await admin.createTopics({
        waitForLeaders: false,
        topics: [
          {
            topic,
            numPartitions: options.partitions,
            replicationFactor: options.replicationFactor,
            configEntries: [
              { name: 'retention.ms', value: String(Math.round(options.retentionMs)) },
              { name: 'min.insync.replicas', value: String(options.minInSyncReplicas) },
              { name: 'message.timestamp.type', value: 'LogAppendTime' },
              { name: 'compression.type', value: options.compression === 'gzip' ? 'gzip' : 'uncompressed' },
              { name: 'cleanup.policy', value: 'delete' },
            ],
          },
        ],
      });
    } catch (error) {
      if (errorType(error) === 'INVALID_REPLICATION_FACTOR') throw new TopicMisfit(`kafka.replicationFactor is ${options.replicationFactor}, but there are not so many brokers: set it to the number of brokers, or start more.`);
      // Another process made it at the same time.
      if (errorType(error) !== 'TOPIC_ALREADY_EXISTS') throw error;
    }
  }
  await check(admin, options);
}

/** What the brokers remove of the topic: by age (ms), and beyond so many bytes in a partition; null where they keep it for ever. `compression` as the topic says. */
export interface TopicRetention {
  ageMs: number | null;
  partitionBytes: number | null;
  compression: string | undefined;
}

export async function retentionOf(admin: Admin, topic: string): Promise<TopicRetention> {
  const names = ['retention.ms', 'retention.bytes', 'compression.type'];
  const described = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: names }] });
  const config = new Map(described.resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]));
  const limit = (name: string): number | null => {
    const value = Number(config.get(name) ?? Number.NaN);
    if (!Number.isFinite(value)) throw new Error(`Kafka did not tell ${name} of topic ${topic}`);
    return value < 0 ? null : value;
  };
  return { ageMs: limit('retention.ms'), partitionBytes: limit('retention.bytes'), compression: config.get('compression.type') };
}

async function check(admin: Admin, { topic, partitions, minInSyncReplicas, log }: KafkaEventLogOptions): Promise<void> {
  const [metadata] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics;
  const found = metadata?.partitions.length ?? 0;
  if (found !== partitions) throw new TopicMisfit(`kafka.partitions is ${partitions}, but topic ${topic} has ${found}: set kafka.partitions to ${found}, or name another topic in kafka.topic.`);
  const leaderless = metadata?.partitions.filter(({ leader }) => leader < 0).length ?? 0;
  if (leaderless > 0) throw new Error(`${leaderless} partitions of topic ${topic} have no leader yet`);
  const described = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: ['message.timestamp.type', 'compression.type', 'cleanup.policy', 'min.insync.replicas'] }] });
  const config = new Map(described.resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]));
  if (config.get('cleanup.policy')?.includes('compact')) throw new TopicMisfit(`Topic ${topic} has cleanup.policy=${config.get('cleanup.policy')}: events would be lost. Set it to delete.`);
  const differences: Record<string, string | undefined> = {};
  if (config.get('message.timestamp.type') !== 'LogAppendTime') differences['message.timestamp.type'] = config.get('message.timestamp.type');
  if (!['gzip', 'uncompressed'].includes(config.get('compression.type') ?? '')) differences['compression.type'] = config.get('compression.type');
  if (config.get('min.insync.replicas') !== String(minInSyncReplicas)) differences['min.insync.replicas'] = config.get('min.insync.replicas');
  if (Object.keys(differences).length > 0) log.warn({ topic, ...differences }, 'topic has other settings than Tidegate gives it: wanted are LogAppendTime, gzip or uncompressed, and kafka.minInSyncReplicas');
}
