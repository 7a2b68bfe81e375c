import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLog } from '../../src/contracts/log.js';
import { EmbeddedDocumentServer } from '../../src/platform/documents/embedded-document-server.js';
import { MongooseDocumentStore } from '../../src/platform/documents/mongoose-document-store.js';
import { disagreements } from '../support/document-integrity.js';

const PROCESS = fileURLToPath(new URL('../support/document-process.js', import.meta.url));

/** A process whose lines the test reads until it says that it has seen enough. */
class Writer {
  readonly child: ChildProcess;
  private readonly ended: Promise<void>;

  constructor(directory: string, mode: 'write' | 'claim', name: string, private readonly seen: (line: string) => void) {
    // A killed process leaves the directory of its socket behind.
    this.child = spawn(process.execPath, [PROCESS, join(directory, 'data'), mode, name], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TMPDIR: directory } });
    const lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => this.seen(line));
    this.ended = new Promise((resolve) => lines.once('close', resolve));
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
  /** All lines that it wrote have been read. */
  async end(): Promise<void> {
    await this.ended;
  }
}

describe('embedded documents while processes are killed', () => {
  let directory: string;
  let writers: Writer[];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidegate-kill-'));
    writers = [];
  });
  afterEach(async () => {
    for (const writer of writers) writer.kill();
    await Promise.all(writers.map((writer) => writer.end()));
    await rm(directory, { recursive: true, force: true });
  });

  async function reopened<T>(read: (store: MongooseDocumentStore) => Promise<T>): Promise<T> {
    const server = await EmbeddedDocumentServer.start({ directory: join(directory, 'data'), log: silentLog });
    const store = await MongooseDocumentStore.connect({ uri: server.uri, dbName: 'kill' });
    try {
      return await read(store);
    } finally {
      await store.close();
      await server.stop();
    }
  }

  it('no acknowledged write is lost, and every index agrees with its documents, over 8 kills of two writers', async () => {
    /** What a key must be: acknowledged, or what was under way when the process died. */
    const keys = new Map<string, { acknowledged: string; begun?: string }>();
    let acknowledgements = 0;
    for (let round = 0; round < 4; round++) {
      const pair = ['a', 'b'].map((name) => {
        let count = 0;
        // Not in the same moment of each round.
        const enough = 40 + round * 23 + (name === 'a' ? 0 : 17);
        const writer: Writer = new Writer(directory, 'write', `${name}${round % 2}`, (line) => {
          const [word, key, rest] = parts(line);
          const state = keys.get(key) ?? { acknowledged: '-' };
          if (word === 'begin') keys.set(key, { ...state, begun: rest === '-' ? rest : inOrder(JSON.parse(rest) as object) });
          if (word === 'done') {
            keys.set(key, { acknowledged: state.begun ?? '-' });
            acknowledgements++;
            if (++count === enough) writer.kill();
          }
        });
        writers.push(writer);
        return writer;
      });
      await Promise.all(pair.map((writer) => writer.end()));
      // The next processes of this name go on with what is there.
      const there = await reopened(async (store) => new Map((await store.connection.collection('write').find().toArray()).map((document) => [String(document._id), inOrder(document)])));
      for (const [key, { acknowledged, begun }] of keys) {
        const found = there.get(key) ?? '-';
        expect([key, [acknowledged, begun].includes(found) ? 'as acknowledged or begun' : found, acknowledged]).toEqual([key, 'as acknowledged or begun', acknowledged]);
        keys.set(key, { acknowledged: found });
      }
      expect(await disagreements(join(directory, 'data'))).toEqual([]);
    }
    expect(acknowledgements).toBeGreaterThanOrEqual(8 * 40);
  }, 120_000);

  it('three processes that claim from one directory never claim the same, though one is killed half way', async () => {
    const all = Array.from({ length: 240 }, (_, n) => ({ _id: `alert-${n}`, unique: `u${n}`, state: 'new', n }));
    await reopened((store) => store.connection.collection<(typeof all)[number]>('claim').insertMany(all));
    const claims: string[] = [];
    let ready = 0;
    for (const name of ['one', 'two', 'three']) {
      let own = 0;
      const writer: Writer = new Writer(directory, 'claim', name, (line) => {
        const [word, id] = parts(line);
        if (word === 'ready') ready++;
        if (word !== 'claimed') return;
        claims.push(id);
        if (name === 'two' && ++own === 20) writer.kill();
      });
      writers.push(writer);
    }
    await Promise.all(writers.map((writer) => writer.end()));
    expect(ready).toBe(3);
    expect(claims).toHaveLength(new Set(claims).size);
    const left = await reopened(async (store) => (await store.connection.collection('claim').find({ state: 'claimed' }).toArray()).map((document) => String(document._id)));
    expect(left).toHaveLength(240);
    // At most the one that the killed process had under way was not told.
    expect(left.filter((id) => !claims.includes(id)).length).toBeLessThanOrEqual(1);
    expect(await disagreements(join(directory, 'data'))).toEqual([]);
  }, 120_000);
});

/** An update adds fields in an order of its own. */
const inOrder = (document: object) => JSON.stringify(Object.fromEntries(Object.entries(document).sort(([a], [b]) => (a < b ? -1 : 1))));

function parts(line: string): [word: string, key: string, rest: string] {
  const [word = '', key = ''] = line.split(' ', 2);
  return [word, key, line.slice(word.length + key.length + 2)];
}
