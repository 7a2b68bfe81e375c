import type { JsonObject, JsonValue } from '../../../model/json.js';
import { clipJson, fitJson } from './json-fit.js';
import { jsonOctets } from './json-text.js';
import { memberAt, nameOfPath, type JsonPath, setMember } from './json-path.js';
import { type ShrinkablePart, shrink } from './shrink.js';

/**
 * A member that may be cut beyond the message limit. `floorOctets`: below it a member is not cut, only left out;
 * `leastOctets`: it is never left out, but cut further down to this.
 */
export interface CuttableMember {
  path: JsonPath;
  floorOctets: number;
  leastOctets?: number;
}

/**
 * Brings a record within a limit: its members are cut, then left out, in the order given; all others stay whole. The record, and the objects on the way to a member, are
 * changed; values are not. Which members were cut is said in the record, at `truncatedAt`.
 * @returns false when the least of it is still too long.
 */
export function shortenJson(record: JsonObject, order: readonly CuttableMember[], truncatedAt: JsonPath, maxOctets: number): boolean {
  const parts: MemberPart[] = [];
  for (const { path, floorOctets, leastOctets } of order) {
    const value = memberAt(record, path);
    if (value === undefined) continue;
    setMember(record, path, clipJson(value, maxOctets));
    parts.push(new MemberPart(record, path, floorOctets, leastOctets));
  }
  setMember(record, truncatedAt, []);
  if (shrink(parts, jsonOctets(record) - maxOctets) > 0) return false;
  setMember(record, truncatedAt, parts.filter((part) => part.cut).map((part) => part.name));
  return true;
}

class MemberPart implements ShrinkablePart {
  readonly name: string;
  octets: number;
  cut = false;
  /** What the list of cut members grows by once it names this one: its name in quotes and a comma. */
  private readonly nameOctets: number;

  constructor(private readonly record: JsonObject, private readonly path: JsonPath, readonly floorOctets: number, private readonly leastOctets: number | undefined) {
    this.name = nameOfPath(path);
    this.nameOctets = this.name.length + 3;
    this.octets = jsonOctets(this.value());
  }

  cutTo(octets: number): void {
    const least = Math.min(octets, this.leastOctets ?? this.floorOctets);
    const part = fitJson(this.value(), Math.max(least, octets - this.nameOctets));
    if (part === undefined) {
      if (this.leastOctets === undefined) this.drop();
      return;
    }
    setMember(this.record, this.path, part);
    this.octets = jsonOctets(part) + this.nameOctets;
    this.cut = true;
  }

  drop(): void {
    if (this.leastOctets !== undefined) {
      this.cutTo(this.leastOctets);
      return;
    }
    // `"name":` and a comma.
    const punctuation = (this.path[this.path.length - 1]?.length ?? 0) + 4;
    this.octets = this.nameOctets - punctuation;
    setMember(this.record, this.path, undefined);
    this.cut = true;
  }

  private value(): JsonValue {
    return memberAt(this.record, this.path) ?? null;
  }
}
