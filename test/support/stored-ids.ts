import { open } from 'node:fs/promises';

export interface Stored {
  /** Copies by number of the event. */
  copies: Map<number, number>;
  torn: number;
}

/** What a line of a receiver's file holds: which way it came, and the id of its event; without one it is a part of an event. */
export type ReadLine = (line: string) => { way: string; id?: string } | undefined;

/** What receivers wrote into their files of JSON lines, read on as they grow: numbers of the events `<prefix><number>`, by the way that they came. */
export class StoredIds {
  private readonly byWay = new Map<string, Stored>();
  private readonly read = new Map<string, { at: number; rest: string }>();

  constructor(private readonly prefix: string, private readonly files: () => string[], private readonly readLine: ReadLine = syslogRecord) {}

  of(way: string): Stored {
    let stored = this.byWay.get(way);
    if (!stored) this.byWay.set(way, (stored = { copies: new Map(), torn: 0 }));
    return stored;
  }

  /** Takes in what was written since the last time. */
  async look(): Promise<void> {
    for (const file of this.files()) {
      const state = this.read.get(file) ?? { at: 0, rest: '' };
      this.read.set(file, state);
      const handle = await open(file, 'r').catch(() => null);
      if (!handle) continue;
      try {
        for (;;) {
          const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(1_048_576), 0, 1_048_576, state.at);
          if (bytesRead === 0) break;
          state.at += bytesRead;
          // Records are ASCII: both receivers escape what is not, and the events of these runs hold nothing else.
          const lines = (state.rest + buffer.subarray(0, bytesRead).toString('latin1')).split('\n');
          state.rest = lines.pop() ?? '';
          for (const line of lines) this.take(line);
        }
      } finally {
        await handle.close();
      }
    }
  }

  private take(line: string): void {
    const record = this.readLine(line);
    if (!record) return;
    const stored = this.of(record.way);
    if (record.id === undefined) stored.torn++;
    else if (record.id.startsWith(this.prefix)) {
      const number = Number(record.id.slice(this.prefix.length));
      stored.copies.set(number, (stored.copies.get(number) ?? 0) + 1);
    }
  }
}

/** The way is the APP-NAME. A record counts as the event only when it is whole: half of one that a reset cut is stored by receivers, too. */
function syslogRecord(line: string): ReturnType<ReadLine> {
  const record = parsed<{ rawmsg: string; appName: string }>(line);
  if (!record) return undefined;
  const event = parsed<{ id: string }>(record.rawmsg.slice(Math.max(0, record.rawmsg.indexOf('{'))));
  return { way: record.appName, ...(event ? { id: event.id } : {}) };
}

export function parsed<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}
