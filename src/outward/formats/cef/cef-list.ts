import { cleanLine, trimSpaces } from '../shared/clean-text.js';
import { cutToEscapedOctets, escapedOctets } from './cef-escape.js';

const UNNAMED = '(unnamed)';

/**
 * Names joined by a comma, as many as fit once escaped, then "and N more".
 * @param total how many there are, when the event names only some of them.
 */
export function listWithin(items: readonly string[], total: number, maxOctets: number): { text: string; cut: boolean } {
  let text = '';
  let octets = 0;
  let shown = 0;
  for (const item of items) {
    const name = cleanLine(item) || UNNAMED;
    const part = shown === 0 ? name : `, ${name}`;
    const size = escapedOctets(part);
    if (octets + size + more(total - shown - 1).length > maxOctets) break;
    text += part;
    octets += size;
    shown += 1;
  }
  if (shown > 0 || items.length === 0) return { text: text === '' ? '' : text + more(total - shown), cut: shown < items.length };
  // Not even the first name fits whole.
  const ending = more(total - 1);
  const name = trimSpaces(cutToEscapedOctets(cleanLine(items[0] ?? '') || UNNAMED, maxOctets - ending.length));
  return { text: name === '' ? '' : name + ending, cut: true };
}

function more(count: number): string {
  return count > 0 ? ` and ${count} more` : '';
}
