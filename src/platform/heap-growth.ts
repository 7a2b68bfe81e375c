import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import type { Settings } from '../config/settings.js';

const LOOK_MS = 250;
/** The event loop must have had time to spare for so many looks in a row. */
const CALM_LOOKS = 12;
/** V8's own choice. */
const OWN_CHOICE = 0;

/**
 * How far the heap of old objects may grow past what lived at the last collection before V8 collects again. Left to itself V8 lets it grow to two to four times as much, which is right in a rush, when the
 * processor has no time to spare; at a steady rate an event lives until its seal, so it grows old, and the heap fills up to that limit for nothing. So: little while the event loop is mostly idle, V8's own
 * choice while it is busy. The flag (`--heap-growing-percent`) is read by V8 at each collection and by nothing else; it counts for all threads of the process.
 */
export class HeapGrowth {
  private calmLooks = CALM_LOOKS;
  private percent = OWN_CHOICE;

  /** @param share how much of the time since the last call the event loop was busy, 0 to 1 */
  constructor(
    private readonly settings: Settings['memory'],
    private readonly share: () => number = shareOfLoop(),
    private readonly apply: (percent: number) => void = (percent) => setFlagsFromString(`--heap-growing-percent=${percent}`),
  ) {}

  /** Until the process ends, which it does not hold up. */
  start(): void {
    if (this.settings.restGrowthPercent === OWN_CHOICE) return;
    this.set(this.settings.restGrowthPercent);
    setInterval(() => this.look(), LOOK_MS).unref();
  }

  private look(): void {
    this.calmLooks = this.share() * 100 > this.settings.busyPercent ? 0 : this.calmLooks + 1;
    if (this.calmLooks === 0) this.set(OWN_CHOICE);
    else if (this.calmLooks >= CALM_LOOKS) this.set(this.settings.restGrowthPercent);
  }

  private set(percent: number): void {
    if (percent === this.percent) return;
    this.percent = percent;
    this.apply(percent);
  }
}

function shareOfLoop(): () => number {
  let before: EventLoopUtilization = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return utilization;
  };
}
