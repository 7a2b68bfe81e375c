import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import { compiledEntry } from '../../platform/compiled-entry.js';
import { unpacked, type ThreadAnswer, type ThreadRequest } from './judge-messages.js';
import type { JudgeThreadSettings } from './judge-thread.js';
import { RequestFault } from './request-fault.js';
import { RequestJudge, type Judgement, type RequestToJudge } from './request-judge.js';

/** One at work and one behind it keep the thread busy; what comes beyond is judged by the caller's own thread, so both work. */
const MOST_IN_THREAD = 2;
const YOUNG_MIB = 24;

interface Waiting {
  resolve: (judgement: Judgement) => void;
  reject: (fault: RequestFault) => void;
  /** The thread is gone. */
  judgeHere: () => void;
}

/** Judges requests: small ones at once, large ones in a thread beside this one, since checking and writing out an event is most of the work of the intake. */
@Injectable()
export class Judges implements OnApplicationShutdown {
  private readonly here: RequestJudge;
  private readonly threadSettings: JudgeThreadSettings;
  private readonly threadBytes: number;
  private readonly idleMs: number;
  private thread: Worker | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private lastNumber = 0;
  private idle: NodeJS.Timeout | undefined;
  private over = false;

  constructor(@Inject(SETTINGS) settings: Settings, @Inject(LOG) private readonly log: Log) {
    const { batchItems, eventBytes, depth, maskedNames, futureHours, threadBytes, threadIdleMs } = settings.intake;
    const limits = { batchItems, eventBytes, depth, requestBytes: settings.http.requestBytes };
    this.threadSettings = { settings: { intake: { maskedNames, futureHours } }, limits };
    this.here = new RequestJudge(this.threadSettings.settings, limits);
    this.threadBytes = threadBytes > 0 && availableParallelism() > 1 ? threadBytes : Infinity;
    this.idleMs = threadIdleMs;
  }

  /** @throws RequestFault when the request as a whole cannot be taken */
  async judge(request: RequestToJudge): Promise<Judgement> {
    if (this.over || request.body.length < this.threadBytes || this.waiting.size >= MOST_IN_THREAD) return this.here.judge(request);
    return new Promise((resolve, reject) => this.send(request, resolve, reject));
  }

  async onApplicationShutdown(): Promise<void> {
    this.over = true;
    clearTimeout(this.idle);
    await this.thread?.terminate();
  }

  private send(request: RequestToJudge, resolve: (judgement: Judgement) => void, reject: (error: unknown) => void): void {
    clearTimeout(this.idle);
    const number = ++this.lastNumber;
    const judgeHere = () => {
      try {
        resolve(this.here.judge(request));
      } catch (error) {
        reject(error);
      }
    };
    this.waiting.set(number, { resolve, reject, judgeHere });
    (this.thread ??= this.started()).postMessage({ number, request } satisfies ThreadRequest);
  }

  private started(): Worker {
    const thread = new Worker(compiledEntry('./judge-thread.js', import.meta.url), { workerData: this.threadSettings, execArgv: [], name: 'intake', resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB } });
    thread.unref();
    thread.on('message', (answer: ThreadAnswer) => this.answered(answer));
    let cause: unknown;
    thread.on('error', (error) => (cause = error));
    thread.on('exit', () => {
      // One that was ended for want of work had nothing left.
      if (this.thread !== thread) return;
      this.thread = undefined;
      if (cause !== undefined) this.log.error({ err: cause }, 'the thread that checks large requests died; what it had is checked here, and the next large request starts it again');
      const left = [...this.waiting.values()];
      this.waiting.clear();
      for (const { judgeHere } of left) judgeHere();
    });
    return thread;
  }

  private answered(answer: ThreadAnswer): void {
    const waiting = this.waiting.get(answer.number);
    this.waiting.delete(answer.number);
    if (this.waiting.size === 0 && !this.over) this.idle = setTimeout(() => void this.endIdle(), this.idleMs).unref();
    if (answer.type === 'judged') waiting?.resolve(unpacked(answer.judgement));
    else waiting?.reject(new RequestFault(answer.status, answer.code, answer.detail, answer.extra));
  }

  private async endIdle(): Promise<void> {
    const { thread } = this;
    this.thread = undefined;
    await thread?.terminate();
  }
}
