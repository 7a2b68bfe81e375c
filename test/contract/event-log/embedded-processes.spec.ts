import { afterEach, describe, expect, it } from '@jest/globals';
import { openTestEventLog, type TestEventLog } from '../../support/embedded-event-log.js';
import { startEventLogProcess, type EventLogProcess } from '../../support/event-log-process.js';
import { append, expectIncreasing, readAll, record, text, until } from './event-log.contract.js';

const opened: TestEventLog[] = [];
const started: EventLogProcess[] = [];
async function open(): Promise<TestEventLog> {
  const fixture = await openTestEventLog({ poolLeaseMs: 1500 });
  opened.push(fixture);
  return fixture;
}
async function start(mode: 'write' | 'own' | 'fill', directory: string, name: string, fileBytes?: number): Promise<EventLogProcess> {
  const child = await startEventLogProcess(mode, directory, name, fileBytes);
  started.push(child);
  return child;
}
afterEach(async () => {
  await Promise.all(started.splice(0).map((child) => child.kill('SIGKILL')));
  await Promise.all(opened.splice(0).map((fixture) => fixture.dispose()));
});
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** `partition.offset` -> mark, as the writers said; a line that the kill cut off does not count. */
function acknowledged(lines: readonly string[]): Map<string, string> {
  const marks = new Map<string, string>();
  for (const line of lines) {
    expect(line).not.toMatch(/^error/);
    const [, partition, offset, mark] = /^(\d+) (\d+) (\S+-\d+-\d+-\d+)$/.exec(line) ?? [];
    if (mark !== undefined) marks.set(`${partition}.${offset}`, mark);
  }
  return marks;
}

describe('embedded event log and processes that die', () => {
  it('loses and tears nothing that was acknowledged, however often its writer is killed', async () => {
    const fixture = await open();
    await fixture.log.close();
    const promised = new Map<string, string>();
    for (let round = 0; round < 10; round++) {
      const writer = await start('write', fixture.directory, `w${round}`);
      await sleep(40 + ((round * 53) % 160));
      await writer.kill('SIGKILL');
      for (const [position, mark] of acknowledged(writer.lines)) {
        expect(promised.has(position)).toBe(false);
        promised.set(position, mark);
      }
    }
    const log = await fixture.reopen();
    const stored = await readAll(log);
    expectIncreasing(stored);
    const found = new Map(stored.map((entry) => [`${entry.partition}.${entry.offset}`, text(entry).replace(/\.+$/, '')]));
    expect(promised.size).toBeGreaterThan(100);
    expect([...promised].filter(([position, mark]) => found.get(position) !== mark)).toEqual([]);
    expect(new Set(found.values()).size).toBe(stored.length);
    expect(await log.health()).toEqual({ ok: true });
    await append(log, [record('k', 'after')]);
  });

  it('refuses while the disk takes no more, keeps what it acknowledged and nothing else, and goes on when there is room', async () => {
    const fixture = await open();
    await fixture.log.close();
    const writer = await start('fill', fixture.directory, 'full', 3_000_000);
    await writer.ended;
    expect(writer.lines.filter((line) => line.startsWith('refused'))).toHaveLength(20);
    expect(writer.lines.at(-1)).toBe('not well');
    expect(writer.lines.filter((line) => line.startsWith('error event log refuses events'))).toHaveLength(1);
    const promised = acknowledged(writer.lines.filter((line) => !line.startsWith('error')));
    expect(promised.size).toBeGreaterThan(1000);
    const log = await fixture.reopen();
    const found = new Map((await readAll(log)).map((entry) => [`${entry.partition}.${entry.offset}`, text(entry).replace(/\.+$/, '')]));
    expect(found).toEqual(promised);
    await append(log, [record('k', 'after')]);
    expect(await log.health()).toEqual({ ok: true });
  });

  it('lets two processes append to one directory while a third one tails it', async () => {
    const fixture = await open();
    const seen = new Map<string, string>();
    let reading = true;
    const tails = [0, 1, 2, 3].map(async (partition) => {
      const reader = await fixture.log.openReader(partition, 0, 'tail', { maxWaitMs: 50 });
      while (reading) for (const entry of (await reader.next()).records) seen.set(`${partition}.${entry.offset}`, text(entry).replace(/\.+$/, ''));
      await reader.close();
    });
    const writers = await Promise.all([start('write', fixture.directory, 'one'), start('write', fixture.directory, 'two')]);
    await until(() => writers.every(({ lines }) => lines.length > 500));
    await writers[0]?.kill('SIGKILL');
    const before = writers[1]?.lines.length ?? 0;
    await until(() => (writers[1]?.lines.length ?? 0) > before + 500);
    await writers[1]?.kill('SIGKILL');
    const [one, two] = writers.map(({ lines }) => acknowledged(lines));
    const promised = [...(one ?? []), ...(two ?? [])];
    expect(new Set(promised.map(([position]) => position)).size).toBe(promised.length);
    await until(() => promised.every(([position]) => seen.has(position)));
    expect(promised.filter(([position, mark]) => seen.get(position) !== mark)).toEqual([]);
    reading = false;
    await Promise.all(tails);
  });

  it('hands a pool over when the process that owns it is killed, with a larger generation', async () => {
    const fixture = await open();
    const owner = await start('own', fixture.directory, 'pool');
    await until(() => owner.lines.filter((line) => line.startsWith('assigned')).length === 4);
    const generations: number[] = [];
    await fixture.log.join('pool', {
      startAt: async (_, range) => range.next,
      assigned: async ({ generation }) => void generations.push(generation),
      revoked: async () => undefined,
    });
    await sleep(600);
    expect(generations).toEqual([]);
    await owner.kill('SIGKILL');
    await until(() => generations.length === 4);
    const before = Number(owner.lines[0]?.split(' ')[2]);
    expect(Math.min(...generations)).toBeGreaterThan(before);
  });

  it('takes the partitions away from a process that stood still for longer than its lease', async () => {
    const fixture = await open();
    const owner = await start('own', fixture.directory, 'pool');
    await until(() => owner.lines.length === 4);
    const taken: number[] = [];
    await fixture.log.join('pool', {
      startAt: async (_, range) => range.next,
      assigned: async ({ partition }) => void taken.push(partition),
      revoked: async () => undefined,
    });
    owner.signal('SIGSTOP');
    await until(() => taken.length === 4);
    owner.signal('SIGCONT');
    await until(() => owner.lines.filter((line) => line.startsWith('revoked')).length === 4);
  });
});
