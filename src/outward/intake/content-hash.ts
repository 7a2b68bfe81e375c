import { createHash } from 'node:crypto';
import type { JsonValue } from '../../model/json.js';

/**
 * SHA-256 (hex) of a JSON value, equal for equal values whatever the order of their names. Strings carry their length, so no two values have the same text.
 */
export function contentHashOf(value: JsonValue): string {
  return createHash('sha256').update(canonical(value)).digest('hex');
}

function canonical(value: JsonValue | undefined): string {
  if (typeof value === 'string') return `"${value.length}:${value}`;
  if (typeof value !== 'object' || value === null) return `${String(value)};`;
  if (Array.isArray(value)) {
    let text = '[';
    for (const item of value) text += canonical(item);
    return `${text}]`;
  }
  let text = '{';
  for (const name of Object.keys(value).sort()) {
    const member = value[name];
    if (member !== undefined) text += `"${name.length}:${name}${canonical(member)}`;
  }
  return `${text}}`;
}
