import type { TestKafka } from '../../support/kafka.js';

/** What a forwarder is asked to make of the topic. */
export interface Scenario {
  name: string;
  format: 'cef' | 'structured-data' | 'json-header' | 'json-lines';
  protocol: 'tcp' | 'udp';
  /** Every event to each of so many receivers. */
  destinations: number;
  /** What each message begins with. */
  start: string;
}

export interface PeerContext {
  kafka: TestKafka;
  topic: string;
  directory: string;
  /** Ports of the sink on 127.0.0.1, one a destination. */
  ports: readonly number[];
  /** Another one for each run: where a consumer group would go on, a new one begins anew. */
  run: string;
  /** True when only events from now on are wanted. */
  fromNow: boolean;
}

/** A forwarder at work, from the moment when it may begin to read. */
export interface RunningPeer {
  /** CPU seconds of all its processes since then. */
  cpu(): number;
  /** Peak resident memory of all its processes, MiB. */
  peak(): number;
  /** What it wrote to its own log, for a run that fails. */
  said(): string;
  stop(): Promise<void>;
}

export interface Peer {
  name: string;
  /** Why it cannot be run here. */
  missing(): string | undefined;
  takes(scenario: Scenario): boolean;
  start(scenario: Scenario, context: PeerContext): Promise<RunningPeer>;
}
