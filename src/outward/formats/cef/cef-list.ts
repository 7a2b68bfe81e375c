import { cleanLine, trimSpaces } from '../shared/clean-text.js';
import { cutToOctets } from '../shared/utf8.js';

const UNNAMED = '(unnamed)';

/**
 * Names joined by a comma, as many as fit, then "and N more".
 * @param total how many there are, when the event names only some of them.
 * @param sizeOf octets of a text on the wire.
 */
export function listWithin(items: readonly string[], total: number, maxOctets: number, sizeOf: (text: string) => number): { text: string; cut: boolean } {
  let text = '';
  let octets = 0;
  let shown = 0;
  for (const item of items) {
    const name = cleanLine(item) || UNNAMED;
    const part = shown === 0 ? name : `, ${name}`;
    const size = sizeOf(part);
    const left = total - shown - 1;
    const ending = left > 0 ? ` and ${left} more`.length : 0;
    if (octets + size + ending > maxOctets) break;
    text += part;
    octets += size;
    shown += 1;
  }
  if (shown >= items.length) return { text: text === '' || total <= shown ? text : `${text} and ${total - shown} more`, cut: false };
  if (shown > 0) return { text: `${text} and ${total - shown} more`, cut: true };
  return { text: firstAlone(items, total, maxOctets, sizeOf), cut: true };
}

/** Not even the first name fits whole. */
function firstAlone(items: readonly string[], total: number, maxOctets: number, sizeOf: (text: string) => number): string {
  const ending = total > 1 ? ` and ${total - 1} more` : '';
  let name = cutToOctets(cleanLine(items[0] ?? '') || UNNAMED, Math.max(0, maxOctets - ending.length));
  while (name !== '' && sizeOf(name) + ending.length > maxOctets) name = cutToOctets(name, Buffer.byteLength(name) - Math.max(1, Math.ceil((sizeOf(name) + ending.length - maxOctets) / 2)));
  return name === '' ? '' : trimSpaces(name) + ending;
}
