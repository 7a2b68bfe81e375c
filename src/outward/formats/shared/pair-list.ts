import { cleanLine, trimSpaces } from './clean-text.js';
import type { PairText } from './pair-fields.js';

const UNNAMED = '(unnamed)';
const SPACE = 0x20;

/** An item on one line, as it stands in a list. */
export function nameOf(pairText: PairText, item: string): string {
  return cleanLine(pairText.clean(item)) || UNNAMED;
}

/**
 * Names joined by a comma, as many as fit once written, then "and N more".
 * @param total how many there are, when the event names only some of them.
 */
export function listWithin(pairText: PairText, items: readonly string[], total: number, maxOctets: number): { text: string; cut: boolean } {
  const joined = total === items.length ? joinedPlain(pairText, items, maxOctets) : undefined;
  if (joined !== undefined) return { text: joined, cut: false };
  let text = '';
  let octets = 0;
  let shown = 0;
  for (const item of items) {
    const name = nameOf(pairText, item);
    const part = shown === 0 ? name : `, ${name}`;
    const size = pairText.octets(part);
    if (octets + size + more(total - shown - 1).length > maxOctets) break;
    text += part;
    octets += size;
    shown += 1;
  }
  if (shown > 0 || items.length === 0) return { text: text === '' ? '' : text + more(total - shown), cut: shown < items.length };
  // Not even the first name fits whole.
  const ending = more(total - 1);
  const name = trimSpaces(pairText.cut(nameOf(pairText, items[0] ?? ''), maxOctets - ending.length));
  return { text: name === '' ? '' : name + ending, cut: true };
}

/** All of them, where none must be cleaned, escaped, named or left out: most lists. */
function joinedPlain(pairText: PairText, items: readonly string[], maxOctets: number): string | undefined {
  const text = items.length === 1 ? (items[0] ?? '') : items.join(', ');
  // Three octets are the most that a UTF-16 unit takes.
  if (3 * text.length > maxOctets || !pairText.isPlain(text)) return undefined;
  for (const item of items) if (item === '' || item.charCodeAt(0) === SPACE || item.charCodeAt(item.length - 1) === SPACE) return undefined;
  return text;
}

/** What stands for the names that are not there. */
export function more(count: number): string {
  return count > 0 ? ` and ${count} more` : '';
}
