import type { AuditEvent } from './audit-event.js';
import type { JsonValue } from './json.js';

/**
 * A place in an event, as filters and masks name it: names parted by dots, `severity` or `subject.name` or `attributes.domain`. A name that holds a dot
 * stands in brackets: `attributes[sub.domain]`. `*` is any name. Through a list the path means each of its elements: `objects.name`. After `changes` the
 * brackets pick the changes of one field: `changes[state].new`.
 */
export interface FieldPath {
  /** As it was written. */
  text: string;
  /** From the event down; the first is a member of the event. */
  names: readonly string[];
  /** Of a path into `changes`: which of them; all when undefined. */
  changeField?: string;
}

/** The members of an event and what may follow each: nothing, one of a few names, or anything. */
const MEMBERS: Record<keyof AuditEvent, 'leaf' | 'open' | readonly string[]> = {
  id: 'leaf', type: 'leaf', occurredAt: 'leaf', receivedAt: 'leaf', tenantId: 'leaf', outcome: 'leaf', reason: 'leaf', correlationId: 'leaf', severity: 'leaf', message: 'leaf',
  actor: ['kind', 'id', 'name', 'ip'], changes: ['field', 'old', 'new'], subject: 'open', objects: 'open', attributes: 'open',
};
const NAME = /^(?:\.?([^.[\]]+)|\[([^\]]+)\])/;

/** The path that a text names, or what is wrong with it. */
export function parseFieldPath(text: string): FieldPath | { fault: string } {
  const names: string[] = [];
  let changeField: string | undefined;
  for (let rest = text; rest !== ''; ) {
    const match = NAME.exec(rest);
    if (!match || (names.length === 0 && !/^[A-Za-z]/.test(rest)) || (names.length > 0 && match[1] !== undefined && rest[0] !== '.')) return { fault: `"${text}" is no field path; write it as subject.name, attributes.domain, attributes[dotted.name] or changes[state].new` };
    rest = rest.slice(match[0].length);
    if (match[2] !== undefined && names.length === 1 && names[0] === 'changes' && changeField === undefined) changeField = match[2];
    else names.push(match[1] ?? match[2] ?? '');
  }
  const [root = '', ...under] = names;
  if (!Object.hasOwn(MEMBERS, root)) return { fault: `an event has no field "${root}"; it has ${Object.keys(MEMBERS).join(', ')}` };
  const known = MEMBERS[root as keyof AuditEvent];
  if (known === 'leaf' && under.length > 0) return { fault: `${root} has nothing under it` };
  const [first] = under;
  if (typeof known === 'object' && root !== 'changes' && first !== undefined && !known.includes(first) && first !== '*') return { fault: `${root} has ${known.join(', ')} and no "${first}"` };
  if (root === 'changes' && first !== undefined && !MEMBERS.changes.includes(first)) return { fault: `a change has field, old and new and no "${first}"; the changes of one field are changes[${first}]` };
  return { text, names, ...(changeField === undefined ? {} : { changeField }) };
}

/** Whether a test holds for one of the values at a path: lists count by their elements, null and an empty list as missing. Never throws for data. */
export type FieldReader = (event: AuditEvent, test: (value: JsonValue) => boolean) => boolean;

/** Done once a path, so that reading a plain field costs a property read. */
export function compileReader(path: FieldPath): FieldReader {
  const { names, changeField } = path;
  const [root = '', second] = names;
  if (names.length === 1 && changeField === undefined) return (event, test) => anyOf((event as unknown as Record<string, JsonValue | undefined>)[root], names, 1, undefined, test);
  if (names.length === 2 && changeField === undefined && second !== undefined && second !== '*' && (root === 'subject' || root === 'actor' || root === 'attributes')) {
    return (event, test) => {
      const holder = event[root] as unknown as Record<string, JsonValue | undefined> | null | undefined;
      return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, second) && anyOf(holder[second], names, 2, undefined, test);
    };
  }
  return (event, test) => anyOf((event as unknown as Record<string, JsonValue | undefined>)[root], names, 1, changeField, test);
}

function anyOf(value: JsonValue | undefined, names: readonly string[], at: number, changeField: string | undefined, test: (value: JsonValue) => boolean): boolean {
  if (value === undefined || value === null) return false;
  if (Array.isArray(value)) {
    for (const element of value) {
      if (changeField !== undefined && !isChangeOf(element, changeField)) continue;
      if (anyOf(element, names, at, undefined, test)) return true;
    }
    return false;
  }
  const name = names[at];
  if (name === undefined) return test(value);
  if (typeof value !== 'object') return false;
  if (name === '*') {
    for (const member of Object.values(value)) if (anyOf(member, names, at + 1, undefined, test)) return true;
    return false;
  }
  return Object.hasOwn(value, name) && anyOf(value[name], names, at + 1, undefined, test);
}

function isChangeOf(element: JsonValue | undefined, field: string): boolean {
  return field === '*' || (typeof element === 'object' && element !== null && !Array.isArray(element) && element['field'] === field);
}
