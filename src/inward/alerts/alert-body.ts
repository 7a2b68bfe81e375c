import { createHash } from 'node:crypto';
import { ALERT_TYPES, type AlertAction, type AlertLevel, type AlertType } from '../../model/alert.js';

/** What a SIEM said, checked: the form of an alert before it has an id. */
export interface PostedAlert {
  type: AlertType;
  application: string;
  nativeId: string | null;
  groupName: string | null;
  groupType: string | null;
  action: AlertAction;
  level: AlertLevel;
  /** null = not said; the global setting decides. Always null for certifications, which know no provisioning. */
  useWorkflow: boolean | null;
  /** The client's `date` (ms since 1970). */
  alertDateMs: number;
  /** Id of the alert whose mitigation caused this one, when the SIEM sends it back. */
  correlationId: string | null;
}

/** `missing`: names of required keys without a value, in the contract's order. `invalid`: one sentence for each value that cannot be used. */
export type AlertBodyOutcome = { type: 'alert'; alert: PostedAlert } | { type: 'missing'; names: string[] } | { type: 'invalid'; faults: string[] };

/** Lengths in characters (code points), as the columns of the original had them. */
const TEXT_LENGTH = 255;
const WORD_LENGTH = 32;
/** Last instant that a Date can hold. */
const LATEST_MS = 8.64e15;

type AlertKey = 'application' | 'date' | 'group_name' | 'group_type' | 'native_id';
/** The order in which the contract names missing keys. */
const NAME_ORDER: readonly AlertKey[] = ['application', 'date', 'group_name', 'group_type', 'native_id'];

/**
 * Reads the body of an action POST (inbound contract, 2.1). Keys are case-sensitive, unknown ones are ignored, and so are known ones that the type does not use.
 * No value is trimmed. `date` and `use_workflow` may be a string, number or boolean.
 */
export function readAlertBody(type: AlertType, body: unknown): AlertBodyOutcome {
  if (body !== undefined && body !== null && (typeof body !== 'object' || Array.isArray(body))) return { type: 'invalid', faults: ['The body must be a JSON object.'] };
  const values = new Map<string, unknown>(Object.entries(body ?? {}));
  const { needs, usesAction, certification } = ALERT_TYPES[type];
  const required = NAME_ORDER.filter((name) => name === 'application' || name === 'date' || (needs as readonly string[]).includes(name));
  const missing = required.filter((name) => isEmpty(values.get(name)));
  if (missing.length > 0) return { type: 'missing', names: missing };

  const faults: string[] = [];
  const text = (name: string, length: number): string => {
    const value = values.get(name);
    const fault = typeof value !== 'string' ? 'must be a text' : textFault(value, length);
    if (fault !== undefined) faults.push(`'${name}' ${fault}`);
    return typeof value === 'string' ? value : '';
  };
  const needed = (name: AlertKey): string | null => (required.includes(name) ? text(name, TEXT_LENGTH) : null);
  const word = <T extends string>(name: string, allowed: readonly T[], fallback: T): T => {
    if (isEmpty(values.get(name))) return fallback;
    const said = text(name, WORD_LENGTH).toLowerCase();
    const known = allowed.find((one) => one === said);
    if (known === undefined && typeof values.get(name) === 'string') faults.push(`'${name}' must be one of ${allowed.join(', ')}`);
    return known ?? fallback;
  };

  const alert: PostedAlert = {
    type,
    application: text('application', TEXT_LENGTH),
    nativeId: needed('native_id'),
    groupName: needed('group_name'),
    groupType: needed('group_type'),
    action: usesAction ? word('action', ['disable', 'delete'], 'disable') : 'disable',
    level: word('level', ['high', 'medium', 'low'], 'medium'),
    useWorkflow: certification ? null : flag(values.get('use_workflow'), faults),
    alertDateMs: milliseconds(values.get('date'), faults),
    correlationId: isEmpty(values.get('correlation_id')) ? null : text('correlation_id', 64),
  };
  return faults.length > 0 ? { type: 'invalid', faults: [...new Set(faults)] } : { type: 'alert', alert };
}

/** SHA-256 over what makes two alerts ask for the same thing: their level and date do not count. */
export function mergeKeyOf({ type, application, nativeId, groupName, groupType, action, useWorkflow }: PostedAlert): string {
  return sha256([type, application, nativeId, groupName, groupType, action, useWorkflow]);
}

/** SHA-256 over all that was said: a repeated request under an Idempotency-Key must say the same. */
export function requestHashOf(alert: PostedAlert): string {
  return sha256([mergeKeyOf(alert), alert.level, alert.alertDateMs, alert.correlationId]);
}

function sha256(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** JSON null counts as missing. */
function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function textFault(value: string, length: number): string | undefined {
  if ([...value].length > length) return `must not have more than ${length} characters`;
  if (!value.isWellFormed() || value.includes('\0')) return 'must be a text without NUL and lone surrogates';
  return undefined;
}

function milliseconds(value: unknown, faults: string[]): number {
  const digits = typeof value === 'string' ? value : typeof value === 'number' && Number.isInteger(value) ? String(value) : '';
  const ms = /^\d{1,19}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(ms <= LATEST_MS)) faults.push("'date' must be a time in milliseconds since 1970, in digits");
  return ms;
}

/** True only for the text "true" in any case (and what JSON has for it); another text is false, as in the original. */
function flag(value: unknown, faults: string[]): boolean | null {
  if (isEmpty(value)) return null;
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'number':
      return value === 1;
    case 'string':
      if (value.length > WORD_LENGTH) faults.push(`'use_workflow' must not have more than ${WORD_LENGTH} characters`);
      return value.toLowerCase() === 'true';
    default:
      faults.push("'use_workflow' must be a text, number or boolean");
      return null;
  }
}
