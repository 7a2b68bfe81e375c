import type { OutputType } from '../../../src/model/integration.js';

/** The keys whose values are lists of names that may go on in the next part. */
const LISTS: Partial<Record<OutputType, readonly string[]>> = { cef: ['cs3', 'cs4', 'cs5'], leef: ['oldValue', 'newValue', 'items'] };
/** What only tells the parts apart. */
const PART_NAMES = ['TidegatePart', 'TidegateParts', 'part', 'parts'];

/** What the parts of a split event say together, in the terms of the projection. */
export function joinParts(outputType: OutputType, parts: readonly unknown[]): unknown {
  if (outputType === 'syslog') return { ...(withoutNumbers(parts[0]) as object), text: parts.map((part) => (part as { text: string }).text).join('').replaceAll(' ', '') };
  const lists = LISTS[outputType];
  return parts.map((part, index) => withoutNumbers(index === 0 ? part : withoutKind(part))).reduce((all, part) => (lists === undefined ? merged(all, part) : mergedPairs(all as Record<string, string>, part as Record<string, string>, lists)));
}

/** ECS's two lists that classify the event stand in every part: they are no lists that go on. */
function withoutKind(part: unknown): unknown {
  const { event } = part as { event?: Record<string, unknown> };
  if (typeof event !== 'object') return part;
  return { ...(part as object), event: Object.fromEntries(Object.entries(event).filter(([name]) => name !== 'category' && name !== 'type')) };
}

function withoutNumbers(part: unknown): unknown {
  const record = Object.fromEntries(Object.entries(part as object).filter(([name]) => !PART_NAMES.includes(name)));
  for (const holder of ['unmapped', 'tidegate']) {
    if (typeof record[holder] === 'object') record[holder] = Object.fromEntries(Object.entries(record[holder] as object).filter(([name]) => !PART_NAMES.includes(name)));
  }
  return record;
}

function mergedPairs(all: Record<string, string>, part: Record<string, string>, lists: readonly string[]): Record<string, string> {
  const merge = { ...all, ...part };
  for (const key of lists) if (all[key] !== undefined && part[key] !== undefined) merge[key] = `${all[key]}, ${part[key]}`;
  return merge;
}

/** Objects member by member; lists one after the other: none that is compared stands in every part. */
function merged(all: unknown, part: unknown): unknown {
  if (Array.isArray(all) && Array.isArray(part)) return [...(all as unknown[]), ...(part as unknown[])];
  if (typeof all !== 'object' || typeof part !== 'object' || all === null || part === null) return part;
  const names = new Set([...Object.keys(all), ...Object.keys(part)]);
  return Object.fromEntries([...names].map((name) => {
    const before = Object.hasOwn(all, name) ? (all as Record<string, unknown>)[name] : undefined;
    const after = Object.hasOwn(part, name) ? (part as Record<string, unknown>)[name] : undefined;
    return [name, before === undefined ? after : after === undefined ? before : merged(before, after)];
  }));
}
