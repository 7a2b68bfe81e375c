import type { StoredEvent } from '../../model/event-envelope.js';
import type { Framing } from '../../model/integration.js';
import { SLAB_BYTES, slabPool, type SlabPool } from './slab-pool.js';

const COUNTED_FROM = 8192;
/** Of so few messages each gets what it takes: at a steady rate most batches hold one, and what is sent waits for its seal. */
const FEW_MESSAGES = 4;

/** An event that goes as it lies in the log. */
type FollowingEvent = Pick<StoredEvent, 'size' | 'writeTo'>;

/** Writes messages with their framing (RFC 6587, 3.4) one behind the other into slabs, so that a run of them leaves as one buffer. `start` and `end` say where the last one lies in its slab. */
export class SlabWriter {
  start = 0;
  end = 0;
  private slab: Buffer | undefined;
  /** Those of the pool. */
  private pooled: Buffer[] = [];

  /** @param messages how many are about to be written */
  constructor(private readonly framing: Framing | 'none', private readonly messages: number, private readonly pool: SlabPool = slabPool) {}

  /** @param following what follows the text. @returns the slab */
  write(text: string, following?: FollowingEvent): Buffer {
    const slab = this.room(this.mostOctets(text) + (following === undefined ? 0 : following.size));
    this.start = this.end;
    this.put(slab, text, following);
    return slab;
  }

  /** Several messages side by side in one slab, which `start` and `end` tell of together. @returns the slab, and where each of them ends */
  writeAll(texts: readonly string[]): { slab: Buffer; ends: number[] } {
    const slab = this.room(texts.reduce((sum, text) => sum + this.mostOctets(text), 0));
    this.start = this.end;
    return { slab, ends: texts.map((text) => this.put(slab, text)) };
  }

  /** Nobody reads what was written any more: what is written next begins anew. */
  giveBack(): void {
    this.slab = undefined;
    this.pool.give(this.pooled);
    this.pooled = [];
  }

  /** @returns where it ends */
  private put(slab: Buffer, text: string, following?: FollowingEvent): number {
    let at = this.end;
    if (this.framing === 'octet-counting') at += slab.write(`${Buffer.byteLength(text, 'utf8') + (following === undefined ? 0 : following.size)} `, at, 'latin1');
    if (text.length > 0) at += slab.write(text, at, 'utf8');
    if (following) at = following.writeTo(slab, at);
    if (this.framing === 'newline') slab[at++] = 0x0a;
    return (this.end = at);
  }

  private room(bytes: number): Buffer {
    if (!this.slab || this.end + bytes > this.slab.length) {
      this.slab = this.next(this.messages <= FEW_MESSAGES ? bytes : Math.max(bytes, Math.min(SLAB_BYTES, this.messages * 1024 + 4096)));
      this.end = 0;
    }
    return this.slab;
  }

  private next(bytes: number): Buffer {
    if (bytes !== SLAB_BYTES) return Buffer.allocUnsafeSlow(bytes);
    const slab = this.pool.take();
    this.pooled.push(slab);
    return slab;
  }

  /** Room that is enough for a message. A UTF-16 unit is three octets at most: only a long text, or one of few, is worth counting. A count in front has at most 10 digits and a space. */
  private mostOctets(text: string): number {
    return (text.length <= COUNTED_FROM && this.messages > FEW_MESSAGES ? 3 * text.length : Buffer.byteLength(text, 'utf8')) + 11;
  }
}
