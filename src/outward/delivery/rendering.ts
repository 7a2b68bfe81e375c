import type { Renderer, RejectCode } from '../../contracts/format.js';
import type { StoredEvent } from '../../model/event-envelope.js';
import type { EventBatch } from './event-batch.js';
import { wiredTexts, type Shape } from './shape.js';

const SLAB_BYTES = 256 * 1024;
const COUNTED_FROM = 8192;

export interface RenderReject {
  code: RejectCode;
  reason: string;
}

/** Where one record lies: slab, first octet, end. The parts of a split event lie side by side; `ends` says where each of them ends. */
interface Place {
  slab: Buffer;
  start: number;
  end: number;
  ends?: readonly number[];
}

/**
 * One batch in one shape, rendered on demand into slabs, framing or envelope included. Records that were rendered one after the other lie side by side,
 * so a run of them leaves as one buffer.
 */
export class Rendering {
  private readonly places: Array<Place | RenderReject | undefined>;
  private slab: Buffer | undefined;
  private used = 0;

  constructor(
    private readonly batch: EventBatch,
    private readonly shape: Shape,
    private readonly renderer: Renderer,
  ) {
    this.places = new Array<Place | RenderReject | undefined>(batch.length);
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
      if (stored && typeof before === 'string') return this.write(this.room(this.mostOctets(before) + stored.end - stored.from), before, stored);
      const event = this.batch.event(index);
      const rendered = this.renderer.render(event, sequence);
      switch (rendered.type) {
        case 'rendered': return this.put(envelope ? envelope(rendered.text, event, sequence, null) : rendered.text);
        case 'parts': return this.putParts(wiredTexts(this.shape, rendered.texts, event, sequence));
        case 'reject': return { code: rendered.code, reason: rendered.reason };
      }
    } catch (error) {
      // A fault of a format must not stop the stream: the event is kept as a dead letter and counted.
      return { code: 'not-renderable', reason: error instanceof Error ? error.message : String(error) };
    }
  }

  private put(text: string): Place {
    return this.write(this.room(this.mostOctets(text)), text);
  }

  /** The parts side by side in one slab, so that they are one run of octets like any other record. */
  private putParts(texts: readonly string[]): Place {
    const slab = this.room(texts.reduce((sum, text) => sum + this.mostOctets(text), 0));
    const start = this.used;
    const ends = texts.map((text) => this.write(slab, text).end);
    return { slab, start, end: this.used, ends };
  }

  /** Room that is enough for a message. A UTF-16 unit is three octets at most: only a long text is worth counting. A count in front has at most 10 digits and a space. */
  private mostOctets(text: string): number {
    return (text.length <= COUNTED_FROM ? 3 * text.length : Buffer.byteLength(text, 'utf8')) + 11;
  }

  /** @param stored what follows the text as it lies in the log */
  private write(slab: Buffer, text: string, stored?: StoredEvent): Place {
    const start = this.used;
    let at = start;
    if (this.shape.framing === 'octet-counting') at += slab.write(`${Buffer.byteLength(text, 'utf8') + (stored ? stored.end - stored.from : 0)} `, at, 'latin1');
    at += slab.write(text, at, 'utf8');
    if (stored) at += stored.octets.copy(slab, at, stored.from, stored.end);
    if (this.shape.framing === 'newline') slab[at++] = 0x0a;
    this.used = at;
    return { slab, start, end: at };
  }

  private room(bytes: number): Buffer {
    if (!this.slab || this.used + bytes > this.slab.length) {
      this.slab = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(SLAB_BYTES, this.batch.length * 1024 + 4096)));
      this.used = 0;
    }
    return this.slab;
  }
}
