import type { OwnedPartition, PartitionRange, PartitionReader, PoolHandler, PoolMember, ReadOptions } from '../../../contracts/event-log.js';
import type { Log } from '../../../contracts/log.js';
import { Doze } from '../shared/doze.js';
import { within } from '../shared/within.js';
import type { PoolLease } from './pool-lease.js';

export interface PoolPorts {
  partitions: number;
  /** How long a lease lasts without being renewed; it is renewed and looked for three times as often. */
  leaseMs: number;
  graceMs: number;
  lease: PoolLease;
  log: Log;
  range(partition: number): Promise<PartitionRange>;
  openReader(partition: number, from: number, options: ReadOptions | undefined): PartitionReader;
}

const RETRY_MS = 1000;

interface Member {
  handler: PoolHandler;
  options: ReadOptions | undefined;
}

/** One partition in the hands of one member, from the question where to start until it is revoked. */
interface Assignment {
  partition: number;
  member: Member;
  over: boolean;
  /** Ends an attempt that waits before it asks again. */
  untilRetry: Doze;
  /** Set when `assigned` was called. */
  reader: PartitionReader | undefined;
  started: Promise<void>;
}

/**
 * The members of one pool in this process. While the pool's lease is ours they share the partitions in turn; every change of the members revokes all and
 * assigns anew under the next generation, as a consumer group of Kafka does.
 */
export class Pool {
  private members: Member[] = [];
  private assignments: Assignment[] = [];
  private committed: number[];
  private changed = false;
  private held = false;
  private work: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;

  constructor(readonly name: string, private readonly ports: PoolPorts) {
    this.committed = ports.lease.committed();
  }

  join(handler: PoolHandler, options: ReadOptions | undefined): PoolMember {
    const member: Member = { handler, options };
    this.members.push(member);
    void this.rebalance();
    this.timer ??= setInterval(() => void this.tick(), Math.max(10, this.ports.leaseMs / 3));
    let left: Promise<void> | undefined;
    return { leave: () => (left ??= this.remove([member])) };
  }

  /** Every member leaves; the lease is free when it ends. */
  close(): Promise<void> {
    return this.remove([...this.members]);
  }

  private async remove(leaving: readonly Member[]): Promise<void> {
    this.members = this.members.filter((member) => !leaving.includes(member));
    await this.rebalance();
  }

  /** One at a time; changes that come meanwhile share the next one. */
  private rebalance(): Promise<void> {
    if (this.changed) return this.work;
    this.changed = true;
    this.work = this.work.then(async () => {
      this.changed = false;
      try {
        await this.reassign();
      } catch (error) {
        this.held = false;
        this.ports.log.error({ pool: this.name, reason: reasonOf(error) }, 'pool could not share its partitions; it tries again');
      }
    });
    return this.work;
  }

  private async reassign(): Promise<void> {
    await this.revokeAll(this.ports.graceMs);
    if (this.members.length === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
      this.held = false;
      await this.ports.lease.release(this.committed);
      return;
    }
    const generation = await this.ports.lease.take();
    this.held = generation !== undefined;
    if (generation === undefined) return;
    for (let partition = 0; partition < this.ports.partitions; partition++) {
      const member = this.members[partition % this.members.length];
      if (member) this.assignments.push(this.assign(partition, member, generation));
    }
  }

  private assign(partition: number, member: Member, generation: number): Assignment {
    const assignment: Assignment = { partition, member, over: false, untilRetry: new Doze(), reader: undefined, started: Promise.resolve() };
    assignment.started = this.start(assignment, generation);
    return assignment;
  }

  private async start(assignment: Assignment, generation: number): Promise<void> {
    const { partition, member } = assignment;
    let position: number | undefined;
    while (!assignment.over && position === undefined) {
      try {
        position = await member.handler.startAt(partition, await this.ports.range(partition));
      } catch (error) {
        this.ports.log.warn({ pool: this.name, partition, reason: reasonOf(error) }, 'pool member cannot say where to start; asked again in a second');
        if (!assignment.over) await assignment.untilRetry.for(RETRY_MS);
      }
    }
    if (assignment.over || position === undefined) return;
    const reader = this.ports.openReader(partition, position, member.options);
    assignment.reader = reader;
    const owned: OwnedPartition = {
      partition,
      generation,
      reader,
      commit: async (to) => {
        if (!assignment.over) this.committed[partition] = to;
      },
    };
    try {
      await member.handler.assigned(owned);
    } catch (error) {
      this.ports.log.error({ pool: this.name, partition, generation, reason: reasonOf(error) }, 'pool member failed to take a partition');
    }
  }

  private async revokeAll(graceMs: number): Promise<void> {
    const revoked = this.assignments;
    this.assignments = [];
    await Promise.all(revoked.map((assignment) => this.revoke(assignment, graceMs)));
  }

  private async revoke(assignment: Assignment, graceMs: number): Promise<void> {
    const { partition, member } = assignment;
    if (!assignment.reader) {
      assignment.over = true;
      assignment.untilRetry.wake();
      // `startAt` may still be asked: what it answers is no longer used.
      return;
    }
    try {
      await within(graceMs, Promise.all([assignment.started, member.handler.revoked(partition, graceMs)]));
    } catch (error) {
      this.ports.log.error({ pool: this.name, partition, reason: reasonOf(error) }, 'pool member failed to give a partition back');
    }
    assignment.over = true;
    await assignment.reader.close();
  }

  private async tick(): Promise<void> {
    if (this.changed) return;
    if (!this.held) {
      await this.rebalance();
      return;
    }
    try {
      if (await this.ports.lease.renew(this.committed)) return;
    } catch (error) {
      // The disk refuses, for every process alike: nobody else can take over meanwhile.
      this.ports.log.warn({ pool: this.name, reason: reasonOf(error) }, 'pool could not renew its lease; it tries again');
      return;
    }
    if (this.changed || !this.held) return;
    this.ports.log.warn({ pool: this.name }, 'pool was taken over by another process while this one did not answer; its partitions are given up');
    this.held = false;
    this.work = this.work.then(() => this.revokeAll(0));
    await this.rebalance();
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
