import type { Clock } from '../../../contracts/clock.js';
import type { Log } from '../../../contracts/log.js';

export interface KafkaSasl {
  mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  username: string;
  password: string;
}

/** PEM texts. `true` verifies brokers against the system's authorities. */
export interface KafkaTls {
  ca?: string;
  cert?: string;
  key?: string;
}

export interface KafkaEventLogOptions {
  /** host:port each. */
  brokers: string[];
  clientId: string;
  topic: string;
  /** Of the topic when it is made; a topic that is there must have as many. */
  partitions: number;
  replicationFactor: number;
  minInSyncReplicas: number;
  retentionMs: number;
  compression: 'gzip' | 'none';
  tls?: KafkaTls | true;
  sasl?: KafkaSasl;
  /** How long a member that stopped answering keeps its partitions. The broker's own bounds hold (6 s at least by default). */
  sessionTimeoutMs: number;
  /** How long a member may take to give its partitions back. */
  revokeGraceMs: number;
  /** How long an append may take before it is answered `unavailable`. */
  appendTimeoutMs: number;
  /** Keys of the records' signature: the first signs, all verify. Not empty. */
  signingKeys: readonly Buffer[];
  /** After so long without progress a consumer is built anew; tests alone give it. */
  stalledMs?: number;
  /** What a call of the client may take; tests alone give it. */
  callMs?: number;
  clock: Clock;
  log: Log;
}
