import { hostname } from 'node:os';
import { Inject, Injectable, Optional, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Model } from 'mongoose';
import { v7 as uuidV7 } from 'uuid';
import { SETTINGS } from '../../../config/settings.js';
import type { Settings } from '../../../config/settings.js';
import { CLOCK } from '../../../contracts/clock.js';
import type { Clock } from '../../../contracts/clock.js';
import { DocumentStore } from '../../../platform/documents/document-store.js';
import { PinoLog, type LogRecord } from '../../../platform/telemetry/pino-log.js';
import { logEventSchema, type LogEventDocument } from './log-event.schema.js';

const BATCH = 200;
const RETRY_MS = 5000;
const STOP_MS = 2000;
const TEXT = 8192;

/**
 * Keeps each line of the service log at warn or above for the syslog-events feed. Never in the way of who logs: lines wait in a bounded queue and are written behind; what does not
 * fit is counted, and the count is an event of its own. While the document store is away lines wait for it.
 */
@Injectable()
export class LogEventSink implements OnModuleInit, BeforeApplicationShutdown {
  private readonly events: Model<LogEventDocument>;
  private readonly server = hostname();
  private queue: LogEventDocument[] = [];
  private lost = 0;
  private writing: Promise<void> | undefined;
  private retry: NodeJS.Timeout | undefined;
  private stopping = false;
  private unwatch: (() => void) | undefined;

  constructor(store: DocumentStore, @Inject(SETTINGS) private readonly settings: Pick<Settings, 'siem'>, @Inject(CLOCK) private readonly clock: Clock, @Optional() private readonly log?: PinoLog) {
    this.events = store.model<LogEventDocument>('log-event', logEventSchema);
  }

  onModuleInit(): void {
    this.unwatch = this.log?.watch((record) => this.take(record));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.unwatch?.();
    this.stopping = true;
    clearTimeout(this.retry);
    let late: NodeJS.Timeout | undefined;
    await Promise.race([this.flush(), new Promise<void>((resolve) => (late = setTimeout(resolve, STOP_MS)))]);
    clearTimeout(late);
  }

  /** Never throws, never waits. */
  take(record: LogRecord): void {
    if (this.queue.length >= this.settings.siem.logQueueEvents) {
      this.lost += 1;
      return;
    }
    this.queue.push(this.documentOf(record));
    if (!this.retry) void this.flush();
  }

  /** Ends when the queue is empty, or the store refused. */
  flush(): Promise<void> {
    this.writing ??= this.write().finally(() => (this.writing = undefined));
    return this.writing;
  }

  private async write(): Promise<void> {
    await Promise.resolve();
    while (this.queue.length > 0) {
      const batch = this.queue.slice(0, BATCH);
      try {
        // By id, so that a batch whose answer was lost is not there twice.
        await this.events.collection.bulkWrite(batch.map(({ _id, ...fields }) => ({ updateOne: { filter: { _id: _id as never }, update: { $setOnInsert: fields }, upsert: true } })), { ordered: false });
      } catch {
        // Said nowhere: it would come back here. The health check tells that the store is away.
        if (!this.stopping) this.retryLater();
        return;
      }
      this.queue.splice(0, batch.length);
      if (this.lost > 0 && this.queue.length < this.settings.siem.logQueueEvents) {
        const lost = this.lost;
        this.lost = 0;
        this.queue.push(this.documentOf({ level: 'warn', part: 'log', facts: { lost }, message: `${lost} lines of the log came too fast to be kept as events; the log itself has them` }));
      }
    }
  }

  private retryLater(): void {
    this.retry ??= setTimeout(() => {
      this.retry = undefined;
      void this.flush();
    }, RETRY_MS);
    this.retry.unref();
  }

  private documentOf({ level, part, facts, message }: LogRecord): LogEventDocument {
    const stack = stackOf(facts);
    return {
      _id: uuidV7().replaceAll('-', ''), happenedAt: new Date(this.clock.now()), eventLevel: level.toUpperCase(), part, message: cut(message), facts: cut(JSON.stringify(facts, (name, value: unknown) => (name === 'stack' ? undefined : value))), stacktrace: stack === undefined ? null : cut(stack),
      username: typeof facts['user'] === 'string' ? cut(facts['user']) : 'system', server: this.server, thread: `pid-${process.pid}`, feedCreated: null, feedNumber: null,
    };
  }
}

function stackOf(facts: Record<string, unknown>): string | undefined {
  for (const value of [facts['stack'], ...Object.values(facts)]) {
    if (typeof value === 'string' && value === facts['stack']) return value;
    if (typeof value === 'object' && value !== null && 'stack' in value && typeof value.stack === 'string') return value.stack;
  }
  return undefined;
}

/** Whole characters, no lone surrogate. */
function cut(text: string): string {
  return text.slice(0, TEXT).toWellFormed();
}
