import { Module } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { EVENT_SINK } from '../../contracts/event-sink.js';
import { DurableAppend } from './durable-append.js';
import { EventCheck } from './event-check.js';
import { EventTypesController } from './event-types.controller.js';
import { EventsController } from './events.controller.js';
import { ForeignRecords } from './foreign-records.js';
import { IntakeService } from './intake.service.js';
import { Judges } from './judges.js';
import { OwnEventsSink } from './own-events.sink.js';

/** The producers' door. Needs SETTINGS, CLOCK, LOG, EVENT_LOG and PRODUCER_KEYS from global modules; gives EVENT_SINK. */
@Module({
  controllers: [EventsController, EventTypesController],
  providers: [{ provide: EventCheck, useFactory: (settings: Settings) => new EventCheck(settings), inject: [SETTINGS] }, ForeignRecords, DurableAppend, Judges, IntakeService, OwnEventsSink, { provide: EVENT_SINK, useExisting: OwnEventsSink }],
  exports: [EVENT_SINK, ForeignRecords],
})
export class IntakeModule {}
