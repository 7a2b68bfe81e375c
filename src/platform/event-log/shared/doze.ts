/** A wait that somebody may cut short. One waits at a time; nobody is woken for what was said before he waited. */
export class Doze {
  private waking: (() => void) | undefined;

  wake(): void {
    this.waking?.();
  }

  /** Ends at the next `wake`, or after the time. */
  async for(ms: number): Promise<void> {
    let wake: (() => void) | undefined;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.waking = wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    if (this.waking === wake) this.waking = undefined;
  }
}
