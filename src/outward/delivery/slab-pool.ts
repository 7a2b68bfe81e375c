/** One slab leaves as one write, or a few. */
export const SLAB_BYTES = 256 * 1024;
/** So many wait to be used again: more than a busy process has on their way at a time. */
const MOST_FREE = 64;
/** A process that was at rest for so long gives their memory back. */
const REST_MS = 5000;

/**
 * Slabs that are used again. A new one for each batch would be octets outside the heap by which V8 judges that it is time to collect: a fifth of what delivery costs. Who gives one back must be
 * the last who reads it; who does not leaves it to the collector.
 */
export class SlabPool {
  private free: Buffer[] = [];
  private isUsed = false;
  private timer: NodeJS.Timeout | undefined;

  take(): Buffer {
    this.isUsed = true;
    return this.free.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES);
  }

  give(slabs: readonly Buffer[]): void {
    for (const slab of slabs) if (this.free.length < MOST_FREE) this.free.push(slab);
    if (this.free.length > 0) this.timer ??= setInterval(() => this.look(), REST_MS).unref();
  }

  get length(): number {
    return this.free.length;
  }

  private look(): void {
    if (!this.isUsed) {
      this.free = [];
      clearInterval(this.timer);
      this.timer = undefined;
    }
    this.isUsed = false;
  }
}

/** Of the process: whatever lane is done with a slab, any other may use it. */
export const slabPool = new SlabPool();
