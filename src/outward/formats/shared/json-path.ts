import type { JsonObject, JsonValue } from '../../../model/json.js';

/** Names of the members on the way to a value. */
export type JsonPath = readonly string[];

export function nameOfPath(path: JsonPath): string {
  return path.join('.');
}

export function memberAt(record: JsonObject, path: JsonPath): JsonValue | undefined {
  let value: JsonValue | undefined = record;
  for (const name of path) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** Sets a member, making the objects on the way to it; undefined takes it away. */
export function setMember(record: JsonObject, path: JsonPath, value: JsonValue | undefined): void {
  let holder = record;
  for (const name of path.slice(0, -1)) {
    const next = holder[name];
    if (isObject(next)) holder = next;
    else {
      const made: JsonObject = {};
      holder[name] = made;
      holder = made;
    }
  }
  const last = path[path.length - 1] ?? '';
  if (value === undefined) delete holder[last];
  else Object.defineProperty(holder, last, { value, writable: true, enumerable: true, configurable: true });
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
