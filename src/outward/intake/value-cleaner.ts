import type { JsonObject, JsonValue } from '../../model/json.js';
import { wordsOf, type MaskedNames } from './masked-names.js';
import { childPointer } from './json-pointer.js';

/** What stands in place of a masked value. */
export const MASK = '***';

/** A value that cannot be kept as it was sent; nothing of the event is taken then. */
export interface ValueFault {
  /** JSON pointer (RFC 6901) from the event. */
  pointer: string;
  reason: string;
}

/** Names that name a value beside them: `{ "name": "password", "value": "x" }`. */
const NAMING = ['field', 'name', 'key', 'attribute', 'property'] as const;
const NAMED = new Set(['value', 'values', 'old', 'new', 'oldValue', 'newValue', 'old_value', 'new_value']);
const TIME = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/i;

/**
 * Makes a parsed JSON object safe to store, in place and in one walk: masks values under secret names, makes strings and names well-formed (a lone surrogate becomes U+FFFD), gives the name
 * `__proto__` the harmless spelling `_proto_`. Refuses numbers that JSON text can spell and a reader cannot hold. The caller has bounded the depth.
 */
export class ValueCleaner {
  constructor(private readonly masked: MaskedNames) {}

  /** @param idField a field that the type of the event reports and that holds ids by definition, whatever its name (`secretId`). */
  clean(event: JsonObject, idField?: string): ValueFault | undefined {
    const exempt = idField !== undefined && this.masked.verdictOn(idField) !== 'keep' ? wordsOf(idField).join('') : undefined;
    return this.object(event, exempt);
  }

  /** The pointer of a fault is made on the way back: hardly any event has one. */
  private object(object: JsonObject, exempt: string | undefined): ValueFault | undefined {
    let rename: string[] | undefined;
    for (const name in object) {
      const value = object[name];
      if (name === '__proto__' || !name.isWellFormed()) (rename ??= []).push(name);
      if (this.isMasked(name, value, exempt) || (NAMED.has(name) && this.isNamedSecret(object, value, exempt))) {
        object[name] = MASK;
      } else if (typeof value === 'string') {
        if (!value.isWellFormed()) object[name] = value.toWellFormed();
      } else if (typeof value === 'number') {
        const reason = numberFault(value);
        if (reason !== undefined) return { pointer: childPointer('', name), reason };
      } else if (typeof value === 'object' && value !== null) {
        const fault = Array.isArray(value) ? this.list(value, exempt) : this.object(value, exempt);
        if (fault) return { pointer: childPointer('', name) + fault.pointer, reason: fault.reason };
      }
    }
    if (rename) for (const name of rename) renameIn(object, name);
    return undefined;
  }

  private list(list: JsonValue[], exempt: string | undefined): ValueFault | undefined {
    for (let index = 0; index < list.length; index += 1) {
      const value = list[index];
      if (typeof value === 'string') {
        if (!value.isWellFormed()) list[index] = value.toWellFormed();
      } else if (typeof value === 'number') {
        const reason = numberFault(value);
        if (reason !== undefined) return { pointer: `/${index}`, reason };
      } else if (typeof value === 'object' && value !== null) {
        const fault = Array.isArray(value) ? this.list(value, exempt) : this.object(value, exempt);
        if (fault) return { pointer: `/${index}${fault.pointer}`, reason: fault.reason };
      }
    }
    return undefined;
  }

  private isMasked(name: string, value: JsonValue | undefined, exempt: string | undefined): boolean {
    const verdict = this.masked.verdictOn(name);
    if (verdict === 'keep') return false;
    if (exempt !== undefined && wordsOf(name).join('').endsWith(exempt)) return false;
    return verdict === 'mask' || !tells(value);
  }

  private isNamedSecret(object: JsonObject, value: JsonValue | undefined, exempt: string | undefined): boolean {
    for (const naming of NAMING) {
      const name = object[naming];
      if (typeof name === 'string' && this.isMasked(name, value, exempt)) return true;
    }
    return false;
  }
}

/** Numbers, booleans, null and times tell about a secret; any other value may be one. */
function tells(value: JsonValue | undefined): boolean {
  if (typeof value === 'string') return TIME.test(value);
  return typeof value !== 'object' || value === null;
}

function numberFault(value: number): string | undefined {
  if (!Number.isFinite(value)) return 'the number is too large for JSON readers; send it as a string';
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return 'the number is beyond 2^53 and could not be kept exactly; send it as a string';
  return undefined;
}

function renameIn(object: JsonObject, name: string): void {
  let renamed = name === '__proto__' ? '_proto_' : name.toWellFormed();
  while (Object.hasOwn(object, renamed)) renamed += '\ufffd';
  const value = object[name];
  delete object[name];
  if (value !== undefined) object[renamed] = value;
}
