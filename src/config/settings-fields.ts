import { z } from 'zod';
import { settingsSchema, type Settings } from './settings.js';

/** How the text of an environment variable becomes a value. */
export type SettingKind = 'text' | 'number' | 'boolean' | 'list';

/** One setting, as read off the schema: what the loader, the printed settings and the docs know of it. */
export interface SettingField {
  /** `http.port` */
  key: string;
  path: readonly string[];
  /** `TIDEGATE_HTTP_PORT` */
  environmentVariable: string;
  kind: SettingKind;
  /** What is allowed, in words: `a whole number from 0 to 65535`. */
  allowed: string;
  help: string;
  secret: boolean;
  /** Undefined when the setting may be left empty. */
  defaultValue: unknown;
}

interface JsonSchema {
  type?: 'integer' | 'number' | 'boolean' | 'array' | 'string' | 'object';
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  enum?: string[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  default?: unknown;
  help?: string;
  secret?: boolean;
}

/** Every setting, in the order of the schema. */
export const SETTING_FIELDS: readonly SettingField[] = leaves(z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema, []);

/** `eventLog.retentionHours` to `TIDEGATE_EVENT_LOG_RETENTION_HOURS`. */
export function environmentVariableOf(path: readonly string[]): string {
  return `TIDEGATE_${path.map((step) => step.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()).join('_')}`;
}

/** The value of a setting within complete settings. */
export function settingValue(settings: Settings, field: SettingField): unknown {
  let value: unknown = settings;
  for (const step of field.path) value = isMapping(value) ? value[step] : undefined;
  return value;
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The settings as they may be printed: secrets that are set are shown as `[redacted]`. */
export function redactedSettings(settings: Settings): Record<string, unknown> {
  const printed = structuredClone(settings) as unknown as Record<string, unknown>;
  for (const field of SETTING_FIELDS) {
    if (!field.secret || isUnset(settingValue(settings, field))) continue;
    let section = printed;
    for (const step of field.path.slice(0, -1)) section = section[step] as Record<string, unknown>;
    section[field.path.at(-1) ?? ''] = '[redacted]';
  }
  return printed;
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}

function leaves(schema: JsonSchema, path: readonly string[]): SettingField[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]): SettingField[] => {
    const childPath = [...path, name];
    if (child.properties) return leaves(child, childPath);
    return [{
      key: childPath.join('.'), path: childPath, environmentVariable: environmentVariableOf(childPath),
      kind: kindOf(child), allowed: allowedOf(child), help: child.help ?? '', secret: child.secret === true, defaultValue: child.default,
    }];
  });
}

function kindOf(schema: JsonSchema): SettingKind {
  switch (schema.type) {
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'array':
      return 'list';
    case 'string':
    case 'object':
    case undefined:
      return 'text';
  }
}

function allowedOf(schema: JsonSchema): string {
  if (schema.enum) return `one of ${schema.enum.join(', ')}`;
  switch (schema.type) {
    case 'integer':
      return `a whole number${range(schema)}`;
    case 'number':
      return `a number${range(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'array':
      return `a list${schema.minItems ? ` of at least ${schema.minItems}` : ''}${schema.items?.enum ? ` from ${schema.items.enum.join(', ')}` : ''}`;
    case 'string':
    case 'object':
    case undefined:
      if (schema.pattern) return `text that matches ${schema.pattern}`;
      if (schema.minLength !== undefined || schema.maxLength !== undefined) return `text of ${schema.minLength ?? 0} to ${schema.maxLength ?? 'any number of'} characters`;
      return 'text';
  }
}

function range(schema: JsonSchema): string {
  const least = schema.minimum !== undefined && schema.minimum > Number.MIN_SAFE_INTEGER ? schema.minimum : undefined;
  const most = schema.maximum !== undefined && schema.maximum < Number.MAX_SAFE_INTEGER ? schema.maximum : undefined;
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`;
  if (least !== undefined) return ` of at least ${least}`;
  return most === undefined ? '' : ` of at most ${most}`;
}
