import { afterEach, describe, expect, it } from '@jest/globals';
import type { AppendOutcome, EventLog, LogRecord, NewRecord, OwnedPartition, PartitionRange, PartitionReader, PoolHandler, PoolMember } from '../../../src/contracts/event-log.js';

/** A fresh, empty, open log and what a test may do to it. */
export interface LogFixture {
  log: EventLog;
  /** A further handle on the same log, as another process has it. Closed with the fixture. */
  another(): Promise<EventLog>;
  /** Closes `log` and opens it again; `log` is the new one. */
  reopen(): Promise<EventLog>;
  /** Removes what retention would remove once everything stored so far is too old. Ends when it is gone; at least the newest record stays. */
  expire(partition: number): Promise<void>;
  dispose(): Promise<void>;
}
export type MakeLog = (options: { partitions: number }) => Promise<LogFixture>;

/** What every event log does, whatever is behind it. */
export function eventLogContract(name: string, makeLog: MakeLog): void {
  describe(`event log contract: ${name}`, () => {
    const fixtures: LogFixture[] = [];
    const make = async (partitions = 4): Promise<LogFixture> => {
      const fixture = await makeLog({ partitions });
      fixtures.push(fixture);
      return fixture;
    };
    afterEach(async () => {
      await Promise.all(fixtures.splice(0).map((fixture) => fixture.dispose()));
    });

    describe('append', () => {
      it('answers each record in the order given with where it lies, and the same key always goes to the same partition', async () => {
        const { log } = await make();
        const keys = Array.from({ length: 200 }, (_, index) => `subject-${index % 40}`);
        const outcomes = await append(log, keys.map((key, index) => record(key, index)));
        const partitionOf = new Map<string, number>();
        keys.forEach((key, index) => {
          const partition = outcomes[index]?.partition;
          expect(partition).toBe(partitionOf.get(key) ?? partition);
          if (partition !== undefined) partitionOf.set(key, partition);
        });
        expect(new Set(partitionOf.values()).size).toBe(4);
        const stored = await readAll(log);
        outcomes.forEach(({ partition, offset }, index) => {
          expect(text(stored.find((found) => found.partition === partition && found.offset === offset))).toBe(`subject-${index % 40}:${index}`);
        });
      });

      it('has nothing to say about nothing', async () => {
        const { log } = await make();
        expect(await log.append([])).toEqual([]);
        expect((await log.ranges()).every(({ first, next }) => first === next)).toBe(true);
      });

      it('keeps the order of a key over calls that do not wait for each other', async () => {
        const { log } = await make();
        const calls: Promise<AppendOutcome[]>[] = [];
        for (let index = 0; index < 300; index++) calls.push(log.append([record(`subject-${index % 7}`, index)]));
        expect((await Promise.all(calls)).flat().every(({ type }) => type === 'appended')).toBe(true);
        const stored = await readAll(log);
        expect(stored).toHaveLength(300);
        for (let key = 0; key < 7; key++) {
          const order = stored.filter((found) => found.key === `subject-${key}`).map((found) => Number(text(found).split(':')[1]));
          expect(order).toEqual([...order].sort((left, right) => left - right));
        }
      });

      it('gives every record of several appenders an offset of its own, strictly increasing in each partition', async () => {
        const fixture = await make();
        const logs = [fixture.log, await fixture.another(), await fixture.another()];
        const outcomes = (await Promise.all(logs.map((log, writer) => Promise.all(Array.from({ length: 20 }, (_, call) => append(log, Array.from({ length: 10 }, (_unused, index) => record(`k${index}`, `${writer}.${call}.${index}`)))))))).flat(2);
        expect(outcomes).toHaveLength(600);
        expect(new Set(outcomes.map(({ partition, offset }) => `${partition}.${offset}`)).size).toBe(600);
        const stored = await readAll(fixture.log);
        expect(stored).toHaveLength(600);
        expectIncreasing(stored);
        for (const writer of logs.keys()) {
          const calls = stored.filter((found) => found.key === 'k3' && text(found).startsWith(`k3:${writer}.`)).map((found) => Number(text(found).split('.')[1]));
          expect(calls).toHaveLength(20);
        }
      });

      it('stores any octets, an empty value, keys beyond ASCII, and headers', async () => {
        const { log } = await make(1);
        const octets = Uint8Array.from({ length: 256 }, (_, index) => index);
        await append(log, [
          { key: 'Müller-\u{1F511}', value: octets },
          { key: '', value: new Uint8Array(0) },
          { key: 'with headers', value: octets, headers: { source: 'hr', kind: 'a=b;c' } },
        ]);
        const stored = await readAll(log);
        expect(stored.map(({ key }) => key)).toEqual(['Müller-\u{1F511}', '', 'with headers']);
        expect(stored.map(({ value }) => value.length)).toEqual([256, 0, 256]);
        expect(Buffer.from(stored[0]?.value ?? []).equals(Buffer.from(octets))).toBe(true);
        expect(stored[2]?.headers).toMatchObject({ source: 'hr', kind: 'a=b;c' });
      });

      it('stores a record of 900 KB between small ones', async () => {
        const { log } = await make(1);
        const big = Buffer.alloc(900_000, 'äöü€');
        await append(log, [record('k', 1), { key: 'k', value: big }, record('k', 2)]);
        const stored = await readAll(log);
        expect(stored).toHaveLength(3);
        expect(Buffer.from(stored[1]?.value ?? []).equals(big)).toBe(true);
        expect(text(stored[2])).toBe('k:2');
      });

      it('refuses after close, with nothing stored', async () => {
        const fixture = await make(1);
        await append(fixture.log, [record('k', 1)]);
        const closed = fixture.log;
        await closed.close();
        await closed.close();
        const [outcome] = await closed.append([record('k', 2)]);
        expect(outcome).toMatchObject({ type: 'unavailable', code: 'log-closed' });
        expect((await closed.health()).ok).toBe(false);
        expect(await readAll(await fixture.reopen())).toHaveLength(1);
      });

      it('answers what was under way when it is closed', async () => {
        const fixture = await make();
        const calls = Array.from({ length: 20 }, (_, index) => fixture.log.append([record(`k${index}`, index)]));
        await fixture.log.close();
        const outcomes = (await Promise.all(calls)).flat();
        const stored = await readAll(await fixture.reopen());
        expect(stored).toHaveLength(outcomes.filter(({ type }) => type === 'appended').length);
      });
    });

    describe('reading', () => {
      it('gives the records in order, with key, time and the position to read next', async () => {
        const { log } = await make(1);
        const before = Date.now();
        await append(log, Array.from({ length: 25 }, (_, index) => record('k', index)));
        const reader = await log.openReader(0, 0, 'test', { maxRecords: 10 });
        const first = await nextWithRecords(reader);
        expect(first.records.length).toBeLessThanOrEqual(10);
        expect(first.next).toBe((first.records.at(-1)?.offset ?? NaN) + 1);
        const records = [...first.records];
        while (records.length < 25) records.push(...(await nextWithRecords(reader)).records);
        expect(records.map(text)).toEqual(Array.from({ length: 25 }, (_, index) => `k:${index}`));
        for (const { timestamp, partition } of records) {
          expect(partition).toBe(0);
          expect(Math.abs(timestamp - before)).toBeLessThan(600_000);
        }
        await reader.close();
      });

      it('keeps to the limits of a batch, but always gives one record', async () => {
        const { log } = await make(1);
        await append(log, Array.from({ length: 6 }, () => ({ key: 'k', value: Buffer.alloc(4000) })));
        const reader = await log.openReader(0, 0, 'test', { maxBytes: 9000 });
        const sizes: number[] = [];
        let seen = 0;
        while (seen < 6) {
          const { records } = await nextWithRecords(reader);
          sizes.push(records.length);
          seen += records.length;
        }
        expect(Math.max(...sizes)).toBeLessThanOrEqual(2);
        await reader.close();
        const small = await log.openReader(0, 0, 'test', { maxBytes: 100 });
        expect((await nextWithRecords(small)).records).toHaveLength(1);
        await small.close();
      });

      it('answers an empty batch at the end, and what is appended afterwards', async () => {
        const { log } = await make(1);
        await append(log, [record('k', 1)]);
        const { next } = await rangeOf(log, 0);
        const reader = await log.openReader(0, next, 'test', { maxWaitMs: 50 });
        const { records, ...rest } = await reader.next();
        expect({ ...rest, records: [...records] }).toEqual({ partition: 0, records: [], next, end: next });
        const waiting = nextWithRecords(reader);
        await append(log, [record('k', 2)]);
        expect((await waiting).records.map(text)).toEqual(['k:2']);
        await reader.close();
      });

      it('sees what another handle appends', async () => {
        const fixture = await make(1);
        const other = await fixture.another();
        const reader = await fixture.log.openReader(0, 0, 'test', { maxWaitMs: 200 });
        const waiting = nextWithRecords(reader);
        await append(other, [record('k', 1)]);
        expect((await waiting).records.map(text)).toEqual(['k:1']);
        await reader.close();
      });

      it('moves by seek; an outstanding next answers an empty batch', async () => {
        const { log } = await make(1);
        const outcomes = await append(log, Array.from({ length: 10 }, (_, index) => record('k', index)));
        const { next } = await rangeOf(log, 0);
        const reader = await log.openReader(0, next, 'test', { maxWaitMs: 20_000 });
        const outstanding = reader.next();
        reader.seek(outcomes[4]?.offset ?? NaN);
        expect([...(await outstanding).records]).toEqual([]);
        expect(text((await nextWithRecords(reader)).records[0])).toBe('k:4');
        reader.seek(outcomes[0]?.offset ?? NaN);
        expect(text((await nextWithRecords(reader)).records[0])).toBe('k:0');
        await reader.close();
      });

      it('ends by close; an outstanding next and every later one answer an empty batch', async () => {
        const { log } = await make(1);
        const reader = await log.openReader(0, 0, 'test', { maxWaitMs: 20_000 });
        const outstanding = reader.next();
        await reader.close();
        await reader.close();
        expect([...(await outstanding).records]).toEqual([]);
        await append(log, [record('k', 1)]);
        expect([...(await reader.next()).records]).toEqual([]);
      });

      it('lets many readers read the same partition, each from its own position', async () => {
        const { log } = await make(1);
        const outcomes = await append(log, Array.from({ length: 50 }, (_, index) => record('k', index)));
        const firsts = await Promise.all(
          [0, 10, 20, 30, 49].map(async (index) => {
            const reader = await log.openReader(0, outcomes[index]?.offset ?? NaN, `test-${index}`);
            const { records } = await nextWithRecords(reader);
            await reader.close();
            return text(records[0]);
          }),
        );
        expect(firsts).toEqual(['k:0', 'k:10', 'k:20', 'k:30', 'k:49']);
      });

      it('gives readers of two handles under one label the whole of every partition each', async () => {
        const fixture = await make(4);
        const { log } = fixture;
        const other = await fixture.another();
        await append(log, Array.from({ length: 80 }, (_, index) => record(`k${index}`, index)));
        const ranges = await log.ranges();
        const counts = await Promise.all(
          [log, other].flatMap((handle) =>
            ranges.map(async ({ partition, next }) => {
              const reader = await handle.openReader(partition, 0, 'same', { maxWaitMs: 200 });
              let count = 0;
              for (const giveUpAt = performance.now() + 30_000; count < next && performance.now() < giveUpAt; ) count += (await reader.next()).records.length;
              await reader.close();
              return count;
            }),
          ),
        );
        expect(counts).toEqual([...ranges, ...ranges].map(({ next }) => next));
      }, 60_000);

      it('continues at the oldest record held when its position was removed, and shows the gap', async () => {
        const fixture = await make(1);
        for (let index = 0; index < 10; index++) await append(fixture.log, [record('k', index)]);
        const reader = await fixture.log.openReader(0, 0, 'test', { maxRecords: 1 });
        expect(text((await nextWithRecords(reader)).records[0])).toBe('k:0');
        await fixture.expire(0);
        const range = await rangeOf(fixture.log, 0);
        expect(range.first).toBeGreaterThan(2);
        expect(range.first).toBeLessThan(range.next);
        reader.seek(1);
        const { records } = await nextWithRecords(reader);
        expect(records[0]?.offset).toBe(range.first);
        await reader.close();
        const late = await fixture.log.openReader(0, 0, 'late');
        expect((await nextWithRecords(late)).records[0]?.offset).toBe(range.first);
        await late.close();
        const [outcome] = await append(fixture.log, [record('k', 10)]);
        expect(outcome?.offset).toBe(range.next);
      });

      it('waits at the end when its position lies beyond it', async () => {
        const { log } = await make(1);
        await append(log, [record('k', 1)]);
        const { next } = await rangeOf(log, 0);
        const reader = await log.openReader(0, next + 1000, 'test', { maxWaitMs: 50 });
        await until(async () => (await reader.next()).next === next);
        await append(log, [record('k', 2)]);
        expect((await nextWithRecords(reader)).records.map(text)).toEqual(['k:2']);
        await reader.close();
      });
    });

    describe('positions', () => {
      it('finds the first position that is not older than a time', async () => {
        const { log } = await make(1);
        const times: number[] = [];
        for (let index = 0; index < 8; index++) {
          await append(log, [record('k', index)]);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        const stored = await readAll(log);
        for (const { timestamp } of stored) times.push(timestamp);
        for (const time of times) {
          const expected = stored.find(({ timestamp }) => timestamp >= time)?.offset;
          expect(await log.positionAt(0, time)).toBe(expected);
        }
        expect(await log.positionAt(0, 0)).toBe(stored[0]?.offset);
        expect(await log.positionAt(0, (times.at(-1) ?? 0) + 1)).toBe((await rangeOf(log, 0)).next);
      });

      it('tells how long it keeps records', async () => {
        const { log } = await make();
        expect((await log.retention()).ageMs).toBe(86_400_000);
      });

      it('goes on where it was after it was closed and opened again', async () => {
        const fixture = await make(2);
        const before = await append(fixture.log, Array.from({ length: 20 }, (_, index) => record(`k${index}`, index)));
        const ranges = await fixture.log.ranges();
        const log = await fixture.reopen();
        expect((await log.ranges()).map(({ first, next }) => ({ first, next }))).toEqual(ranges.map(({ first, next }) => ({ first, next })));
        const after = await append(log, Array.from({ length: 20 }, (_, index) => record(`k${index}`, 20 + index)));
        after.forEach(({ partition, offset }, index) => {
          expect(partition).toBe(before[index]?.partition);
          expect(offset).toBeGreaterThan(before[index]?.offset ?? Infinity);
        });
        expect(await readAll(log)).toHaveLength(40);
      });
    });

    describe('which log it is', () => {
      it('is told by a name that stays over restarts and is the same for every process', async () => {
        const fixture = await make(1);
        const name = await fixture.log.identity();
        expect(name).toMatch(/^\w+:.+/);
        expect(await (await fixture.another()).identity()).toBe(name);
        await append(fixture.log, [record('k', 1)]);
        expect(await (await fixture.reopen()).identity()).toBe(name);
      });

      it('recognises the records that it holds, at once when they were stored, and no others', async () => {
        const { log } = await make(1);
        for (let call = 0; call < 4; call++) await append(log, [record('k', call), record('k', -call)]);
        const stored = await readAll(log);
        expect(stored).toHaveLength(8);
        for (const { offset, timestamp } of stored) {
          expect(await log.recognise(0, { offset, timestamp })).toBe('same');
          expect(await log.recognise(0, { offset, timestamp: timestamp - 3_600_000 })).toBe('other');
          expect(await log.recognise(0, { offset, timestamp: timestamp + 3_600_000 })).toBe('other');
        }
        expect(await log.recognise(0, { offset: (stored.at(-1)?.offset ?? 0) + 1, timestamp: Date.now() })).toBe('other');
      });

      it('gives the mark of the record before a position, and none where none is held', async () => {
        const { log } = await make(1);
        await append(log, [record('k', 1)]);
        await append(log, [record('k', 2)]);
        const [, second] = await readAll(log);
        const { first, next } = await rangeOf(log, 0);
        expect(await log.markBefore(0, next)).toEqual({ offset: second?.offset, timestamp: second?.timestamp });
        expect(await log.markBefore(0, first)).toBeUndefined();
        expect(await log.markBefore(0, next + 5)).toBeUndefined();
      });

      it('says nothing of what retention removed', async () => {
        const fixture = await make(1);
        await append(fixture.log, [record('k', 1)]);
        const [removed] = await readAll(fixture.log);
        await append(fixture.log, Array.from({ length: 20 }, (_, index) => record('k', index)));
        await append(fixture.log, [record('k', 'last')]);
        await fixture.expire(0);
        expect(await fixture.log.recognise(0, { offset: removed?.offset ?? 0, timestamp: removed?.timestamp ?? 0 })).toBe('gone');
      });
    });

    describe('pools', () => {
      it('gives a lone member every partition, from where it says', async () => {
        const { log } = await make(3);
        await append(log, Array.from({ length: 60 }, (_, index) => record(`k${index}`, index)));
        const ranges = await log.ranges();
        const handler = new Handler((partition, range) => range.next - (partition === 0 ? 1 : 2));
        await log.join('pool', handler);
        await until(() => handler.owned.size === 3);
        expect([...handler.asked.keys()].sort()).toEqual([0, 1, 2]);
        for (const { partition, first, next } of ranges) expect(handler.asked.get(partition)).toMatchObject({ partition, first, next });
        expect(new Set([...handler.owned.values()].map(({ generation }) => generation)).size).toBe(1);
        for (const owned of handler.owned.values()) {
          const { records } = await nextWithRecords(owned.reader);
          expect(records[0]?.offset).toBe((ranges[owned.partition]?.next ?? 0) - (owned.partition === 0 ? 1 : 2));
          await owned.commit(records[0]?.offset ?? 0);
        }
      });

      it('has revoked every partition when a member has left; its readers are over', async () => {
        const { log } = await make(3);
        await append(log, [record('k', 1)]);
        const handler = new Handler();
        const member = await log.join('pool', handler);
        await until(() => handler.owned.size === 3);
        const owned = [...handler.owned.values()];
        await member.leave();
        await member.leave();
        expect(handler.owned.size).toBe(0);
        expect(handler.revocations).toBe(3);
        for (const { reader } of owned) expect([...(await reader.next()).records]).toEqual([]);
      });

      it('shares the partitions between members, one owner each at any time, and grows the generation', async () => {
        const { log } = await make(4);
        const owners = new Owners();
        const first = new Handler(undefined, owners);
        await log.join('pool', first);
        await until(() => first.owned.size === 4);
        const generation = first.generation;
        const second = new Handler(undefined, owners);
        const member = await log.join('pool', second);
        await until(() => first.owned.size === 2 && second.owned.size === 2);
        expect([...first.owned.keys(), ...second.owned.keys()].sort()).toEqual([0, 1, 2, 3]);
        expect(second.generation).toBeGreaterThan(generation);
        await member.leave();
        await until(() => first.owned.size === 4);
        expect(first.generation).toBeGreaterThan(second.generation);
        expect(owners.conflicts).toEqual([]);
      });

      it('gives a partition to another member only after its owner gave it back', async () => {
        const { log } = await make(1);
        const owners = new Owners();
        const slow = new Handler(undefined, owners);
        let release = (): void => undefined;
        slow.beforeRevoked = () => new Promise((resolve) => (release = resolve));
        const member = await log.join('pool', slow);
        await until(() => slow.owned.size === 1);
        const next = new Handler(undefined, owners);
        await log.join('pool', next);
        const left = member.leave();
        await until(() => slow.revoking);
        expect(next.owned.size).toBe(0);
        release();
        await left;
        await until(() => next.owned.size === 1);
        expect(owners.conflicts).toEqual([]);
      });

      it('hands the pool over to another handle when its owner is closed', async () => {
        const fixture = await make(2);
        const other = await fixture.another();
        const here = new Handler();
        await fixture.log.join('pool', here);
        await until(() => here.owned.size === 2);
        const there = new Handler();
        await other.join('pool', there);
        await fixture.log.close();
        expect(here.owned.size).toBe(0);
        await until(() => there.owned.size === 2);
        expect(there.generation).toBeGreaterThan(here.generation);
      });

      it('keeps pools apart', async () => {
        const { log } = await make(2);
        const one = new Handler();
        const two = new Handler();
        await log.join('one', one);
        await log.join('two', two);
        await until(() => one.owned.size === 2 && two.owned.size === 2);
      });

      it('asks again where to start when the answer failed, and goes on when a member throws', async () => {
        const { log } = await make(1);
        await append(log, [record('k', 1)]);
        let tries = 0;
        const handler = new Handler((_, range) => {
          if (tries++ === 0) throw new Error('the documents cannot be reached');
          return range.first;
        });
        handler.afterAssigned = () => {
          throw new Error('a fault of the member');
        };
        const member = await log.join('pool', handler);
        await until(() => handler.owned.size === 1);
        expect(tries).toBeGreaterThan(1);
        const owned = handler.owned.get(0);
        expect(owned && text((await nextWithRecords(owned.reader)).records[0])).toBe('k:1');
        await member.leave();
        expect(handler.owned.size).toBe(0);
      });

      it('delivers each record once while members come and go and cursors are kept', async () => {
        const { log } = await make(4);
        const cursors = new Map<number, number>();
        const seen: string[] = [];
        const members: PoolMember[] = [];
        const consume = async (): Promise<void> => {
          const loops = new Map<number, { stop: boolean; done: Promise<void> }>();
          const member = await log.join(
            'pool',
            {
              startAt: async (partition, range) => cursors.get(partition) ?? range.first,
              assigned: async ({ partition, reader }) => {
                const loop = { stop: false, done: Promise.resolve() };
                loop.done = (async () => {
                  while (!loop.stop) {
                    const { records, next } = await reader.next();
                    seen.push(...Array.from(records, text));
                    cursors.set(partition, next);
                  }
                })();
                loops.set(partition, loop);
              },
              revoked: async (partition) => {
                const loop = loops.get(partition);
                if (!loop) return;
                loop.stop = true;
                await loop.done;
              },
            },
            { maxWaitMs: 50, maxRecords: 5 },
          );
          members.push(member);
        };
        const expected: string[] = [];
        const produce = async (): Promise<void> => {
          for (let call = 0; call < 20; call++) {
            const batch = Array.from({ length: 10 }, (_, index) => record(`k${index}`, `${expected.length}-${index}`));
            await append(log, batch);
            expected.push(...batch.map(({ value }) => Buffer.from(value).toString()));
          }
        };
        await consume();
        await Promise.all([produce(), consume()]);
        await members[0]?.leave();
        await produce();
        await until(() => seen.length >= expected.length);
        await members[1]?.leave();
        expect([...seen].sort()).toEqual([...expected].sort());
      });
    });

    it('is well after it was opened', async () => {
      const { log } = await make(1);
      await append(log, [record('k', 1)]);
      expect(await log.health()).toEqual({ ok: true });
    });
  });
}

/** Who owns which partition, over several members: two at once is a conflict. */
class Owners {
  readonly conflicts: string[] = [];
  private readonly owners = new Map<number, Handler>();

  take(partition: number, handler: Handler): void {
    if (this.owners.has(partition)) this.conflicts.push(`partition ${partition} was assigned while another member had it`);
    this.owners.set(partition, handler);
  }

  give(partition: number): void {
    this.owners.delete(partition);
  }
}

class Handler implements PoolHandler {
  readonly owned = new Map<number, OwnedPartition>();
  readonly asked = new Map<number, PartitionRange>();
  generation = 0;
  revocations = 0;
  revoking = false;
  beforeRevoked: (() => Promise<void>) | undefined;
  afterAssigned: (() => void) | undefined;

  constructor(private readonly start: (partition: number, range: PartitionRange) => number = (_, range) => range.next, private readonly owners?: Owners) {}

  async startAt(partition: number, range: PartitionRange): Promise<number> {
    this.asked.set(partition, range);
    return this.start(partition, range);
  }

  async assigned(owned: OwnedPartition): Promise<void> {
    this.owners?.take(owned.partition, this);
    this.owned.set(owned.partition, owned);
    this.generation = Math.max(this.generation, owned.generation);
    this.afterAssigned?.();
  }

  async revoked(partition: number): Promise<void> {
    this.revoking = true;
    await this.beforeRevoked?.();
    this.revocations++;
    this.owners?.give(partition);
    this.owned.delete(partition);
  }
}

export const record = (key: string, mark: number | string): NewRecord => ({ key, value: Buffer.from(`${key}:${mark}`) });

export const text = (found: LogRecord | undefined): string => (found ? Buffer.from(found.value).toString('utf8') : '(no record)');

/** Appends and fails the test when a record was not stored. */
export async function append(log: EventLog, records: NewRecord[]): Promise<{ partition: number; offset: number }[]> {
  return (await log.append(records)).map((outcome) => {
    if (outcome.type !== 'appended') throw new Error(`not appended: ${outcome.code} ${outcome.reason}`);
    return { partition: outcome.partition, offset: outcome.offset };
  });
}

export async function rangeOf(log: EventLog, partition: number): Promise<PartitionRange> {
  const range = (await log.ranges()).find((found) => found.partition === partition);
  if (!range) throw new Error(`no range of partition ${partition}`);
  return range;
}

/** The next batch that holds records. */
export async function nextWithRecords(reader: PartitionReader): Promise<{ records: LogRecord[]; next: number }> {
  const end = Date.now() + 20_000;
  while (Date.now() < end) {
    const batch = await reader.next();
    if (batch.records.length > 0) return { ...batch, records: [...batch.records] };
  }
  throw new Error('no record came within 20 s');
}

/** Everything the log holds, partition by partition. */
export async function readAll(log: EventLog): Promise<LogRecord[]> {
  const stored: LogRecord[] = [];
  for (const { partition, first, next } of await log.ranges()) {
    let position = first;
    const reader = await log.openReader(partition, first, 'read-all', { maxWaitMs: 200 });
    while (position < next) {
      const batch = await reader.next();
      stored.push(...batch.records);
      position = batch.next;
    }
    await reader.close();
  }
  return stored;
}

export function expectIncreasing(records: readonly LogRecord[]): void {
  const last = new Map<number, number>();
  for (const { partition, offset } of records) {
    expect(offset).toBeGreaterThan(last.get(partition) ?? -1);
    last.set(partition, offset);
  }
}

/** Waits until it is so. @throws when it is not within 25 s */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 25_000;
  while (Date.now() < end) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('did not become so within 25 s');
}
