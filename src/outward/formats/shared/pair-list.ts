import { cleanLine, trimSpaces } from './clean-text.js';
import type { PairText } from './pair-fields.js';

const UNNAMED = '(unnamed)';

/** An item on one line, as it stands in a list. */
export function nameOf(pairText: PairText, item: string): string {
  return cleanLine(pairText.clean(item)) || UNNAMED;
}

/**
 * Names joined by a comma, as many as fit once written, then "and N more".
 * @param total how many there are, when the event names only some of them.
 */
export function listWithin(pairText: PairText, items: readonly string[], total: number, maxOctets: number): { text: string; cut: boolean } {
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

/** What stands for the names that are not there. */
export function more(count: number): string {
  return count > 0 ? ` and ${count} more` : '';
}
