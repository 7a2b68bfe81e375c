import { join, resolve } from 'node:path';
import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { CLOCK, type Clock } from '../../contracts/clock.js';
import { EVENT_LOG } from '../../contracts/event-log.js';
import type { EventLog } from '../../contracts/event-log.js';
import { LOG, type Log } from '../../contracts/log.js';
import { PRODUCER_KEYS } from '../../contracts/producer-keys.js';
import { EmbeddedEventLog } from './embedded/embedded-event-log.js';

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

const OPEN_LOG = Symbol('OpenEventLog');

/**
 * The event log and the memory of producer keys. Open before anybody asks for them; closed last: a global module is taken down after those that use it,
 * and this happens in the last of Nest's shutdown steps.
 */
@Global()
@Module({
  providers: [
    {
      provide: OPEN_LOG,
      inject: [SETTINGS, CLOCK, LOG],
      useFactory: async (settings: Settings, clock: Clock, log: Log): Promise<EmbeddedEventLog> => {
        const eventLog = embeddedEventLog(settings, clock, log);
        await eventLog.open();
        return eventLog;
      },
    },
    { provide: EVENT_LOG, useExisting: OPEN_LOG },
    { provide: PRODUCER_KEYS, inject: [OPEN_LOG], useFactory: (eventLog: EmbeddedEventLog) => eventLog.producerKeys },
  ],
  exports: [EVENT_LOG, PRODUCER_KEYS],
})
export class EventLogModule implements OnApplicationShutdown {
  constructor(@Inject(EVENT_LOG) private readonly eventLog: EventLog) {}

  async onApplicationShutdown(): Promise<void> {
    await this.eventLog.close();
  }
}
