import type { ChannelFailure, ChannelOutcome, ChannelStage, ChannelStageReport, SendContext } from './channel-sender.js';

/** Times the stages of one message and holds the limit over all of them. */
export class StageWatch {
  readonly signal: AbortSignal;
  private readonly limit = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private stageAt = performance.now();
  private current: ChannelStage = 'resolve';

  constructor(private readonly context: SendContext) {
    this.timer = setTimeout(() => this.limit.abort(), context.timeoutMs);
    this.signal = context.signal ? AbortSignal.any([context.signal, this.limit.signal]) : this.limit.signal;
  }

  /** How the limit or the caller ended it; undefined while neither did. */
  get ended(): ChannelFailure | undefined {
    if (this.limit.signal.aborted) {
      return { code: 'send-timeout', stage: this.current, cause: `it was not done within ${this.context.timeoutMs} ms; it hung in the stage ${this.current}`, fix: 'Check whether the receiver is overloaded, or speaks another protocol on this port.', needsPerson: false };
    }
    if (this.context.signal?.aborted) return { code: 'cancelled', stage: this.current, cause: 'it was cut off because the process stops', fix: 'Nothing to repair: it is sent again.', needsPerson: false };
    return undefined;
  }

  /** What is tried now: where it ends when the time is over. */
  begin(stage: ChannelStage): void {
    this.current = stage;
  }

  /** A stage that somebody else timed (the dialer). */
  passOn(report: { stage: string; ok: boolean; ms: number; detail: string }): void {
    this.report(report as ChannelStageReport);
  }

  passed(stage: ChannelStage, detail: string): void {
    this.report({ stage, ok: true, ms: performance.now() - this.stageAt, detail });
  }

  failed(failure: ChannelFailure): ChannelOutcome {
    this.report({ stage: failure.stage, ok: false, ms: performance.now() - this.stageAt, detail: failure.cause });
    return { type: 'failed', failure };
  }

  dispose(): void {
    clearTimeout(this.timer);
  }

  private report(report: ChannelStageReport): void {
    this.current = report.stage;
    this.stageAt = performance.now();
    this.context.onStage?.(report);
  }
}
