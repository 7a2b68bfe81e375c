/** Lanes that come due together are saved together: a save costs two writes however many there are. */
const LEAST_MS = 200;

/**
 * Saves the cursors of a lane soon after something of it was proven, and at most once an interval: what is proven and not saved is sent again when this process is
 * killed. A stream proves about once a second, at its seal; a save at any other moment would be late by half an interval.
 */
export class PromptSaves<L extends object> {
  private readonly due = new Map<L, number>();
  private readonly savedAt = new WeakMap<L, number>();
  private readonly leastMs: number;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  /** @param save never throws; what it could not save the next turn of the engine saves */
  constructor(private readonly save: (lanes: readonly L[]) => Promise<void>, private readonly intervalMs: number) {
    this.leastMs = Math.min(LEAST_MS, intervalMs / 5);
  }

  /** Something of this lane became safe. */
  proven(lane: L): void {
    if (this.stopped || this.due.has(lane)) return;
    this.due.set(lane, Math.max(performance.now(), (this.savedAt.get(lane) ?? -Infinity) + this.intervalMs));
    this.timer ??= setTimeout(() => void this.turn(), this.leastMs);
  }

  /** Whether it will be saved without further ado. */
  has(lane: L): boolean {
    return this.due.has(lane);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.due.clear();
  }

  private async turn(): Promise<void> {
    const now = performance.now();
    const lanes = [...this.due].flatMap(([lane, at]) => (at <= now ? [lane] : []));
    for (const lane of lanes) {
      this.due.delete(lane);
      this.savedAt.set(lane, now);
    }
    if (lanes.length > 0) await this.save(lanes);
    this.timer = undefined;
    if (!this.stopped && this.due.size > 0) this.timer = setTimeout(() => void this.turn(), this.leastMs);
  }
}
