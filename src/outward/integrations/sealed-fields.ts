import { z } from 'zod';
import { integrationSchema } from '../../model/integration.js';

/**
 * The fields of an integration that never lie in clear: those that the model calls secret, and the certificates (`sealed: 'certificates'`), because no PEM
 * text may. Each is named by its dotted path, for example `connection.tls.key`.
 */
export interface SealedField {
  path: string;
  /** The same as a JSON pointer. */
  pointer: string;
  /** A secret is shown as set or not; of certificates it is also shown what they are. */
  kind: 'secret' | 'certificates';
}

export const SEALED: readonly SealedField[] = sealedFieldsOf(integrationSchema, []);
export const SEALED_PATHS: readonly string[] = SEALED.map((field) => field.path);

const kinds = new Map(SEALED.map((field) => [field.path, field.kind]));

export function sealedKind(path: string): SealedField['kind'] | undefined {
  return kinds.get(path);
}

export function pointerOfPath(path: string): string {
  return `/${path.replaceAll('.', '/')}`;
}

/** What lies at a dotted path; undefined where nothing does, also below null or a text. */
export function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined), value);
}

/** A text at a dotted path. */
export function textAt(value: unknown, path: string): string | undefined {
  const found = valueAt(value, path);
  return typeof found === 'string' ? found : undefined;
}

/** A copy with another value at a dotted path, undefined to take it away; what lies beside the path is shared. A parent that is no object stays as it is. */
export function withValue<T>(value: T, path: string, replacement: unknown): T {
  const [key = '', ...rest] = path.split('.');
  if (typeof value !== 'object' || value === null) return value;
  const copy = { ...value } as Record<string, unknown>;
  if (rest.length > 0) {
    if (copy[key] !== undefined) copy[key] = withValue(copy[key], rest.join('.'), replacement);
  } else if (replacement === undefined) delete copy[key];
  else copy[key] = replacement;
  return copy as T;
}

/** The schema behind defaults and `optional`. */
export function innerSchema(field: z.core.$ZodType): z.core.$ZodType {
  if (field instanceof z.ZodDefault || field instanceof z.ZodOptional || field instanceof z.ZodPrefault) return innerSchema(field.unwrap());
  return field;
}

function sealedFieldsOf(schema: z.core.$ZodType, path: readonly string[]): SealedField[] {
  const inner = innerSchema(schema);
  if (inner instanceof z.ZodObject) return Object.entries(inner.shape).flatMap(([key, field]) => sealedFieldsOf(field as z.core.$ZodType, [...path, key]));
  const meta = schema instanceof z.ZodType ? schema.meta() : undefined;
  const kind = meta?.['secret'] === true ? 'secret' : meta?.['sealed'] === 'certificates' ? 'certificates' : undefined;
  return kind === undefined ? [] : [{ path: path.join('.'), pointer: `/${path.join('/')}`, kind }];
}
