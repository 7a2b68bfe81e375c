import type { JsonObject, JsonValue } from '../../../model/json.js';
import { cutToJsonOctets, jsonOctets } from './json-text.js';

/** Members that a shortened object keeps before all others; without those it had it is no object of its kind, and is left out. */
const IDENTITY = ['kind', 'id', 'field'];
const IDENTITY_OCTETS = 66;
const MAX_DEPTH = 16;

/**
 * A copy without what could never fit into so many octets, so that fitting costs as much as the limit and not as much as the value. Only for values of records that
 * are too long: whatever is left out here leaves its field too long, so that it is cut, and named as cut, afterwards.
 */
export function clipJson(value: JsonValue, maxOctets: number, depth = 0): JsonValue {
  if (typeof value === 'string') return value.length <= maxOctets ? value : value.slice(0, maxOctets);
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) return value.slice(0, maxOctets).map((item) => clipJson(item, maxOctets, depth + 1));
  return Object.fromEntries(Object.entries(value).slice(0, maxOctets).flatMap(([name, member]) => (member === undefined ? [] : [[name.slice(0, maxOctets), clipJson(member, maxOctets, depth + 1)]])));
}

/**
 * A value cut to at most so many octets of JSON: text on a character border, a list to the elements that fit, an object by its longest members.
 * @returns undefined when nothing of it fits.
 */
export function fitJson(value: JsonValue, maxOctets: number, depth = 0): JsonValue | undefined {
  if (jsonOctets(value) <= maxOctets) return value;
  if (depth > MAX_DEPTH) return undefined;
  if (typeof value === 'string') return cutToJsonOctets(value, maxOctets) || undefined;
  if (Array.isArray(value)) return fitList(value, maxOctets, depth);
  if (typeof value === 'object' && value !== null) return fitObject(value, maxOctets, depth);
  return undefined;
}

function fitList(values: readonly JsonValue[], maxOctets: number, depth: number): JsonValue[] | undefined {
  const kept: JsonValue[] = [];
  let octets = 2;
  for (const value of values) {
    const comma = kept.length > 0 ? 1 : 0;
    const size = jsonOctets(value) + comma;
    if (octets + size > maxOctets) {
      const part = kept.length === 0 ? fitJson(value, maxOctets - octets, depth + 1) : undefined;
      if (part !== undefined) kept.push(part);
      break;
    }
    kept.push(value);
    octets += size;
  }
  return kept.length > 0 ? kept : undefined;
}

/** Members of the identity come first: how many of them share the room. */
function identitiesLeft(members: readonly { identity: boolean }[], from: number): number {
  return Math.max(1, members.filter((member, index) => index >= from && member.identity).length);
}

/** Short members stay whole; the room that is left is shared among the longer ones. Members keep their order. */
function fitObject(value: JsonObject, maxOctets: number, depth: number): JsonObject | undefined {
  const members = Object.entries(value).filter(([, member]) => member !== undefined).map(([name, member]) => ({ name, member, nameOctets: jsonOctets(name) + 2, octets: jsonOctets(member), identity: IDENTITY.includes(name) }));
  const byNeed = [...members].sort((a, b) => Number(b.identity) - Number(a.identity) || a.octets - b.octets);
  const kept = new Map<string, JsonValue>();
  let room = maxOctets - 1;
  byNeed.forEach(({ name, member, nameOctets, octets, identity }, index) => {
    const fair = Math.floor(room / (byNeed.length - index)) - nameOctets;
    const share = identity ? Math.max(Math.min(IDENTITY_OCTETS, Math.floor(room / identitiesLeft(byNeed, index)) - nameOctets), fair) : fair;
    const part = octets <= share ? member : fitJson(member, Math.min(share, room - nameOctets), depth + 1);
    if (part === undefined) return;
    const size = nameOctets + (part === member ? octets : jsonOctets(part));
    if (size > room) return;
    kept.set(name, part);
    room -= size;
  });
  if (kept.size === 0 || members.some(({ name, identity }) => identity && !kept.has(name))) return undefined;
  return Object.fromEntries(members.flatMap(({ name }) => {
    const part = kept.get(name);
    return part === undefined ? [] : [[name, part]];
  }));
}
