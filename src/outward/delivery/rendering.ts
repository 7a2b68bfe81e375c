import type { Renderer, RejectCode } from '../../contracts/format.js';
import type { EventBatch } from './event-batch.js';
import { wiredTexts, type Shape } from './shape.js';

const SLAB_BYTES = 256 * 1024;

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

  /** Adds a record to a list of buffers, growing the last one where they lie side by side. */
  appendTo(buffers: Buffer[], index: number): void {
    const next = this.bytes(index);
    const last = buffers[buffers.length - 1];
    if (last && last.buffer === next.buffer && last.byteOffset + last.byteLength === next.byteOffset) {
      buffers[buffers.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.byteLength + next.byteLength);
    } else {
      buffers.push(next);
    }
  }

  private placeOf(index: number): Place {
    const place = this.places[index] ?? this.render(index);
    if (!('slab' in place)) throw new RangeError(`record ${index} cannot be rendered: ${place.reason}`);
    return place;
  }

  private render(index: number): Place | RenderReject {
    const event = this.batch.events[index];
    if (!event) throw new RangeError(`no record ${index} in the batch`);
    const place = this.write(index, event);
    this.places[index] = place;
    return place;
  }

  private write(index: number, event: NonNullable<EventBatch['events'][number]>): Place | RenderReject {
    const { envelope } = this.shape;
    const sequence = this.batch.sequence(index);
    try {
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
    const length = Buffer.byteLength(text, 'utf8');
    const prefix = this.shape.framing === 'octet-counting' ? `${length} ` : '';
    const suffix = this.shape.framing === 'newline' ? 1 : 0;
    const total = prefix.length + length + suffix;
    const slab = this.room(total);
    const start = this.used;
    let at = start;
    if (prefix) at += slab.write(prefix, at, 'latin1');
    at += slab.write(text, at, 'utf8');
    if (suffix) slab[at++] = 0x0a;
    this.used = at;
    return { slab, start, end: at };
  }

  /** The parts side by side in one slab, so that they are one run of octets like any other record. */
  private putParts(texts: readonly string[]): Place {
    // A count of octets has at most 10 digits; the space or the line break makes 11.
    const slab = this.room(texts.reduce((sum, text) => sum + Buffer.byteLength(text, 'utf8') + 11, 0));
    const start = this.used;
    const ends = texts.map((text) => this.put(text).end);
    return { slab, start, end: this.used, ends };
  }

  private room(bytes: number): Buffer {
    if (!this.slab || this.used + bytes > this.slab.length) {
      // Own memory, not the shared pool: `appendTo` joins neighbours by their ArrayBuffer.
      this.slab = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(SLAB_BYTES, this.batch.length * 1024 + 4096)));
      this.used = 0;
    }
    return this.slab;
  }
}
