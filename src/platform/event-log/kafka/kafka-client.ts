import kafkajs, { type Kafka as KafkaClient, type LogEntry, type SASLOptions } from 'kafkajs';
import type { Log } from '../../../contracts/log.js';
import { useDirectFetchDecoder } from './fetch-decoder.js';
import { useDirectGzip } from './gzip-codec.js';
import type { KafkaEventLogOptions, KafkaSasl } from './kafka-options.js';

// A CommonJS package: Node finds not all of its names as exports.
const { Kafka, logLevel } = kafkajs;

const CONNECT_MS = 3000;
const REQUEST_MS = 10_000;
/**
 * What any call of kafkajs may take. Its own limits do not hold for a request on a connection that is being closed: when the broker closes it first, as it does to a process that stood still, the call never ends.
 * More than three tries of a request.
 */
export const CALL_MS = 45_000;

/** The client with short patience: repeating is done by the appender and the consumers, which know what may be repeated. */
export function kafkaClient(options: KafkaEventLogOptions): KafkaClient {
  const { brokers, clientId, tls, sasl, log } = options;
  useDirectGzip();
  useDirectFetchDecoder();
  return new Kafka({
    brokers,
    clientId,
    ssl: tls === undefined ? false : tls === true ? true : { ca: tls.ca, cert: tls.cert, key: tls.key },
    sasl: sasl && saslOptions(sasl),
    connectionTimeout: CONNECT_MS,
    authenticationTimeout: CONNECT_MS,
    requestTimeout: REQUEST_MS,
    enforceRequestTimeout: true,
    retry: { initialRetryTime: 100, maxRetryTime: 2000, retries: 2 },
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => forward(log, entry),
  });
}

/** The client wants the mechanism as a constant. */
function saslOptions({ mechanism, username, password }: KafkaSasl): SASLOptions {
  switch (mechanism) {
    case 'plain':
      return { mechanism, username, password };
    case 'scram-sha-256':
      return { mechanism, username, password };
    case 'scram-sha-512':
      return { mechanism, username, password };
  }
}

/** kafkajs calls an ordinary rebalance an error: what matters is told by the parts that use it, once. */
function forward(log: Log, { namespace, level, log: { message, timestamp: _, ...facts } }: LogEntry): void {
  log.debug({ ...facts, stack: undefined, namespace, kafkajsLevel: level }, message);
}

/** The broker's name of an error, such as MESSAGE_TOO_LARGE; kafkajs's own name otherwise. */
export function errorType(error: unknown): string {
  for (let current: unknown = error, depth = 0; typeof current === 'object' && current !== null && depth < 5; depth++) {
    if ('type' in current && typeof current.type === 'string') return current.type;
    if (!('cause' in current) || current.cause === undefined) return 'name' in current && typeof current.name === 'string' ? current.name : 'unknown';
    current = current.cause;
  }
  return 'unknown';
}

export function isRetriable(error: unknown): boolean {
  return !(typeof error === 'object' && error !== null && 'retriable' in error && error.retriable === false);
}

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
