import { Global, Module } from '@nestjs/common';
import { LogEventSink } from './log-event-sink.js';

/** Keeps the service log of this process for the syslog-events feed: for every process, whatever its roles. Needs DocumentStore, SETTINGS and CLOCK; finds the log by itself. */
@Global()
@Module({ providers: [LogEventSink], exports: [LogEventSink] })
export class LogEventsModule {}
