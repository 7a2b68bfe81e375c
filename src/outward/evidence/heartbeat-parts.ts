import { heartbeatMessage, type HeartbeatFacts } from './heartbeat-message.js';

/** `msg` of CEF holds 1,023 octets, escapes included. */
const MESSAGE_OCTETS = 1023;
/** What the numbers of parts take at most; they are known only when all are made. */
const LARGEST_PART = { number: 9999, of: 9999 };

export type HeartbeatPart = Pick<HeartbeatFacts, 'partitions' | 'types' | 'lastError'> & { message: string };

/**
 * One heartbeat as so many events that each of their sentences fits where a sentence is shortest, so that no figure is cut in any format. Each partition and each type stands in one of them, so that
 * sums over all are those of one heartbeat. Mostly it is one.
 */
export function heartbeatParts({ name, state, partitions, types, lastError }: HeartbeatFacts): HeartbeatPart[] {
  const parts: Array<Pick<HeartbeatFacts, 'partitions' | 'types' | 'lastError'>> = [{ partitions: [], types: [], lastError: null }];
  const add = (more: Partial<HeartbeatPart>): void => {
    const last = parts.at(-1) ?? { partitions: [], types: [], lastError: null };
    const grown = { partitions: [...last.partitions, ...(more.partitions ?? [])], types: [...last.types, ...(more.types ?? [])], lastError: more.lastError ?? null };
    const empty = last.partitions.length + last.types.length === 0;
    if (empty || octetsOf(heartbeatMessage({ name, state, ...grown, part: LARGEST_PART })) <= MESSAGE_OCTETS) parts[parts.length - 1] = grown;
    else parts.push({ partitions: more.partitions ?? [], types: more.types ?? [], lastError: more.lastError ?? null });
  };
  for (const partition of partitions) add({ partitions: [partition] });
  for (const type of types) add({ types: [type] });
  if (lastError !== null) add({ lastError });
  return parts.map((part, index) => ({ ...part, message: heartbeatMessage({ name, state, ...part, ...(parts.length > 1 ? { part: { number: index + 1, of: parts.length } } : {}) }) }));
}

/** As CEF counts: the characters that it escapes are two. */
function octetsOf(text: string): number {
  return Buffer.byteLength(text, 'utf8') + (text.match(/[\\=|]/g)?.length ?? 0);
}
