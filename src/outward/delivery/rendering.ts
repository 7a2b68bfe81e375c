import type { Renderer, RejectCode } from '../../contracts/format.js';
import type { EventBatch } from './event-batch.js';
import { wiredTexts, type Shape } from './shape.js';
import { SlabWriter, type WrittenPlace } from './slab-writer.js';

export interface RenderReject {
  code: RejectCode;
  reason: string;
}

/** Where one record lies. The parts of a split event lie side by side; `ends` says where each of them ends. */
interface Place extends WrittenPlace {
  ends?: readonly number[];
}

/**
 * One batch in one shape, rendered on demand into slabs, framing or envelope included. Records that were rendered one after the other lie side by side,
 * so a run of them leaves as one buffer.
 */
export class Rendering {
  private readonly places: Array<Place | RenderReject | undefined>;
  private readonly writer: SlabWriter;

  constructor(
    private readonly batch: EventBatch,
    private readonly shape: Shape,
    private readonly renderer: Renderer,
  ) {
    this.places = new Array<Place | RenderReject | undefined>(batch.length);
    this.writer = new SlabWriter(shape.framing, batch.length);
  }

  /** The rendering of a batch in a shape; made at the first call. */
  static of(batch: EventBatch, shape: Shape, renderer: Renderer): Rendering {
    let rendering = batch.renderings.get(shape.key);
    if (!rendering) {
      rendering = new Rendering(batch, shape, renderer);
      batch.renderings.set(shape.key, rendering);
    }
    return rendering;
  }

  /** Octets of a record on the wire, or why there are none. */
  measure(index: number): number | RenderReject {
    const place = this.places[index] ?? this.render(index);
    return 'slab' in place ? place.end - place.start : place;
  }

  /** The octets of one record, all its parts, framing included. @throws RangeError for a rejected one: `measure` first. */
  bytes(index: number): Buffer {
    const place = this.placeOf(index);
    return place.slab.subarray(place.start, place.end);
  }

  /** Adds the messages of one record, one buffer each: its parts where it is split. @throws RangeError as `bytes` */
  addMessages(buffers: Buffer[], index: number): void {
    const { slab, start, end, ends } = this.placeOf(index);
    if (ends === undefined) {
      buffers.push(slab.subarray(start, end));
      return;
    }
    let from = start;
    for (const to of ends) {
      buffers.push(slab.subarray(from, to));
      from = to;
    }
  }

  /** Adds records to a list of buffers, one buffer for all that lie side by side. @throws RangeError as `bytes` */
  appendAll(buffers: Buffer[], indices: readonly number[]): void {
    let run: { slab: Buffer; start: number; end: number } | undefined;
    for (const index of indices) {
      const { slab, start, end } = this.placeOf(index);
      if (run !== undefined && run.slab === slab && run.end === start) {
        run.end = end;
        continue;
      }
      if (run !== undefined) buffers.push(run.slab.subarray(run.start, run.end));
      run = { slab, start, end };
    }
    if (run !== undefined) buffers.push(run.slab.subarray(run.start, run.end));
  }

  private placeOf(index: number): Place {
    const place = this.places[index] ?? this.render(index);
    if (!('slab' in place)) throw new RangeError(`record ${index} cannot be rendered: ${place.reason}`);
    return place;
  }

  private render(index: number): Place | RenderReject {
    const place = this.placed(index);
    this.places[index] = place;
    return place;
  }

  private placed(index: number): Place | RenderReject {
    const { envelope } = this.shape;
    const sequence = this.batch.sequence(index);
    const stored = envelope === undefined && this.renderer.renderStored !== undefined ? this.batch.stored(index) : undefined;
    try {
      const before = stored && this.renderer.renderStored?.(stored, sequence);
      if (stored && typeof before === 'string') return this.writer.write(before, stored);
      const event = this.batch.event(index);
      const rendered = this.renderer.render(event, sequence);
      switch (rendered.type) {
        case 'rendered': return this.writer.write(envelope ? envelope(rendered.text, event, sequence, null) : rendered.text);
        case 'parts': return this.writer.writeAll(wiredTexts(this.shape, rendered.texts, event, sequence));
        case 'reject': return { code: rendered.code, reason: rendered.reason };
      }
    } catch (error) {
      // A fault of a format must not stop the stream: the event is kept as a dead letter and counted.
      return { code: 'not-renderable', reason: error instanceof Error ? error.message : String(error) };
    }
  }
}
