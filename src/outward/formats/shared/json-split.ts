import type { JsonObject, JsonValue } from '../../../model/json.js';
import { isObject, type JsonPath, memberAt, nameOfPath, setMember } from './json-path.js';
import { jsonOctets } from './json-text.js';
import type { SplitOutcome } from './split.js';

/** Where a record says which part of how many it is. */
export interface PartPlace {
  number: JsonPath;
  of: JsonPath;
}

/** A member that a split event has in one of its parts. `byMember`: an object of independent members, which may go on in the next part; any other object stays in one piece. */
export interface SpreadMember {
  path: JsonPath;
  byMember?: true | undefined;
}

/**
 * A record as several, each with all that is not in `spread`. The members in `spread` are put into the parts in the order given: a list may go on in the next part between
 * two elements; no value is cut.
 * @param record is taken apart by it.
 */
export function splitJson(record: JsonObject, spread: readonly SpreadMember[], place: PartPlace, maxOctets: number): SplitOutcome<JsonObject> {
  const values: Array<SpreadMember & { value: JsonValue }> = [];
  for (const { path, byMember } of spread) {
    const value = memberAt(record, path);
    if (value === undefined) continue;
    values.push({ path, value, byMember });
    setMember(record, path, undefined);
  }
  setMember(record, place.number, MAX_PARTS);
  setMember(record, place.of, MAX_PARTS);
  const parts = new Parts(record, maxOctets);
  for (const { path, value, byMember } of values) {
    const tooLong = Array.isArray(value) ? putList(parts, path, value) : isObject(value) && byMember ? putMembers(parts, path, value) : parts.put(path, value) ? null : tooLongAt(path, value);
    if (tooLong !== null) return tooLong;
  }
  const { done } = parts;
  if (done.length > MAX_PARTS) return { type: 'too-long', name: `the whole event, in ${done.length} parts,`, octets: jsonOctets(record) };
  done.forEach((part, index) => {
    setMember(part, place.number, index + 1);
    setMember(part, place.of, done.length);
  });
  return { type: 'parts', parts: done };
}

const MAX_PARTS = 9999;

function putList(parts: Parts, path: JsonPath, values: readonly JsonValue[]): TooLong | null {
  if (parts.put(path, [...values], values.length === 0)) return null;
  const startOctets = octetsAt(path, []);
  let run: JsonValue[] = [];
  let octets = startOctets;
  for (const value of values) {
    const size = jsonOctets(value) + 1;
    if (!parts.hasRoom(octets + size)) {
      if (run.length > 0) parts.put(path, run, false);
      parts.close();
      run = [];
      octets = startOctets;
      if (!parts.hasRoom(octets + size)) return tooLongAt(path, value);
    }
    run.push(value);
    octets += size;
  }
  parts.put(path, run, false);
  return null;
}

function putMembers(parts: Parts, path: JsonPath, value: JsonObject): TooLong | null {
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  if (parts.put(path, { ...value }, members.length === 0)) return null;
  for (const [name, member] of members) {
    if (member === undefined) continue;
    const tooLong = Array.isArray(member) ? putList(parts, [...path, name], member) : parts.put([...path, name], member) ? null : tooLongAt([...path, name], member);
    if (tooLong !== null) return tooLong;
  }
  return null;
}

type TooLong = { type: 'too-long'; name: string; octets: number };

function tooLongAt(path: JsonPath, value: JsonValue): TooLong {
  return { type: 'too-long', name: nameOfPath(path), octets: jsonOctets(value) };
}

/** The parts, the last one open. Sizes are counted generously, by a few octets of punctuation. */
class Parts {
  readonly done: JsonObject[] = [];
  private readonly commonOctets: number;
  private used: number;
  private open: JsonObject;

  constructor(private readonly common: JsonObject, private readonly maxOctets: number) {
    this.commonOctets = jsonOctets(common);
    this.used = this.commonOctets;
    this.open = structuredClone(common);
    this.done.push(this.open);
  }

  hasRoom(octets: number): boolean {
    return this.used + octets <= this.maxOctets;
  }

  /** Puts a value into the open part, or into a new one. False, and nothing is put, when it fits into no part (or, without `anew`, not into this one). */
  put(path: JsonPath, value: JsonValue, anew = true): boolean {
    const octets = octetsAt(path, value);
    if (!this.hasRoom(octets)) {
      if (!anew || this.commonOctets + octets > this.maxOctets) return false;
      this.close();
    }
    setMember(this.open, path, value);
    this.used += octets;
    return true;
  }

  close(): void {
    if (this.used === this.commonOctets) return;
    this.open = structuredClone(this.common);
    this.done.push(this.open);
    this.used = this.commonOctets;
  }
}

/** A value with its name and a comma, and the objects on the way to it, as if none were there yet. */
function octetsAt(path: JsonPath, value: JsonValue): number {
  return path.reduce((sum, name) => sum + jsonOctets(name) + 4, 0) + jsonOctets(value);
}
