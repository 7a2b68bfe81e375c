import type { ReceivedRecord } from './parsers/record.js';

/** Where docs/reference/formats.md says that the mark of a replay stands. */
export function markOf({ data, cef, leef, json, ocsf, ecs }: ReceivedRecord): unknown {
  const inside = (record: unknown, ...path: string[]): unknown => path.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], record);
  return cef?.extension.get('TidegateReplay') ?? leef?.attributes.get('replay') ?? inside(json, 'attributes', 'replay') ?? inside(ocsf, 'unmapped', 'attributes', 'replay') ?? inside(ecs, 'labels', 'replay') ?? data?.get('replay');
}
