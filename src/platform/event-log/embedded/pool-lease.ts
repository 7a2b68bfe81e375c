import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../contracts/clock.js';
import type { LogEnvironment } from './environment.js';
import { isGone, ownIdentity, type ProcessIdentity } from './process-identity.js';

interface LeaseRecord {
  /** Grows with each assignment, whoever makes it. */
  generation: number;
  holder?: ProcessIdentity & { instance: string };
  expiresAt: number;
  /** How far the pool got in each partition, as it told last. */
  committed: number[];
}

/**
 * Which process on the directory owns the partitions of a pool: a record in the log's environment, taken in a write transaction. It expires when its
 * holder stops renewing; on Linux the death of its holder is seen at once. The generation never falls, so what an earlier owner still does can be told apart.
 */
export class PoolLease {
  private readonly instance = randomUUID();
  private readonly identity = ownIdentity();
  /** Of the assignment that this process made last. */
  private generation = 0;

  constructor(private readonly environment: LogEnvironment, private readonly pool: string, private readonly leaseMs: number, private readonly clock: Clock) {}

  /** A new generation when the lease is free or already ours; undefined while another live process holds it. */
  async take(): Promise<number | undefined> {
    await this.environment.ready();
    if (!this.free(this.read())) return undefined;
    return await this.environment.write(() => {
      const record = this.read();
      if (!this.free(record)) return undefined;
      this.generation = record.generation + 1;
      this.store({ ...record, generation: this.generation, holder: { ...this.identity, instance: this.instance }, expiresAt: this.clock.now() + this.leaseMs });
      return this.generation;
    });
  }

  /** False when another process took over: whatever this one owned is over. */
  async renew(committed: readonly number[]): Promise<boolean> {
    return await this.environment.write(() => {
      const record = this.read();
      if (record.holder?.instance !== this.instance || record.generation !== this.generation) return false;
      this.store({ ...record, expiresAt: this.clock.now() + this.leaseMs, committed: [...committed] });
      return true;
    });
  }

  async release(committed: readonly number[]): Promise<void> {
    await this.environment.write(() => {
      const record = this.read();
      if (record.holder?.instance !== this.instance) return;
      this.store({ generation: record.generation, expiresAt: 0, committed: [...committed] });
    });
  }

  /** How far the pool got, as stored with the lease. */
  committed(): number[] {
    return [...this.read().committed];
  }

  private free(record: LeaseRecord): boolean {
    if (!record.holder || record.holder.instance === this.instance) return true;
    const now = this.clock.now();
    // A date far ahead was written before the clock was set back: it must not hold the pool for that long.
    return record.expiresAt <= now || record.expiresAt > now + 2 * this.leaseMs || isGone(record.holder, this.identity);
  }

  private read(): LeaseRecord {
    const bytes = this.environment.pools.getBinary(this.pool);
    return bytes ? (JSON.parse(bytes.toString('utf8')) as LeaseRecord) : { generation: 0, expiresAt: 0, committed: [] };
  }

  private store(record: LeaseRecord): void {
    this.environment.pools.putSync(this.pool, Buffer.from(JSON.stringify(record), 'utf8'));
  }
}
