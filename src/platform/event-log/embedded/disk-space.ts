import { statfs } from 'node:fs/promises';

const FRESH_MS = 1000;
const FULL_BYTES = 1_048_576;

/** Free space of the log's disk, asked at most once a second and after every so many bytes written. */
export class DiskSpace {
  private askedAt = -Infinity;
  private freeBytes = Infinity;

  constructor(private readonly directory: string, private readonly minFreeBytes: number) {}

  /** Whether the disk is full, asked anew. */
  async isFull(): Promise<boolean> {
    await this.ask();
    return this.freeBytes < FULL_BYTES;
  }

  /** Whether this many bytes more leave the least free space that the settings ask for. */
  async roomFor(bytes: number): Promise<boolean> {
    if (this.minFreeBytes === 0) return true;
    if (performance.now() - this.askedAt >= FRESH_MS || this.freeBytes - bytes < this.minFreeBytes) {
      await this.ask();
    }
    if (this.freeBytes - bytes < this.minFreeBytes) return false;
    this.freeBytes -= bytes;
    return true;
  }

  private async ask(): Promise<void> {
    this.askedAt = performance.now();
    try {
      const { bavail, bsize } = await statfs(this.directory);
      this.freeBytes = bavail * bsize;
    } catch {
      // A file system that cannot say: the commit itself will.
      this.freeBytes = Infinity;
    }
  }
}
