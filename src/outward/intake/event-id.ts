import { createHash } from 'node:crypto';
import { v7 } from 'uuid';
import { EVENT_ID_PATTERN } from '../../model/audit-event.js';

/** The id of an event, and the producer's own when it could not be kept. */
export interface EventId {
  id: string;
  producerId?: string;
}

/**
 * The producer's id when it has the form that every receiver can carry; otherwise a UUIDv7 (RFC 9562). The one that stands for an id we could not keep is made from the key, so that the same event
 * resent after a crash has the same id again.
 */
export function eventIdOf(producerId: string | undefined, key: string | undefined, timeMs: number): EventId {
  if (producerId === undefined) return { id: v7({ msecs: timeMs }) };
  if (EVENT_ID_PATTERN.test(producerId)) return { id: producerId };
  const random = createHash('sha256').update(key ?? producerId).digest().subarray(0, 16);
  return { id: v7({ msecs: timeMs, random }), producerId };
}

const KEY_OCTETS = 1000;

/** The key of duplicates: who sent it, from which source, under which id. Parts cannot run into each other; a long key is replaced by its hash. */
export function producerKeyOf(producer: string, source: string, id: string): string {
  const key = `${part(producer)}\n${part(source)}\n${part(id)}`;
  if (key.length <= KEY_OCTETS / 3 || Buffer.byteLength(key) <= KEY_OCTETS) return key;
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

function part(text: string): string {
  return /[\n\\]/.test(text) ? text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n') : text;
}
