/** A part of a record that can give octets back. Sizes are those on the wire. */
export interface ShrinkablePart {
  octets: number;
  /** Cutting stops here; below it only dropping helps. */
  floorOctets: number;
  /** Cuts to at most so many octets on a character border and updates `octets`. */
  cutTo(octets: number): void;
  /** Leaves the part out, or does nothing where it must stay. Updates `octets`. */
  drop(): void;
}

/**
 * Takes `excess` octets out of the parts in the order given: first each is cut as far as needed, but not below its floor, then parts are dropped.
 * So what comes late in the list stays whole longest.
 * @returns the octets that are still too many; 0 or less is success.
 */
export function shrink(parts: readonly ShrinkablePart[], excess: number): number {
  let left = excess;
  for (const part of parts) {
    if (left <= 0) return left;
    if (part.octets <= part.floorOctets) continue;
    const before = part.octets;
    part.cutTo(Math.max(part.floorOctets, before - left));
    left -= before - part.octets;
  }
  for (const part of parts) {
    if (left <= 0) return left;
    const before = part.octets;
    part.drop();
    left -= before - part.octets;
  }
  return left;
}
