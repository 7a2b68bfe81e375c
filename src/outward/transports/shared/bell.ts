/** Wakes everybody who waits. Who wakes looks for himself whether what he waits for is there. */
export class Bell {
  private sleepers: (() => void)[] = [];

  ring(): void {
    const woken = this.sleepers;
    this.sleepers = [];
    for (const wake of woken) wake();
  }

  /** Resolves at the next ring, or after the time when one is given. */
  next(limitMs?: number): Promise<void> {
    return new Promise((resolve) => {
      if (limitMs === undefined) {
        this.sleepers.push(resolve);
        return;
      }
      const timer = setTimeout(resolve, Math.max(0, limitMs));
      this.sleepers.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** Everything that the operating system had for us by now has been read when this ends: the event loop polled twice. */
export async function afterPoll(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}
