import type { FormatSettings } from '../../../contracts/format.js';
import type { AuditEvent } from '../../../model/audit-event.js';
import { sequenceOf } from '../../../model/audit-event.js';
import type { Framing } from '../../../model/integration.js';
import { SlabWriter } from '../../delivery/slab-writer.js';
import { formatFor } from '../../formats/index.js';

/** All that decides the octets of an event, as it goes to another thread. */
export interface SentShape {
  key: string;
  format: FormatSettings;
  framing: Framing | 'none';
}

/** Events of one partition as they lie in the log, to be rendered in some shapes. */
export interface RenderTask {
  number: number;
  partition: number;
  /** The events as JSON, one behind the other. */
  octets: Uint8Array;
  /** Where each of them ends. */
  ends: Uint32Array;
  /** Its position in the partition. */
  offsets: Float64Array;
  /** Keys of the shapes. */
  shapes: readonly string[];
  /** In their order: one for each event that is wanted in that shape, zero for the others. */
  wanted: readonly Uint8Array[];
  /** Those of which this is the first time. */
  introduced: readonly SentShape[];
}

/** Where the rendered messages lie: one shape. Of an event that ends at 0 in its slab there is none: it is rendered by whoever asked. */
export interface RenderedShape {
  slabs: Uint8Array[];
  slabOf: Uint16Array;
  starts: Uint32Array;
  ends: Uint32Array;
}

export interface RenderResult {
  number: number;
  /** In the order of the task's shapes. */
  rendered: RenderedShape[];
}

/** Renders tasks; remembers the shapes that were introduced to it. */
export class TaskRenderer {
  private readonly shapes = new Map<string, { sent: SentShape; renderer: ReturnType<ReturnType<typeof formatFor>['compile']> }>();

  render({ number, partition, octets, ends, offsets, shapes, wanted, introduced }: RenderTask): RenderResult {
    for (const sent of introduced) this.shapes.set(sent.key, { sent, renderer: formatFor(sent.format.outputType).compile(sent.format) });
    const events = parsed(Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength), ends);
    return { number, rendered: shapes.map((key, at) => this.renderShape(key, events, partition, offsets, wanted[at])) };
  }

  private renderShape(key: string, events: ReadonlyArray<AuditEvent | undefined>, partition: number, offsets: Float64Array, wanted: Uint8Array | undefined): RenderedShape {
    const { length } = events;
    const rendered: RenderedShape = { slabs: [], slabOf: new Uint16Array(length), starts: new Uint32Array(length), ends: new Uint32Array(length) };
    const shape = this.shapes.get(key);
    if (!shape) return rendered;
    const writer = new SlabWriter(shape.sent.framing, length);
    for (let index = 0; index < length; index++) {
      const event = events[index];
      if (!event || wanted?.[index] === 0) continue;
      try {
        const message = shape.renderer.render(event, sequenceOf(partition, offsets[index] ?? -1));
        // What is split or cannot be rendered is seldom, and has more to it than octets.
        if (message.type !== 'rendered') continue;
        const { slab, start, end } = writer.write(message.text);
        if (rendered.slabs.at(-1) !== slab) rendered.slabs.push(slab);
        rendered.slabOf[index] = rendered.slabs.length - 1;
        rendered.starts[index] = start;
        rendered.ends[index] = end;
      } catch {
        // Whoever asked renders it and tells why it cannot be.
      }
    }
    return rendered;
  }
}

/** What is no JSON after all stays away. */
function parsed(octets: Buffer, ends: Uint32Array): Array<AuditEvent | undefined> {
  let start = 0;
  return Array.from(ends, (end) => {
    const text = octets.toString('utf8', start, end);
    start = end;
    try {
      return JSON.parse(text) as AuditEvent;
    } catch {
      return undefined;
    }
  });
}
