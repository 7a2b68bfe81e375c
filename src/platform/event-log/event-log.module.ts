import { createHmac, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { CLOCK, type Clock } from '../../contracts/clock.js';
import { EVENT_LOG } from '../../contracts/event-log.js';
import type { EventLog } from '../../contracts/event-log.js';
import { LOG, type Log } from '../../contracts/log.js';
import { PRODUCER_KEYS, type ProducerKeys } from '../../contracts/producer-keys.js';
import { SECRETS } from '../../contracts/secrets.js';
import { DocumentStore } from '../documents/document-store.js';
import { readKeyFile } from '../secrets/key-file.js';
import { DocumentProducerKeys } from './document-producer-keys.js';
import { EmbeddedEventLog } from './embedded/embedded-event-log.js';
import type { KafkaEventLog } from './kafka/kafka-event-log.js';
import { LogReplacements } from './log-replacements.js';
import { agreeOnKey } from './shared-key.js';

const HOUR_MS = 3_600_000;

export function embeddedEventLog(settings: Settings, clock: Clock, log: Log): EmbeddedEventLog {
  const { eventLog, intake, engine } = settings;
  return new EmbeddedEventLog({
    directory: join(resolve(settings.dataDir), 'event-log'),
    partitions: eventLog.partitions,
    retentionMs: eventLog.retentionHours * HOUR_MS,
    retentionBytes: eventLog.retentionBytes,
    fullBytes: eventLog.fullBytes,
    minFreeDiskBytes: eventLog.minFreeDiskBytes,
    retentionIntervalMs: eventLog.retentionIntervalMs,
    producerKeyMs: intake.duplicateWindowHours * HOUR_MS,
    poolLeaseMs: eventLog.poolLeaseMs,
    revokeGraceMs: engine.stopGraceMs,
    clock,
    log: log.child('event-log'),
  });
}

/** The client library is loaded only when it is used. @throws when a file of the settings cannot be read */
export async function kafkaEventLog(settings: Settings, clock: Clock, log: Log): Promise<KafkaEventLog> {
  const { KafkaEventLog } = await import('./kafka/kafka-event-log.js');
  const { kafka, eventLog, engine } = settings;
  const { tls, sasl } = kafka;
  return new KafkaEventLog({
    brokers: kafka.brokers,
    clientId: kafka.clientId,
    topic: kafka.topic,
    partitions: kafka.partitions,
    replicationFactor: kafka.replicationFactor,
    minInSyncReplicas: kafka.minInSyncReplicas,
    retentionMs: eventLog.retentionHours * HOUR_MS,
    compression: kafka.compression,
    tls: tls.enabled ? kafkaTls(tls) : undefined,
    sasl: sasl.mechanism === 'none' ? undefined : { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password },
    sessionTimeoutMs: kafka.sessionTimeoutMs,
    revokeGraceMs: engine.stopGraceMs,
    appendTimeoutMs: kafka.appendTimeoutMs,
    signingKeys: keysOf(settings).map((key) => createHmac('sha256', key).update('tidegate event log record').digest()),
    clock,
    log: log.child('event-log'),
  });
}

function keysOf(settings: Settings): Buffer[] {
  return readKeyFile(settings.secretKeyFile ?? join(resolve(settings.dataDir), 'secret.key'));
}

/** @throws naming the key when a file cannot be read, or is not what it should be */
function kafkaTls({ caFile, certFile, keyFile }: Settings['kafka']['tls']): { ca?: string; cert?: string; key?: string } {
  const [ca, cert, key] = [pem('kafka.tls.caFile', caFile), pem('kafka.tls.certFile', certFile), pem('kafka.tls.keyFile', keyFile)];
  for (const [setting, path, text] of [['kafka.tls.caFile', caFile, ca], ['kafka.tls.certFile', certFile, cert]] as const) {
    if (text === undefined) continue;
    try {
      new X509Certificate(text);
    } catch (error) {
      throw new Error(`${setting} ${path ?? ''} holds no PEM certificate: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  try {
    createSecureContext({ ca, cert, key });
  } catch (error) {
    throw new Error(`kafka.tls.keyFile ${keyFile ?? ''} is not the PEM private key, without a pass phrase, of the certificate in kafka.tls.certFile: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  return { ca, cert, key };
}

function pem(setting: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`${setting} ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Kafka when brokers are set, else the embedded log under the data directory. */
async function openEventLog(settings: Settings, clock: Clock, log: Log, documents: DocumentStore): Promise<EventLog> {
  const onKafka = settings.kafka.brokers.length > 0;
  if (onKafka) await agreeOnKey(documents, keysOf(settings));
  const eventLog = onKafka ? await kafkaEventLog(settings, clock, log) : embeddedEventLog(settings, clock, log);
  await eventLog.open();
  return eventLog;
}

function producerKeys(eventLog: EventLog, settings: Settings, documents: DocumentStore, clock: Clock, log: Log, replacements: LogReplacements): ProducerKeys {
  if (eventLog instanceof EmbeddedEventLog) return eventLog.producerKeys;
  return new DocumentProducerKeys(documents, settings.intake.duplicateWindowHours * HOUR_MS, clock, log.child('event-log'), replacements);
}

/**
 * The event log and the memory of producer keys. Open before anybody asks for them; closed last: a global module is taken down after those that use it,
 * and this happens in the last of Nest's shutdown steps.
 */
@Global()
@Module({
  providers: [
    // SECRETS makes the key file on the very first start.
    { provide: EVENT_LOG, inject: [SETTINGS, CLOCK, LOG, DocumentStore, SECRETS], useFactory: openEventLog },
    { provide: PRODUCER_KEYS, inject: [EVENT_LOG, SETTINGS, DocumentStore, CLOCK, LOG, LogReplacements], useFactory: producerKeys },
    { provide: LogReplacements, inject: [DocumentStore], useFactory: (documents: DocumentStore) => new LogReplacements(documents) },
  ],
  exports: [EVENT_LOG, PRODUCER_KEYS, LogReplacements],
})
export class EventLogModule implements OnApplicationShutdown {
  constructor(@Inject(EVENT_LOG) private readonly eventLog: EventLog) {}

  async onApplicationShutdown(): Promise<void> {
    await this.eventLog.close();
  }
}
