/** Texts come from outside: the table stays small. */
const MOST_TEXTS = 2000;

/** The same text for the same octets, without making one to look it up: for short ASCII texts of which there are few. */
export class KnownTexts {
  /** By a sum over the octets; of two texts with one sum the later one stays. */
  private readonly bySum = new Map<number, string>();

  /** @param octets ASCII between these places */
  of(octets: Buffer, at: number, end: number): string {
    // FNV-1a, 30 of its 32 bits, which a small integer holds.
    let sum = 0x811c9dc5;
    for (let index = at; index < end; index++) sum = Math.imul(sum ^ (octets[index] ?? 0), 0x01000193);
    sum &= 0x3fffffff;
    const known = this.bySum.get(sum);
    if (known !== undefined && isAt(known, octets, at, end)) return known;
    if (this.bySum.size >= MOST_TEXTS) this.bySum.clear();
    const text = octets.toString('latin1', at, end);
    this.bySum.set(sum, text);
    return text;
  }
}

function isAt(text: string, octets: Buffer, at: number, end: number): boolean {
  if (text.length !== end - at) return false;
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) !== octets[at + index]) return false;
  return true;
}
