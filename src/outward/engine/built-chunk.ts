import type { LogMark } from '../../contracts/event-log.js';
import type { Chunk, RejectedMessage } from '../../contracts/transport.js';
import type { DeliveryPath } from '../delivery/delivery-path.js';
import type { RenderReject } from '../delivery/rendering.js';
import type { Lot } from './lane-partition.js';

/** The most that goes out in one chunk of a stream, so that a slow receiver is noticed and a stop waits for little. */
const CHUNK_BYTES = 256 * 1024;

/** Runs of records that are shorter on average are copied together: a write of each costs more than the copy. */
const SHORT_RUN_BYTES = 2048;

/** What one lot gave to a chunk. Indices are those of the lot's batch. */
export interface BuiltPart {
  lot: Lot;
  /** The events in it, in order. */
  indices: readonly number[];
  /** Of a `message` chunk: the event of each message. The parts of a split event are several messages of one event, always of one chunk. */
  messages: number[];
  /** Messages of the chunk before those of this part. */
  firstMessage: number;
  rejects: Array<RenderReject & { index: number }>;
  bytes: number;
  /** The log position after it. */
  position: number;
  /** Of the last record before the position. */
  mark: LogMark | undefined;
  /** Nothing of the lot is left. */
  done: boolean;
}

/** What a lane hands over in one go, and what it must know of it afterwards. */
export interface BuiltChunk {
  chunk: Chunk;
  parts: BuiltPart[];
}

/**
 * The next chunk of a lane's queue, from as many lots as fit, in their order.
 * Moves the lots on; the lane takes those that are done out of its queue.
 * @param mostBytes for a probe
 * @param lastNumber the chunk's number is the next one; without octets to send it shares this one, and is safe when that one is
 */
export function buildChunk(queue: readonly Lot[], path: DeliveryPath, lastNumber: number, mostBytes = Infinity): BuiltChunk {
  const messages: Buffer[] = [];
  const parts: BuiltPart[] = [];
  const limits = { events: path.batch?.events ?? Infinity, bytes: Math.min(mostBytes, path.batch?.bytes ?? CHUNK_BYTES) };
  let bytes = 0;
  let events = 0;
  for (const lot of queue) {
    if (parts.length > 0 && (events >= limits.events || bytes >= limits.bytes)) break;
    const part = takeFrom(lot, path, messages, { events: limits.events - events, bytes: limits.bytes - bytes });
    if (part === null) break;
    parts.push(part);
    bytes += part.bytes;
    events += part.indices.length;
    if (!part.done) break;
  }
  return { chunk: { number: events > 0 ? lastNumber + 1 : lastNumber, buffers: path.transport.unit === 'message' ? messages : streamed(parts, bytes), events, bytes, written: () => released(parts) }, parts };
}

/** The records of a stream as few buffers: as they lie side by side, or copied into one where little lies side by side. */
function streamed(parts: readonly BuiltPart[], bytes: number): Buffer[] {
  const runs = parts.reduce((sum, { indices }) => sum + ((indices.at(-1) ?? 0) - (indices[0] ?? 0) < indices.length ? 1 : indices.length), 0);
  const buffers: Buffer[] = [];
  if (runs < 2 || bytes >= runs * SHORT_RUN_BYTES) {
    for (const { lot, indices } of parts) lot.rendering.appendAll(buffers, indices);
    return buffers;
  }
  const all = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const { lot, indices } of parts) at = lot.rendering.copyAll(all, at, indices);
  return [all];
}

/** A stream is written in order: what lots that are done gave to former chunks was written before. */
function released(parts: readonly BuiltPart[]): void {
  for (const { lot, done } of parts) if (done) lot.rendering.release();
}

/** Null when nothing of the lot fits any more. @param messages where the messages go, for a transport that takes them one by one */
function takeFrom(lot: Lot, { transport, batch }: DeliveryPath, messages: Buffer[], room: { events: number; bytes: number }): BuiltPart | null {
  const { rendering } = lot;
  const part: BuiltPart = { lot, indices: NONE, messages: [], firstMessage: messages.length, rejects: [], bytes: 0, position: 0, mark: undefined, done: false };
  const before = lot.at;
  let events = 0;
  while (lot.at < lot.indices.length && part.bytes < room.bytes && events < room.events) {
    const index = lot.indices[lot.at] ?? 0;
    const measured = rendering.measure(index);
    // A request keeps to its limit; an event that is larger goes alone.
    if (batch !== undefined && typeof measured === 'number' && part.bytes + measured > room.bytes && messages.length > 0) break;
    lot.at++;
    if (typeof measured !== 'number') {
      part.rejects.push({ index, ...measured });
      continue;
    }
    part.bytes += measured;
    events++;
    if (transport.unit === 'message') {
      rendering.addMessages(messages, index);
      while (part.firstMessage + part.messages.length < messages.length) part.messages.push(index);
    }
  }
  if (lot.at === before) return null;
  part.indices = takenOf(lot, before, part.rejects);
  part.done = lot.at >= lot.indices.length;
  const last = lot.indices[lot.at - 1] ?? 0;
  part.position = part.done ? lot.end : (lot.batch.offsets[last] ?? 0) + 1;
  part.mark = part.done ? lot.batch.lastMark : lot.batch.mark(last);
  return part;
}

const NONE: readonly number[] = [];

/** Mostly all that the lot has: then its own list, as a list that grows takes many times what two numbers need. */
function takenOf({ indices, at }: Lot, from: number, rejects: ReadonlyArray<{ index: number }>): readonly number[] {
  const passed = from === 0 && at === indices.length ? indices : indices.slice(from, at);
  return rejects.length === 0 ? passed : passed.filter((index) => !rejects.some((reject) => reject.index === index));
}

/** The events of a part that the receiver refused, each once: a split event that lacks a part is refused as a whole, with the reason of its first refused part. */
export function refusedEvents(refused: readonly RejectedMessage[], { messages, firstMessage }: Pick<BuiltPart, 'messages' | 'firstMessage'>): Array<RenderReject & { index: number }> {
  const events = new Map<number, RenderReject & { index: number }>();
  for (const { index: at, code, reason } of refused) {
    const index = messages[at - firstMessage];
    if (index !== undefined && !events.has(index)) events.set(index, { index, code, reason });
  }
  return [...events.values()];
}
