/** A name as it is compared: upper and lower case, and the ways to write an accented letter, count as equal. */
export function naturalKey(text: string): string {
  return text.normalize('NFC').toLowerCase();
}

/** Type and value of an entitlement, compared ignoring case. */
export function entitlementKey(attribute: string, value: string): string {
  return `${naturalKey(attribute)}\n${naturalKey(value)}`;
}

/** What a search term is looked for in. */
export function searchKeyOf(...parts: ReadonlyArray<string | null | undefined>): string {
  return parts.filter((part) => part !== null && part !== undefined).map(naturalKey).join('\n');
}
