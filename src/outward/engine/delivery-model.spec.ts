import { describe, expect, it } from '@jest/globals';
import { openTestEventLog } from '../../../test/support/embedded-event-log.js';
import { appendTypes, feedContext, MemoryDeadLetters, openFeed, pause, positionsIn, REFUSED, ScriptedTransport, seeded, testIntegration, testLane } from '../../../test/support/engine.js';
import { filterSection, wantsType } from '../../model/integration.js';
import type { Lane } from './lane.js';
import type { LanePartition } from './lane-partition.js';
import type { SharedFeed } from './shared-feed.js';

const PARTITIONS = [0, 1];
const TYPES = ['account.owner.changed', 'account.disabled', 'audit.user.update', 'audit.bad.event'];
const FILTERS: Record<string, string[]> = { all: [], audits: ['audit.*'], accounts: ['account.*'], one: ['account.disabled'] };

/** One integration as the world sees it: what its receiver got and proved, whatever lane delivered it. */
interface Seen {
  id: string;
  types: string[];
  unit: 'stream' | 'message';
  /** By partition, in the order in which they first arrived. */
  firsts: Map<number, number[]>;
  arrived: Set<string>;
  proven: Set<string>;
  /** Cursor documents, by partition. */
  saved: Map<number, number>;
}

/** Random batches, filters, failures, rewinds, changes and rebalances over the real log, and what must hold at every moment. */
class World {
  readonly types = new Map<string, string | null>();
  readonly seen: Seen[];
  readonly lanes = new Map<string, Lane>();
  readonly feeds = new Map<number, SharedFeed>();
  readonly deadLetters = new MemoryDeadLetters();
  readonly faults: string[] = [];
  private readonly highest = new Map<LanePartition, number>();
  private readonly checked = new Map<string, number>();
  calm = false;

  constructor(
    private readonly random: () => number,
    private readonly log: Awaited<ReturnType<typeof openTestEventLog>>,
  ) {
    this.seen = Object.entries(FILTERS).map(([id, types]) => ({
      id, types, unit: id === 'one' ? 'message' : 'stream', firsts: new Map(PARTITIONS.map((partition) => [partition, []])), arrived: new Set<string>(), proven: new Set<string>(), saved: new Map<number, number>(),
    }));
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  upTo(most: number): number {
    return Math.floor(this.random() * most);
  }

  async openFeeds(): Promise<void> {
    for (const partition of PARTITIONS) {
      const furthest = Math.max(...this.seen.map(({ saved }) => saved.get(partition) ?? 0));
      this.feeds.set(partition, await openFeed(this.log.log, partition, furthest, feedContext(this.log.log, { deadLetters: this.deadLetters, readOptions: { maxRecords: 20, maxBytes: 1_048_576, maxWaitMs: 10 } })));
    }
  }

  startLane(seen: Seen): void {
    const { lane } = testLane(testIntegration(seen.id, { filter: filterSection.parse({ types: seen.types }) }, { retryInitialMs: 10, retryMaxMs: 100 }), this.receiverOf(seen), {
      deadLetters: this.deadLetters, queueBytes: 20_000, inFlightBytes: 2000, random: this.random,
    });
    this.lanes.set(seen.id, lane);
    for (const feed of this.feeds.values()) lane.add(feed, seen.saved.get(feed.partition) ?? 0, seen.saved.has(feed.partition));
  }

  private receiverOf(seen: Seen): ScriptedTransport {
    const script = new ScriptedTransport(seen.unit);
    const bad = (probability: number) => !this.calm && this.chance(probability);
    script.onOpen = async () => {
      if (bad(0.3)) await pause(this.upTo(15));
      return bad(0.2) ? REFUSED : undefined;
    };
    script.onSend = async (session, chunk) => {
      const positions = seen.unit === 'stream' ? positionsIn(chunk) : chunk.buffers.map((buffer) => Buffer.from(buffer).toString('utf8').trim());
      const refused = new Set(seen.unit === 'message' ? positions.filter((position) => Number(position.split('.')[1]) % 13 === 0) : []);
      for (const position of positions) if (!refused.has(position)) this.arrive(seen, position);
      if (bad(0.3)) await pause(this.upTo(8));
      if (bad(0.05)) {
        if (this.chance(0.5)) session.fail();
        return { type: 'failed', failure: REFUSED };
      }
      setTimeout(() => {
        if (bad(0.08)) return session.closed ? undefined : session.fail();
        if (session.closed) return;
        for (const sent of session.chunks) {
          if (sent.number > chunk.number) continue;
          for (const position of seen.unit === 'stream' ? positionsIn(sent) : sent.buffers.map((buffer) => Buffer.from(buffer).toString('utf8').trim())) seen.proven.add(position);
        }
        session.safe(chunk.number);
      }, this.calm ? 0 : this.upTo(10));
      return { type: 'taken', rejected: positions.flatMap((position, index) => (refused.has(position) ? [{ index, code: 'message-too-long' as const, reason: 'too long' }] : [])) };
    };
    script.onClose = async () => {
      if (bad(0.5)) await pause(this.upTo(10));
    };
    return script;
  }

  private arrive(seen: Seen, position: string): void {
    if (seen.arrived.has(position)) return;
    seen.arrived.add(position);
    const [partition, offset] = position.split('.').map(Number);
    const firsts = seen.firsts.get(partition ?? -1);
    const last = firsts?.at(-1) ?? -1;
    if ((offset ?? -1) <= last) this.faults.push(`${seen.id}: ${position} first arrived after ${partition}.${last}`);
    firsts?.push(offset ?? -1);
  }

  /** What must hold at every moment. */
  check(): void {
    for (const seen of this.seen) {
      const lane = this.lanes.get(seen.id);
      for (const owned of lane?.partitions.values() ?? []) {
        const before = this.highest.get(owned) ?? 0;
        if (owned.cursor < before) this.faults.push(`${seen.id}: the cursor of ${owned.partition} went back from ${before} to ${owned.cursor}`);
        this.highest.set(owned, owned.cursor);
        if (owned.outstanding < 0) this.faults.push(`${seen.id}: ${owned.outstanding} outstanding`);
        if (owned.cursor > owned.taken) this.faults.push(`${seen.id}: cursor ${owned.cursor} beyond taken ${owned.taken}`);
        this.provenUpTo(seen, owned.partition, owned.cursor);
      }
      for (const [partition, cursor] of seen.saved) this.provenUpTo(seen, partition, cursor);
    }
  }

  private provenUpTo(seen: Seen, partition: number, cursor: number): void {
    const key = `${seen.id}:${partition}`;
    let offset = this.checked.get(key) ?? 0;
    for (; offset < cursor; offset++) {
      const position = `${partition}.${offset}`;
      const type = this.types.get(position);
      // Delivered before the answer of the append was here: looked at the next time.
      if (type === undefined) break;
      const resolved = type === null ? this.deadLetters.parked.has(position) : !wantsType(seen.types, type) || seen.proven.has(position) || this.deadLetters.stored.has(`${seen.id}:${position}`);
      if (!resolved) this.faults.push(`${seen.id}: the cursor passed ${position} (${String(type)}), which was not delivered`);
    }
    this.checked.set(key, offset);
  }

  save(seen: Seen, partitions: Iterable<LanePartition>): void {
    for (const owned of partitions) seen.saved.set(owned.partition, Math.max(seen.saved.get(owned.partition) ?? 0, owned.cursor));
  }
}

describe('delivery under everything that can happen to it', () => {
  it.each(Array.from({ length: 8 }, (_, at) => at + 1))('delivers every wanted event at least once, in order, and no cursor passes one that was not (seed %i)', async (seed) => {
    const random = seeded(seed);
    const log = await openTestEventLog({ partitions: PARTITIONS.length });
    const world = new World(random, log);
    const checking = setInterval(() => world.check(), 3);
    try {
      const append = async (count: number): Promise<void> => {
        const types = Array.from({ length: count }, () => TYPES[world.chance(0.03) ? 3 : world.upTo(3)] ?? '');
        const positions = await appendTypes(log.log, types, () => `subject-${world.upTo(10)}`);
        positions.forEach((position, at) => world.types.set(position, types[at] ?? null));
      };
      await world.openFeeds();
      for (const seen of world.seen) world.startLane(seen);
      for (let step = 0; step < 70; step++) {
        const seen = world.seen[world.upTo(world.seen.length)];
        const lane = world.lanes.get(seen?.id ?? '');
        if (!seen || !lane) continue;
        const dice = random();
        if (dice < 0.4) {
          await append(1 + world.upTo(120));
        } else if (dice < 0.45) {
          const [outcome] = await log.log.append([{ key: `subject-${world.upTo(10)}`, value: Buffer.from('no event') }]);
          if (outcome?.type === 'appended') world.types.set(`${outcome.partition}.${outcome.offset}`, null);
        } else if (dice < 0.55) {
          world.save(seen, lane.partitions.values());
        } else if (dice < 0.65) {
          // Its settings change.
          await lane.stop(world.upTo(30));
          world.save(seen, lane.partitions.values());
          world.startLane(seen);
        } else if (dice < 0.7) {
          // It ends without a last save, as a process that is killed.
          await lane.stop(0);
          world.startLane(seen);
        } else if (dice < 0.8) {
          // A rebalance takes all partitions away and gives them back.
          for (const each of world.seen) {
            const given = await Promise.all(PARTITIONS.map(async (partition) => await world.lanes.get(each.id)?.remove(partition, world.upTo(25))));
            world.save(each, given.filter((owned) => owned !== undefined));
          }
          for (const feed of world.feeds.values()) await feed.stop();
          await world.openFeeds();
          for (const each of world.seen) for (const feed of world.feeds.values()) world.lanes.get(each.id)?.add(feed, each.saved.get(feed.partition) ?? 0, true);
        } else if (dice < 0.85) {
          world.deadLetters.refuse = !world.deadLetters.refuse;
        } else {
          await pause(world.upTo(25));
        }
        world.check();
      }
      world.calm = true;
      world.deadLetters.refuse = false;
      const ranges = await log.log.ranges();
      const giveUpAt = performance.now() + 20_000;
      const done = () => [...world.lanes.values()].every((lane) => ranges.every(({ partition, next }) => (lane.partitions.get(partition)?.cursor ?? -1) >= next));
      while (!done() && performance.now() < giveUpAt) await pause(5);
      world.check();
      expect(world.faults).toEqual([]);
      expect([...world.lanes.values()].flatMap((lane) => [...lane.partitions.values()].map((owned) => `${lane.integration.id}:${owned.partition}:${owned.cursor}`)).sort()).toEqual(
        world.seen.flatMap(({ id }) => ranges.map(({ partition, next }) => `${id}:${partition}:${next}`)).sort(),
      );
      for (const seen of world.seen) {
        const missing = [...world.types].filter(([position, type]) => type !== null && wantsType(seen.types, type) && !seen.proven.has(position) && !world.deadLetters.stored.has(`${seen.id}:${position}`));
        expect(missing).toEqual([]);
      }
      expect(world.types.size).toBeGreaterThan(500);
      expect([...world.lanes.values()].flatMap((lane) => [...lane.partitions.values()].map((owned) => owned.outstanding))).toEqual(new Array(8).fill(0));
    } finally {
      clearInterval(checking);
      world.deadLetters.refuse = false;
      await Promise.all([...world.lanes.values()].map((lane) => lane.stop(0)));
      for (const feed of world.feeds.values()) await feed.stop();
      await log.dispose();
    }
  }, 60_000);
});
