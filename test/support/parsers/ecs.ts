import { isIP } from 'node:net';
import { EcsFlat } from '@elastic/ecs';
import { parseJsonObject } from './json-object.js';

/** What Elastic's own dictionary says of a field. */
interface EcsField {
  type: string;
  normalize: readonly string[];
  object_type?: string;
  allowed_values?: ReadonlyArray<{ name: string; expected_event_types?: readonly string[] }>;
}

const DICTIONARY = new Map<string, EcsField>(Object.entries(EcsFlat as unknown as Record<string, EcsField>));
const REQUIRED = ['@timestamp', 'ecs.version', 'event.kind', 'event.category', 'event.type', 'event.action', 'event.id', 'event.outcome'];
/** Our own root: ECS leaves names that it will never use to the vendor. */
const OWN_ROOT = 'tidegate';

/** Parses a record and checks it field by field against the official dictionary. @throws Error naming the first violation. */
export function parseEcs(text: string): Record<string, unknown> {
  const record = parseJsonObject(text);
  const fields = new Map<string, unknown>();
  flatten(record, '', fields);
  for (const name of REQUIRED) if (!fields.has(name)) throw new Error(`${name} is missing`);
  for (const [name, value] of fields) checkField(name, value);
  checkKinds(fields.get('event.category') as string[], fields.get('event.type') as string[]);
  return record;
}

function flatten(value: object, path: string, fields: Map<string, unknown>): void {
  for (const [name, member] of Object.entries(value) as Array<[string, unknown]>) {
    const full = path === '' ? name : `${path}.${name}`;
    if (full === OWN_ROOT) continue;
    if (typeof member === 'object' && member !== null && !Array.isArray(member) && DICTIONARY.get(full)?.type !== 'object') flatten(member, full, fields);
    else fields.set(full, member);
  }
}

function checkField(name: string, value: unknown): void {
  const field = DICTIONARY.get(name);
  if (field === undefined) throw new Error(`ECS has no field ${name}`);
  if (Array.isArray(value) !== field.normalize.includes('array')) throw new Error(`${name} is ${Array.isArray(value) ? 'an array' : 'no array'}`);
  for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) {
    if (!isOfType(field, one)) throw new Error(`${name}: ${JSON.stringify(one)?.slice(0, 80)} is no ${field.type}`);
    if (field.allowed_values !== undefined && !field.allowed_values.some((allowed) => allowed.name === one)) throw new Error(`${name}: ${String(one)} is not allowed`);
  }
}

function isOfType({ type, object_type: memberType }: EcsField, value: unknown): boolean {
  switch (type) {
    case 'keyword': case 'wildcard': case 'match_only_text': case 'constant_keyword': return typeof value === 'string';
    case 'date': return typeof value === 'string' && /^[+-]?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) && !Number.isNaN(Date.parse(value));
    case 'ip': return typeof value === 'string' && isIP(value) !== 0 && !value.includes('%');
    case 'long': return typeof value === 'number' && Number.isSafeInteger(value);
    case 'object': return typeof value === 'object' && value !== null && memberType === 'keyword' && Object.entries(value).every(([key, member]) => typeof member === 'string' && !key.includes('.'));
    default: throw new Error(`a field of type ${type}: teach this parser to check it`);
  }
}

/** Each type must be expected by one of the categories. */
function checkKinds(categories: readonly string[], types: readonly string[]): void {
  const allowed = categories.flatMap((category) => DICTIONARY.get('event.category')?.allowed_values?.find(({ name }) => name === category)?.expected_event_types ?? []);
  for (const type of types) if (!allowed.includes(type)) throw new Error(`event.type ${type} does not go with event.category ${categories.join(', ')}`);
}
