import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../contracts/clock.js';
import { CommandError, cursorNotFound } from './errors.js';

/** Gives the next documents of a result, as stored bytes. */
export interface ResultSource {
  /** At most `most` documents and about `maxBytes`; one at least is given when there is one. */
  next(most: number, maxBytes: number): Promise<Buffer[]>;
  readonly done: boolean;
}

interface OpenCursor {
  namespace: string;
  source: ResultSource;
  usedAtMs: number;
  busy: boolean;
}

const MOST_CURSORS = 10_000;

/** Results that readers have not read to the end. One that nobody asks for is forgotten after `idleMs`. */
export class Cursors {
  private readonly open = new Map<bigint, OpenCursor>();

  constructor(private readonly clock: Clock, private readonly idleMs: number) {}

  /** Answers the id to ask for more with. @throws when there are too many. */
  add(namespace: string, source: ResultSource): bigint {
    if (this.open.size >= MOST_CURSORS) throw new CommandError(36, 'CursorInUse', `there are ${MOST_CURSORS} open cursors already`);
    const id = BigInt.asUintN(62, randomBytes(8).readBigUInt64LE()) + 1n;
    this.open.set(id, { namespace, source, usedAtMs: this.clock.now(), busy: false });
    return id;
  }

  /** @throws 43 when there is no such cursor any more, 36 when it is at work. */
  async use(id: bigint, namespace: string, read: (source: ResultSource) => Promise<Buffer[]>): Promise<{ batch: Buffer[]; id: bigint }> {
    const cursor = this.open.get(id);
    if (!cursor || cursor.namespace !== namespace) throw cursorNotFound(id);
    if (cursor.busy) throw new CommandError(12051, 'CursorInUse', `cursor id ${id} is already in use`);
    cursor.busy = true;
    try {
      const batch = await read(cursor.source);
      cursor.usedAtMs = this.clock.now();
      if (cursor.source.done) this.open.delete(id);
      return { batch, id: cursor.source.done ? 0n : id };
    } catch (error) {
      this.open.delete(id);
      throw error;
    } finally {
      cursor.busy = false;
    }
  }

  kill(id: bigint): boolean {
    return this.open.delete(id);
  }

  /** Forgets the idle ones. */
  expire(): void {
    const oldest = this.clock.now() - this.idleMs;
    for (const [id, cursor] of this.open) if (!cursor.busy && cursor.usedAtMs < oldest) this.open.delete(id);
  }
}
