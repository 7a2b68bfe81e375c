import type { LogMark } from '../../contracts/event-log.js';
import type { Chunk, RejectedMessage } from '../../contracts/transport.js';
import type { RenderReject } from '../delivery/rendering.js';

/** What a lane hands over in one go, and what it must know of it afterwards. Indices are those of the lot's batch. */
export interface BuiltChunk {
  chunk: Chunk;
  /** The events in it, in order. */
  indices: number[];
  /** Of a `message` chunk: the event of each message. The parts of a split event are several messages of one event, always of one chunk. */
  messages: number[];
  rejects: Array<RenderReject & { index: number }>;
  /** The log position after it. */
  position: number;
  /** Of the last record before the position. */
  mark: LogMark | undefined;
}

/** The events of refused messages, each once: a split event that lacks a part is refused as a whole, with the reason of its first refused part. */
export function refusedEvents(refused: readonly RejectedMessage[], messages: readonly number[]): Array<RenderReject & { index: number }> {
  const events = new Map<number, RenderReject & { index: number }>();
  for (const { index: at, code, reason } of refused) {
    const index = messages[at] ?? -1;
    if (!events.has(index)) events.set(index, { index, code, reason });
  }
  return [...events.values()];
}
