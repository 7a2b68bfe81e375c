/** Parses one JSON object and nothing beside it. A name that stands twice in one object is an error: receivers differ in which value they take. @throws Error */
export function parseJsonObject(text: string): Record<string, unknown> {
  const value = JSON.parse(text) as unknown;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`no JSON object: ${text.slice(0, 80)}`);
  if (membersOf(value) !== membersIn(text)) throw new Error(`a name stands twice in ${text.slice(0, 80)}`);
  return value as Record<string, unknown>;
}

function membersOf(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + membersOf(item), 0);
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, member) => sum + 1 + membersOf(member), 0);
}

/** Colons outside of strings: one for each member. */
function membersIn(text: string): number {
  return text.replace(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1;
}

/** A member by the names on the way to it. */
export function memberOf(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((at, name) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[name] : undefined), value);
}
