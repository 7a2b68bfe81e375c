import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Log } from '../../../src/contracts/log.js';
import { EmbeddedEventLog, type EmbeddedEventLogOptions } from '../../../src/platform/event-log/embedded/embedded-event-log.js';
import { embeddedOptions, openTestEventLog, type TestEventLog } from '../../support/embedded-event-log.js';
import { append, nextWithRecords, rangeOf, readAll, record, text, until } from './event-log.contract.js';

const opened: TestEventLog[] = [];
async function open(options: Partial<EmbeddedEventLogOptions> = {}): Promise<TestEventLog> {
  const fixture = await openTestEventLog(options);
  opened.push(fixture);
  return fixture;
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map((fixture) => fixture.dispose()));
});
const big = (mark: string, bytes = 50_000) => ({ key: 'k', value: Buffer.from(mark.padEnd(bytes, '.')) });

describe('embedded event log: limits', () => {
  it('refuses a call as a whole at its byte limit, says when to try again, and takes events again once there is room', async () => {
    const { log } = await open({ partitions: 1, fullBytes: 1_048_576, retentionBytes: 1_048_576 });
    let stored = 0;
    let refusal;
    while (!refusal) {
      const outcomes = await log.append([big(`a${stored}`), big(`b${stored}`)]);
      const kinds = new Set(outcomes.map(({ type }) => type));
      expect(kinds.size).toBe(1);
      if (kinds.has('appended')) stored += 2;
      else refusal = outcomes[0];
    }
    expect(refusal).toMatchObject({ type: 'unavailable', code: 'log-full' });
    expect(refusal.type === 'unavailable' && refusal.retryAfterMs).toBeGreaterThan(0);
    expect(await readAll(log)).toHaveLength(stored);
    expect((await rangeOf(log, 0)).next).toBe(stored);
    const [small] = await log.append([record('k', 'small')]);
    expect(small?.type).toBe('appended');
  });

  it('says in its health that it is full, and that it is well when retention made room', async () => {
    const fixture = await open({ partitions: 1, fullBytes: 1_048_576, retentionBytes: 1_048_576 });
    for (;;) {
      const [outcome] = await fixture.log.append([record('k', 'x'.repeat(30_000))]);
      if (outcome?.type !== 'appended') break;
    }
    const filled = (await rangeOf(fixture.log, 0)).next;
    await fixture.reopen({ retentionBytes: 300_000, retentionIntervalMs: 20 });
    await until(async () => (await rangeOf(fixture.log, 0)).first > 0 && (await fixture.log.health()).ok);
    const [outcome] = await append(fixture.log, [record('k', 'again')]);
    expect(outcome?.offset).toBe(filled);
  });

  it('refuses when the disk has less room than the settings ask for', async () => {
    const { log } = await open({ minFreeDiskBytes: Number.MAX_SAFE_INTEGER });
    expect(await log.append([record('k', 1)])).toMatchObject([{ type: 'unavailable', code: 'log-full' }]);
    expect(await log.health()).toMatchObject({ ok: false });
    expect(await readAll(log)).toEqual([]);
  });

  it('does not open with another number of partitions, and says how to mend it', async () => {
    const fixture = await open({ partitions: 2 });
    await fixture.log.close();
    await expect(new EmbeddedEventLog(embeddedOptions(fixture.directory, { partitions: 3 })).open()).rejects.toThrow(/eventLog\.partitions is 3, but .* was made with 2/);
    expect((await (await fixture.reopen()).ranges()).length).toBe(2);
  });

  it('keeps its directory to its owner', async () => {
    const { directory } = await open();
    expect((await stat(directory)).mode & 0o077).toBe(0);
  });
});

describe('embedded event log: retention', () => {
  it('removes what is too old, but never the newest batch of a partition, and offsets go on', async () => {
    let now = 1_000_000_000_000;
    const { log } = await open({ partitions: 2, retentionMs: 60_000, retentionIntervalMs: 20, clock: { now: () => now } });
    for (let index = 0; index < 20; index++) await append(log, [record('a', index), record('b', index), record('c', index)]);
    const before = await log.ranges();
    now += 61_000;
    await until(async () => (await log.ranges()).every(({ first, next }) => next === 0 || next - first <= 3));
    const after = await log.ranges();
    expect(after.map(({ next }) => next)).toEqual(before.map(({ next }) => next));
    for (const { first, next } of after) if (next > 0) expect(first).toBeLessThan(next);
    const [outcome] = await append(log, [record('a', 20)]);
    expect(outcome?.offset).toBe(before[outcome?.partition ?? 0]?.next);
  });

  it('removes the oldest first when the log holds too many bytes', async () => {
    let now = 1_000_000_000_000;
    const { log } = await open({ partitions: 4, retentionBytes: 2_000_000, retentionIntervalMs: 20, clock: { now: () => now } });
    for (let index = 0; index < 100; index++) {
      now += 1000;
      await append(log, [{ key: `k${index}`, value: Buffer.alloc(60_000) }]);
    }
    const held = async (): Promise<number> => (await log.ranges()).reduce((sum, { bytes = 0 }) => sum + bytes, 0);
    await until(async () => (await held()) <= 2_000_000);
    const stored = await readAll(log);
    expect(stored.length).toBeGreaterThan(20);
    expect(stored.length).toBeLessThan(40);
    expect(Math.min(...stored.map(({ timestamp }) => timestamp))).toBeGreaterThan(now - 45_000);
  });

  it('gives the room of what it removed to new events: the file stops growing', async () => {
    const fixture = await open({ partitions: 2, retentionBytes: 4_000_000, retentionIntervalMs: 10 });
    const file = join(fixture.directory, 'data.mdb');
    const sizes: number[] = [];
    for (let round = 0; round < 6; round++) {
      for (let call = 0; call < 40; call++) await append(fixture.log, Array.from({ length: 100 }, (_, index) => ({ key: `k${index}`, value: Buffer.alloc(700) })));
      await until(async () => (await fixture.log.ranges()).reduce((sum, { bytes = 0 }) => sum + bytes, 0) <= 4_000_000);
      sizes.push((await stat(file)).size);
    }
    expect(sizes.at(-1)).toBeLessThan(40_000_000);
    expect((sizes.at(-1) ?? 0) - (sizes[2] ?? 0)).toBeLessThan(8_000_000);
  });
});

describe('embedded event log: positions by time', () => {
  it('finds the first record that is not older although the clock was set back in between', async () => {
    let now = 10_000;
    const { log } = await open({ partitions: 1, clock: { now: () => now } });
    for (const time of [10_000, 20_000, 90_000, 30_000, 40_000, 100_000]) {
      now = time;
      await append(log, [record('k', time)]);
    }
    expect(await log.positionAt(0, 0)).toBe(0);
    expect(await log.positionAt(0, 15_000)).toBe(1);
    expect(await log.positionAt(0, 50_000)).toBe(2);
    expect(await log.positionAt(0, 95_000)).toBe(5);
    expect(await log.positionAt(0, 200_000)).toBe(6);
  });
});

describe('embedded event log: damage', () => {
  it('leaves a damaged batch out, reports it, and goes on behind it', async () => {
    const errors: object[] = [];
    const log: Log = { debug() {}, info() {}, warn() {}, error: (facts) => void errors.push(facts), child: () => log };
    const fixture = await open({ partitions: 1, log });
    for (const mark of ['first', 'second-to-be-damaged', 'third']) await append(fixture.log, [big(mark, 20_000), big(`${mark}-again`, 20_000)]);
    await fixture.log.close();
    const file = join(fixture.directory, 'data.mdb');
    const bytes = await readFile(file);
    const at = bytes.indexOf('second-to-be-damaged-again');
    expect(at).toBeGreaterThan(0);
    bytes[at + 3000] = 0x21;
    await writeFile(file, bytes);
    const reopened = await fixture.reopen();
    const stored = await readAll(reopened);
    expect(stored.map((entry) => text(entry).replace(/\.+$/, ''))).toEqual(['first', 'first-again', 'third', 'third-again']);
    expect(errors).toMatchObject([{ partition: 0, from: 2, to: 4, records: 2 }]);
    expect(await reopened.health()).toMatchObject({ ok: false, reason: expect.stringContaining('2 stored events') });
    const reader = await reopened.openReader(0, 3, 'inside');
    expect(text((await nextWithRecords(reader)).records[0])).toMatch(/^third/);
    await reader.close();
  });
});
