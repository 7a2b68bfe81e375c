/** A wake-up that is never lost: a `notify` between two waits ends the next wait at once. One waiter. */
export class Signal {
  private pending = false;
  private waiter: (() => void) | undefined;

  notify(): void {
    if (this.waiter) {
      const waiter = this.waiter;
      this.waiter = undefined;
      waiter();
    } else {
      this.pending = true;
    }
  }

  /** Ends at the next `notify`, or after `timeoutMs`. */
  wait(timeoutMs?: number): Promise<void> {
    if (this.pending) {
      this.pending = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      if (timeoutMs === undefined) {
        this.waiter = resolve;
        return;
      }
      const timer = setTimeout(() => this.waiter?.(), timeoutMs);
      this.waiter = () => {
        clearTimeout(timer);
        this.waiter = undefined;
        resolve();
      };
    });
  }
}

/** Ends with the work or after the time, whichever comes first. A failure of the work is its owner's affair. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([
    work.catch(() => undefined),
    new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    }),
  ]);
  clearTimeout(timer);
}
