/** Texts come from outside: the table stays small. */
const MOST_TEXTS = 2000;

interface KnownText {
  octets: Uint8Array;
  text: string;
}

/** The same text for the same octets, without making one to look it up: for short ASCII texts of which there are few. */
export class KnownTexts {
  /** By a sum over the octets; of two texts with one sum the later one stays. */
  private readonly bySum = new Map<number, KnownText>();

  /** @param octets ASCII between these places */
  of(octets: Buffer, at: number, end: number): string {
    const sum = sumOf(octets, at, end);
    const known = this.bySum.get(sum);
    if (known !== undefined && isAt(known.octets, octets, at, end)) return known.text;
    if (this.bySum.size >= MOST_TEXTS) this.bySum.clear();
    const text = octets.toString('latin1', at, end);
    this.bySum.set(sum, { octets: Uint8Array.prototype.slice.call(octets, at, end), text });
    return text;
  }
}

/** As FNV-1a, but two octets at a time, and of 32 bits those 30 which a small integer holds. */
function sumOf(octets: Buffer, at: number, end: number): number {
  let sum = 0x811c9dc5 ^ (end - at);
  for (let index = at; index < end; index += 2) sum = Math.imul(sum ^ (octets[index] ?? 0) ^ (index + 1 < end ? (octets[index + 1] ?? 0) << 8 : 0), 0x01000193);
  return sum & 0x3fffffff;
}

function isAt(known: Uint8Array, octets: Buffer, at: number, end: number): boolean {
  if (known.length !== end - at) return false;
  for (let index = 0; index < known.length; index++) if (known[index] !== octets[at + index]) return false;
  return true;
}
