import type { Renderer, RejectCode } from '../../contracts/format.js';
import type { EventBatch } from './event-batch.js';
import { wiredTexts, type Shape } from './shape.js';
import { SlabWriter } from './slab-writer.js';

export interface RenderReject {
  code: RejectCode;
  reason: string;
}

const REJECTED = Buffer.alloc(0);

/** The one that `of` gave last; it holds its batch until another is asked for. */
let latest: Rendering | undefined;

/**
 * One batch in one shape, rendered on demand into slabs, framing or envelope included. Records that were rendered one after the other lie side by side,
 * so a run of them leaves as one buffer.
 */
export class Rendering {
  /** Where each record lies, once it was rendered: as lists, since an object for each would be moved about in memory while it waits. */
  private slabs: Array<Buffer | undefined>;
  private readonly starts: Int32Array;
  private readonly ends: Int32Array;
  /** Of records that are split. */
  private readonly partEnds = new Map<number, readonly number[]>();
  private readonly rejects = new Map<number, RenderReject>();
  private readonly writer: SlabWriter;
  private holders = 0;
  private isOver = false;

  constructor(
    private readonly batch: EventBatch,
    private readonly shape: Shape,
    private readonly renderer: Renderer,
  ) {
    this.slabs = new Array<Buffer | undefined>(batch.length).fill(undefined);
    this.starts = new Int32Array(batch.length);
    this.ends = new Int32Array(batch.length);
    this.writer = new SlabWriter(shape.framing, batch.length);
  }

  /** The rendering of a batch in a shape; made at the first call. */
  static of(batch: EventBatch, shape: Shape, renderer: Renderer): Rendering {
    // The lanes of a shape ask for a batch one after the other.
    if (latest?.batch === batch && latest.shape.key === shape.key && !latest.isOver) return latest;
    let rendering = batch.renderings.get(shape.key);
    if (!rendering || rendering.isOver) {
      rendering = new Rendering(batch, shape, renderer);
      batch.renderings.set(shape.key, rendering);
    }
    return (latest = rendering);
  }

  /** Somebody is about to send of it. */
  hold(): void {
    this.holders++;
  }

  /** Who held it has sent all that he wants, and nobody reads it on his behalf any more: with the last one its memory is used again. Who does not say so leaves it to the collector. */
  release(): void {
    if (--this.holders > 0) return;
    this.isOver = true;
    this.slabs = [];
    this.writer.giveBack();
  }

  /** Octets of a record on the wire, or why there are none. */
  measure(index: number): number | RenderReject {
    const slab = this.slabs[index] ?? this.render(index);
    if (slab !== REJECTED) return (this.ends[index] ?? 0) - (this.starts[index] ?? 0);
    return this.rejects.get(index) ?? { code: 'not-renderable', reason: 'no reason is known' };
  }

  /** The octets of one record, all its parts, framing included. @throws RangeError for a rejected one: `measure` first. */
  bytes(index: number): Buffer {
    return this.slabOf(index).subarray(this.starts[index], this.ends[index]);
  }

  /** Adds the messages of one record, one buffer each: its parts where it is split. @throws RangeError as `bytes` */
  addMessages(buffers: Buffer[], index: number): void {
    const slab = this.slabOf(index);
    let from = this.starts[index] ?? 0;
    for (const to of this.partEnds.get(index) ?? [this.ends[index] ?? 0]) {
      buffers.push(slab.subarray(from, to));
      from = to;
    }
  }

  /** Adds records to a list of buffers: one buffer for all that lie side by side. @throws RangeError as `bytes` */
  appendAll(buffers: Buffer[], indices: readonly number[]): void {
    let run: Buffer | undefined;
    let [from, to] = [0, 0];
    for (const index of indices) {
      const slab = this.slabOf(index);
      const [start = 0, end = 0] = [this.starts[index], this.ends[index]];
      if (run !== slab || to !== start) {
        if (run !== undefined) buffers.push(run.subarray(from, to));
        run = slab;
        from = start;
      }
      to = end;
    }
    if (run !== undefined) buffers.push(run.subarray(from, to));
  }

  /** Copies records to a place, one behind the other. @returns where they end. @throws RangeError as `bytes` */
  copyAll(target: Buffer, start: number, indices: readonly number[]): number {
    let at = start;
    for (const index of indices) at += this.slabOf(index).copy(target, at, this.starts[index], this.ends[index]);
    return at;
  }

  private slabOf(index: number): Buffer {
    const slab = this.slabs[index] ?? this.render(index);
    if (slab === REJECTED) throw new RangeError(`record ${index} cannot be rendered: ${this.rejects.get(index)?.reason ?? ''}`);
    return slab;
  }

  private render(index: number): Buffer {
    const slab = this.written(index);
    if (!Buffer.isBuffer(slab)) {
      this.rejects.set(index, slab);
      return (this.slabs[index] = REJECTED);
    }
    this.starts[index] = this.writer.start;
    this.ends[index] = this.writer.end;
    return (this.slabs[index] = slab);
  }

  /** The slab in which the writer put it. */
  private written(index: number): Buffer | RenderReject {
    const { envelope } = this.shape;
    const stored = envelope === undefined && this.renderer.renderStored !== undefined ? this.batch.stored(index) : undefined;
    try {
      const before = stored && this.renderer.renderStored?.(stored);
      if (stored && typeof before === 'string') return this.writer.write(before, stored);
      const sequence = this.batch.sequence(index);
      const event = this.batch.event(index);
      const rendered = this.renderer.render(event, sequence);
      switch (rendered.type) {
        case 'rendered': return this.writer.write(envelope ? envelope(rendered.text, event, sequence, null) : rendered.text);
        case 'parts': {
          const { slab, ends } = this.writer.writeAll(wiredTexts(this.shape, rendered.texts, event, sequence));
          this.partEnds.set(index, ends);
          return slab;
        }
        case 'reject': return { code: rendered.code, reason: rendered.reason };
      }
    } catch (error) {
      // A fault of a format must not stop the stream: the event is kept as a dead letter and counted.
      return { code: 'not-renderable', reason: error instanceof Error ? error.message : String(error) };
    }
  }
}
