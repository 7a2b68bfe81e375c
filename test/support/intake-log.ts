import { join } from 'node:path';
import type { Settings } from '../../src/config/settings.js';
import type { Clock } from '../../src/contracts/clock.js';
import type { EventLog } from '../../src/contracts/event-log.js';
import { silentLog } from '../../src/contracts/log.js';
import type { ProducerKeys } from '../../src/contracts/producer-keys.js';
import type { DocumentStore } from '../../src/platform/documents/document-store.js';
import { DocumentProducerKeys } from '../../src/platform/event-log/document-producer-keys.js';
import { EmbeddedEventLog } from '../../src/platform/event-log/embedded/embedded-event-log.js';
import { KafkaEventLog } from '../../src/platform/event-log/kafka/kafka-event-log.js';
import { LogReplacements } from '../../src/platform/event-log/log-replacements.js';
import { openTestDocuments } from './documents.js';
import { TEST_BROKERS } from './engines-environment.js';
import { kafkaOptions } from './kafka-event-log.js';

const HOUR_MS = 3_600_000;

/** A log that may be opened again on the same records, with the memory of producers' keys. */
export interface IntakeLog {
  open(): Promise<{ log: EventLog; keys: ProducerKeys }>;
  dispose(): Promise<void>;
}

/** Embedded, or on Kafka and the document server when the suite runs on these. */
export function intakeLog(settings: Settings, clock: Clock): IntakeLog {
  const windowMs = settings.intake.duplicateWindowHours * HOUR_MS;
  return TEST_BROKERS.length > 0 ? onKafka(settings, clock, windowMs) : embedded(settings, clock, windowMs);
}

function embedded({ dataDir, eventLog }: Settings, clock: Clock, producerKeyMs: number): IntakeLog {
  const { partitions, retentionBytes, fullBytes, minFreeDiskBytes, retentionHours } = eventLog;
  return {
    async open() {
      const log = new EmbeddedEventLog({
        directory: join(dataDir, 'event-log'), partitions, retentionBytes, fullBytes, minFreeDiskBytes, retentionMs: retentionHours * HOUR_MS, producerKeyMs,
        retentionIntervalMs: 60_000, poolLeaseMs: 10_000, revokeGraceMs: 1000, clock, log: silentLog,
      });
      await log.open();
      return { log, keys: log.producerKeys };
    },
    dispose: () => Promise.resolve(),
  };
}

function onKafka(settings: Settings, clock: Clock, windowMs: number): IntakeLog {
  const options = kafkaOptions([...TEST_BROKERS], { partitions: settings.eventLog.partitions });
  let documents: DocumentStore | undefined;
  // The server removes what is old by its own clock: a test's clock of another year is carried into this one.
  const ahead = Date.now() - clock.now();
  return {
    async open() {
      documents ??= await openTestDocuments();
      const keys = new DocumentProducerKeys(documents, windowMs, { now: () => clock.now() + ahead }, silentLog, new LogReplacements(documents));
      await documents.ensureIndexes();
      const log = new KafkaEventLog(options);
      await log.open();
      return { log, keys };
    },
    dispose: async () => documents?.close(),
  };
}
