import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Global, Module, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { APP_GUARD, NestFactory, Reflector } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SETTINGS, settingsFrom, type SettingsInput } from '../../src/config/settings.js';
import { CLOCK, systemClock, type Clock } from '../../src/contracts/clock.js';
import { EVENT_LOG, type AppendOutcome, type EventLog, type NewRecord } from '../../src/contracts/event-log.js';
import { EVENT_SINK, type EventSink } from '../../src/contracts/event-sink.js';
import { LOG, silentLog } from '../../src/contracts/log.js';
import { PRODUCER_KEYS, type ProducerKey, type ProducerKeys } from '../../src/contracts/producer-keys.js';
import type { EnvelopedEvent } from '../../src/model/audit-event.js';
import { decodeEnvelope } from '../../src/model/event-envelope.js';
import { IntakeModule } from '../../src/outward/intake/intake.module.js';
import { RIGHT_KEY, RIGHTS, type Right } from '../../src/platform/access/rights.js';
import { ProblemFilter } from '../../src/platform/http/problem.filter.js';
import { rawBody } from '../../src/platform/http/request-body.js';
import type { GateRequest } from '../../src/platform/http/request.js';
import { intakeLog } from './intake-log.js';

/** The real log and keys with faults between them and the intake, as a full disk or a crash would make them. */
export class Faults {
  /** Answers for the records that are not to be stored; undefined stores the record. */
  unavailable?: (record: NewRecord, index: number) => Extract<AppendOutcome, { type: 'unavailable' }> | undefined;
  /** Thrown before anything is stored. */
  appendThrows?: Error;
  findThrows?: Error;
  rememberThrows?: Error;
  /** Awaited before each append. */
  beforeAppend?: () => Promise<void>;
  appends = 0;

  clear(): void {
    this.unavailable = this.appendThrows = this.findThrows = this.rememberThrows = this.beforeAppend = undefined;
    this.appends = 0;
  }

  log(real: EventLog): EventLog {
    const append = async (records: readonly NewRecord[]): Promise<AppendOutcome[]> => {
      this.appends += 1;
      await this.beforeAppend?.();
      if (this.appendThrows) throw this.appendThrows;
      const refusals = records.map((record, index) => this.unavailable?.(record, index));
      const stored = await real.append(records.filter((_, index) => !refusals[index]));
      return refusals.map((refusal) => refusal ?? (stored.shift() as AppendOutcome));
    };
    return new Proxy(real, { get: (target, name) => (name === 'append' ? append : (Reflect.get(target, name, target) as unknown)) });
  }

  keys(real: ProducerKeys): ProducerKeys {
    return {
      find: async (keys) => {
        if (this.findThrows) throw this.findThrows;
        return real.find(keys);
      },
      remember: async (entries: readonly ProducerKey[]) => {
        if (this.rememberThrows) throw this.rememberThrows;
        await real.remember(entries);
      },
    };
  }
}

/** Stands for sign-in: the producer's name comes in `x-producer`, its rights in `x-rights` (all when absent). */
class HeaderGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<GateRequest>();
    const right = this.reflector.get<Right | undefined>(RIGHT_KEY, context.getHandler());
    const rights = new Set<Right>((request.headers['x-rights'] as string | undefined)?.split(',').map((each) => each as Right) ?? RIGHTS);
    const name = (request.headers['x-producer'] as string | undefined) ?? 'producer-one';
    request.principal = { id: `id-${name}`, name, rights };
    return right !== undefined && rights.has(right);
  }
}

export interface TestIntake {
  /** The HTTP server for supertest, listening when `listen` was asked for. */
  server: ReturnType<NestExpressApplication['getHttpServer']>;
  url: string;
  sink: EventSink;
  faults: Faults;
  /** Every event in the log, by partition and offset. */
  stored(): Promise<(EnvelopedEvent & { partition: number; offset: number; key: string })[]>;
  /** Ends the process's part of the intake and starts it again on the same files. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** The producers' door on a real log of its own. */
export async function openTestIntake(input: SettingsInput = {}, clock: Clock = systemClock): Promise<TestIntake> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tidegate-intake-'));
  const settings = settingsFrom({ ...input, dataDir });
  const faults = new Faults();
  const stored = intakeLog(settings, clock);
  let eventLog: EventLog;
  let app: NestExpressApplication;

  const start = async () => {
    const opened = await stored.open();
    eventLog = opened.log;
    @Global()
    @Module({
      providers: [
        { provide: SETTINGS, useValue: settings },
        { provide: CLOCK, useValue: clock },
        { provide: LOG, useValue: silentLog },
        { provide: EVENT_LOG, useValue: faults.log(opened.log) },
        { provide: PRODUCER_KEYS, useValue: faults.keys(opened.keys) },
        { provide: APP_GUARD, useFactory: (reflector: Reflector) => new HeaderGuard(reflector), inject: [Reflector] },
      ],
      exports: [SETTINGS, CLOCK, LOG, EVENT_LOG, PRODUCER_KEYS],
    })
    class GroundModule {}
    @Module({ imports: [GroundModule, IntakeModule] })
    class RootModule {}
    app = await NestFactory.create<NestExpressApplication>(RootModule, { logger: false, bodyParser: false, abortOnError: false });
    app.useGlobalFilters(new ProblemFilter(silentLog));
    app.use((request: GateRequest, _response: unknown, next: () => void) => {
      request.id = 'test';
      next();
    });
    app.use('/api/v1/events', rawBody(settings.http.requestBytes));
    await app.listen(0, '127.0.0.1');
  };
  const stop = async () => {
    await app.close();
    await eventLog.close();
  };
  await start();
  return {
    get server() {
      return app.getHttpServer();
    },
    get url() {
      return `http://127.0.0.1:${(app.getHttpServer().address() as { port: number }).port}`;
    },
    get sink() {
      return app.get<EventSink>(EVENT_SINK);
    },
    faults,
    async stored() {
      const found: (EnvelopedEvent & { partition: number; offset: number; key: string })[] = [];
      for (const { partition, first, next } of await eventLog.ranges()) {
        if (first >= next) continue;
        const reader = await eventLog.openReader(partition, first, 'test');
        for (let at = first; at < next; ) {
          const batch = await reader.next();
          for (const { offset, key, value } of batch.records) found.push({ ...decodeEnvelope(value), partition, offset, key });
          at = batch.next;
        }
        await reader.close();
      }
      return found;
    },
    async restart() {
      await stop();
      await start();
    },
    async close() {
      await stop();
      await stored.dispose();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
