import { readFileSync } from 'node:fs';
import { isMap, isScalar, LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { isMapping, SETTING_FIELDS, type SettingField } from './settings-fields.js';
import { settingsSchema, type Settings } from './settings.js';

/** What is wrong with one setting: one line for the administrator. */
export interface SettingFault {
  /** The key as the administrator knows it: `http.port`, or the name of the variable or file when no key is known. */
  key: string;
  /** Key, value (redacted when secret), what is wrong, and the fix; no line break. */
  line: string;
}

/** Thrown at the start: every fault at once, so that one try is enough to mend them all. */
export class SettingsInvalid extends Error {
  constructor(readonly faults: readonly SettingFault[]) {
    super(`The settings have ${faults.length} fault(s):\n${faults.map((fault) => `  ${fault.line}`).join('\n')}`);
    this.name = 'SettingsInvalid';
  }
}

type Environment = Readonly<Record<string, string | undefined>>;
interface Raw {
  values: Record<string, unknown>;
  faults: SettingFault[];
  /** Where a key's value came from, for the text of a fault. */
  sources: Map<string, string>;
}

const NOT_SETTINGS = /^TIDEGATE_(CONFIG$|TEST_|DEMO_|IMPORT_)/;

/**
 * The settings of the process: defaults, then the YAML file named by TIDEGATE_CONFIG, then TIDEGATE_* variables (an empty variable counts as not set).
 * A secret may also come from a file: TIDEGATE_ADMIN_PASSWORD_FILE holds the path. Read once; passed in everywhere.
 * @throws SettingsInvalid with every fault found
 */
export function loadSettings(environment: Environment): Settings {
  const raw: Raw = { values: {}, faults: [], sources: new Map() };
  const file = environment['TIDEGATE_CONFIG'];
  if (file) readFile(file, raw);
  readEnvironment(environment, raw);
  const checked = settingsSchema.safeParse(raw.values);
  if (checked.success && raw.faults.length === 0) return checked.data;
  const found = checked.success ? [] : checked.error.issues.flatMap((issue) => issueFaults(issue, raw));
  // A value that could not even be read was reported above; what the schema says of its absence adds nothing.
  throw new SettingsInvalid([...raw.faults, ...found]);
}

function readFile(file: string, raw: Raw): void {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    raw.faults.push(fault('TIDEGATE_CONFIG', `TIDEGATE_CONFIG = ${shown(file)}: the file cannot be read (${codeOf(error)}); correct the path or its permissions, or unset TIDEGATE_CONFIG`));
    return;
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  for (const error of document.errors) {
    const at = lines.linePos(error.pos[0]);
    raw.faults.push(fault(file, `${shown(file)} line ${at.line}, column ${at.col}: ${oneLine(error.message)}; correct the YAML there`));
  }
  if (document.errors.length > 0) return;
  const content: unknown = document.toJS();
  if (content === null || content === undefined) return;
  if (!isMapping(content)) {
    raw.faults.push(fault(file, `${shown(file)}: must hold settings as \`key: value\`, but is ${Array.isArray(content) ? 'a list' : `one ${typeof content}`}; see config/default.yaml`));
    return;
  }
  const place = (path: readonly string[]) => `${file}${lineOf(document, lines, path)}`;
  raw.values = takeFile(content, [], place, raw);
}

/** Known keys with a value; a key without one (`http:`) counts as not set. Unknown keys become faults. */
function takeFile(section: Record<string, unknown>, path: readonly string[], place: (path: readonly string[]) => string, raw: Raw): Record<string, unknown> {
  const taken: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(section)) {
    const childPath = [...path, name];
    const key = childPath.join('.');
    const isSetting = SETTING_FIELDS.some((field) => field.key === key);
    const isSection = SETTING_FIELDS.some((field) => field.key.startsWith(`${key}.`));
    if (!isSetting && !isSection) {
      raw.faults.push(fault(key, `${oneLine(key)} (${place(childPath)}): is not a setting; ${suggestion(key, SETTING_FIELDS.map((field) => field.key))}`));
    } else if (value !== null && isSection) {
      if (isMapping(value)) taken[name] = takeFile(value, childPath, place, raw);
      else raw.faults.push(fault(key, `${key} = ${shown(value)} (${place(childPath)}): is a section, not a value; write its keys below it, for example ${SETTING_FIELDS.find((field) => field.key.startsWith(`${key}.`))?.key ?? key}`));
    } else if (value !== null) {
      taken[name] = value;
      raw.sources.set(key, place(childPath));
    }
  }
  return taken;
}

function readEnvironment(environment: Environment, raw: Raw): void {
  const byVariable = new Map(SETTING_FIELDS.map((field) => [field.environmentVariable, field]));
  const byFileVariable = new Map(SETTING_FIELDS.filter((field) => field.secret).map((field) => [`${field.environmentVariable}_FILE`, field]));
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith('TIDEGATE_') || NOT_SETTINGS.test(variable) || text === undefined) continue;
    const field = byVariable.get(variable);
    const fileField = byFileVariable.get(variable);
    if (field) {
      if (text !== '') put(field, text, variable, raw);
    } else if (fileField) {
      if (text !== '') putSecretFile(fileField, text, variable, environment, raw);
    } else {
      raw.faults.push(fault(variable, `${oneLine(variable)}: is not a setting; ${suggestion(variable, [...byVariable.keys()])}`));
    }
  }
}

function putSecretFile(field: SettingField, file: string, variable: string, environment: Environment, raw: Raw): void {
  if (environment[field.environmentVariable]) {
    raw.faults.push(fault(field.key, `${field.key}: both ${field.environmentVariable} and ${variable} are set; keep one of them`));
    return;
  }
  try {
    put(field, readFileSync(file, 'utf8').replace(/\r?\n$/, ''), variable, raw);
  } catch (error) {
    raw.faults.push(fault(field.key, `${field.key}: the file ${shown(file)} in ${variable} cannot be read (${codeOf(error)}); correct the path or its permissions`));
  }
}

function put(field: SettingField, text: string, source: string, raw: Raw): void {
  const value = parsed(field, text);
  if (value === undefined) {
    raw.faults.push(fault(field.key, `${field.key} = ${field.secret ? '[redacted]' : shown(text)} (${source}): is not ${field.allowed}; ${fixOf(field)}`));
    return;
  }
  let section = raw.values;
  for (const step of field.path.slice(0, -1)) {
    const child = section[step];
    const next = isMapping(child) ? child : {};
    section[step] = next;
    section = next;
  }
  section[field.path.at(-1) ?? ''] = value;
  raw.sources.set(field.key, source);
}

/** The value that the text stands for; undefined when it stands for none of its kind. */
function parsed(field: SettingField, text: string): unknown {
  switch (field.kind) {
    case 'text':
      return text;
    case 'list':
      return text.split(',').map((item) => item.trim()).filter((item) => item !== '');
    case 'number':
      return /^\s*[+-]?\d+(\.\d+)?(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : undefined;
    case 'boolean':
      return /^(true|false)$/i.test(text.trim()) ? text.trim().toLowerCase() === 'true' : undefined;
  }
}

function issueFaults(issue: z.core.$ZodIssue, raw: Raw): SettingFault[] {
  const path = issue.path.map(String);
  const key = path.join('.');
  const field = SETTING_FIELDS.find((candidate) => key === candidate.key || key.startsWith(`${candidate.key}.`));
  if (!field) return [fault(key, `${key}: ${oneLine(issue.message)}`)];
  if (raw.faults.some((known) => known.key === field.key)) return [];
  const source = raw.sources.get(field.key);
  let value: unknown = raw.values;
  for (const step of path) value = Array.isArray(value) ? (value as unknown[])[Number(step)] : isMapping(value) ? value[step] : undefined;
  const text = value === undefined ? 'not set' : field.secret ? '[redacted]' : shown(value);
  const advice = issue.code === 'custom' ? oneLine(issue.message) : `${oneLine(issue.message)}; ${fixOf(field)}`;
  return [fault(field.key, `${key} = ${text}${source ? ` (${source})` : ''}: ${advice}`)];
}

function fixOf(field: SettingField): string {
  return `set ${field.environmentVariable} or ${field.key} to ${field.allowed}${field.defaultValue === undefined || field.secret ? '' : `, or remove it for the default ${shown(field.defaultValue)}`}`;
}

function lineOf(document: Document, lines: LineCounter, path: readonly string[]): string {
  const section: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const pair = isMap(section) ? section.items.find((item) => isScalar(item.key) && String(item.key.value) === path.at(-1)) : undefined;
  const start = isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
  return start === undefined ? '' : ` line ${lines.linePos(start).line}`;
}

function suggestion(wrong: string, known: readonly string[]): string {
  const nearest = known.map((name) => ({ name, distance: editDistance(wrong.toLowerCase(), name.toLowerCase()) })).sort((a, b) => a.distance - b.distance)[0];
  const near = nearest && nearest.distance <= Math.max(2, Math.floor(wrong.length / 5)) ? `did you mean ${nearest.name}? Otherwise remove it` : 'remove it';
  return `${near}; docs/reference/settings.md lists them all`;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_unused, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const changed = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(changed, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

function fault(key: string, line: string): SettingFault {
  return { key, line };
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function codeOf(error: unknown): string {
  return isMapping(error) && typeof error['code'] === 'string' ? error['code'] : String(error);
}

