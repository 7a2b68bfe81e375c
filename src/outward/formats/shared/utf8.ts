/** Sizes in octets of UTF-8. Texts are well-formed here: `clean-text` comes first. */

export function octetsOf(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}

/** Whether a text fits, without counting where its length alone decides: a UTF-16 unit is 1 to 3 octets. */
export function fits(text: string, maxOctets: number): boolean {
  if (text.length * 3 <= maxOctets) return true;
  return text.length <= maxOctets && octetsOf(text) <= maxOctets;
}

/** The longest beginning of a text that fits, never cut inside a character. */
export function cutToOctets(text: string, maxOctets: number): string {
  if (fits(text, maxOctets)) return text;
  let octets = 0;
  let index = 0;
  while (index < text.length) {
    const unit = text.charCodeAt(index);
    const pair = unit >= 0xd800 && unit <= 0xdbff && index + 1 < text.length;
    const size = unit < 0x80 ? 1 : unit < 0x800 ? 2 : pair ? 4 : 3;
    if (octets + size > maxOctets) break;
    octets += size;
    index += pair ? 2 : 1;
  }
  return text.slice(0, index);
}
