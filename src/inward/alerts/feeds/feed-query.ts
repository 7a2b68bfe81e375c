/** Query of an event feed, checked (inbound contract, 2.2). */
export interface FeedQuery {
  /** Page number from 1, not a row offset. */
  startIndex: number;
  count: number;
  /** `created` strictly greater, strictly less (ms). */
  after: number | undefined;
  before: number | undefined;
}

/** What the contract answers with HTTP 200 and no list. */
export interface FeedFault {
  code: 'IndexError' | 'CountError' | 'TimeError';
  message: string;
  details: string;
}

const DAY_MS = 86_400_000;
const PAGE_CEILING = 1000;
const INTEGER = /^[+-]?\d{1,18}$/;

/** Checked in the order index, count, startTime, endTime, duration. What is no number counts as not sent for index and count, and as the last 24 hours for the times, as in the original. */
export function readFeedQuery(query: Readonly<Record<string, unknown>>, nowMs: number): { type: 'query'; query: FeedQuery } | { type: 'fault'; fault: FeedFault } {
  const startIndex = integer(query['startIndex'], 1) ?? 1;
  const count = integer(query['count'], PAGE_CEILING) ?? PAGE_CEILING;
  if (startIndex < 1) return { type: 'fault', fault: { code: 'IndexError', message: 'Invalid startIndex.', details: 'startIndex should begin at index 1.' } };
  if (count < 1) return { type: 'fault', fault: { code: 'CountError', message: 'Invalid count.', details: 'count should be atleast 1.' } };
  const after = integer(query['startTime'], nowMs - DAY_MS);
  const before = integer(query['endTime'], nowMs);
  for (const [name, time] of [['startTime', after], ['endTime', before]] as const) {
    if (time !== undefined && time <= 0) return { type: 'fault', fault: { code: 'TimeError', message: `Invalid ${name}.`, details: `${name} should not be null or zero or negative long number(epoch).` } };
  }
  if (after !== undefined && before !== undefined && after > before) return { type: 'fault', fault: { code: 'TimeError', message: 'Invalid duration.', details: 'startTime should be less than endTime(epoch).' } };
  return { type: 'query', query: { startIndex, count, after, before } };
}

/** What a query may see (ms), from inclusive, to exclusive: its bounds, what retention leaves, and nothing beyond what the sequencer shows. */
export function feedRange({ after, before }: Pick<FeedQuery, 'after' | 'before'>, retainedFrom: number, shownCreated: number): { from: number; to: number } {
  return { from: Math.max((after ?? 0) + 1, Math.ceil(retainedFrom)), to: Math.min(before ?? Infinity, shownCreated + 1) };
}

/** Page size: what was asked for, at most the setting, at most 1000. */
export function pageSizeOf(count: number, limit: number): number {
  return Math.max(1, Math.min(count, limit, PAGE_CEILING));
}

/** Undefined when absent or empty; `other` when it is no whole number. */
function integer(value: unknown, other: number): number | undefined {
  const text = Array.isArray(value) ? (value[0] as unknown) : value;
  if (typeof text !== 'string' || text === '') return undefined;
  return INTEGER.test(text) ? Number(text) : other;
}

/** `quickKey`: a number, padded with zeros or not; undefined when absent. Text that is no number is after everything: nothing is greater. */
export function quickKeyOf(value: unknown): number | undefined {
  const text = Array.isArray(value) ? (value[0] as unknown) : value;
  if (typeof text !== 'string' || text === '') return undefined;
  return /^[+-]?\d{1,15}$/.test(text) ? Number(text) : Number.MAX_SAFE_INTEGER;
}
