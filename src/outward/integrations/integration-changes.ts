import { createHash } from 'node:crypto';
import type { FieldChange } from '../../model/audit-event.js';
import type { IntegrationSettings } from '../../model/integration.js';
import type { JsonValue } from '../../model/json.js';
import { sealedKind } from './sealed-fields.js';
import { summariesOf } from './tls-material.js';

const MASKED = '********';

/**
 * What differs between two states of an integration, field by field, as the audit shows it: certificates by fingerprint, secrets masked.
 * @param before null for a new integration: every field then counts as new
 */
export function changesBetween(before: IntegrationSettings | null, after: IntegrationSettings | null): FieldChange[] {
  const old = flatten(before);
  const now = flatten(after);
  const changes: FieldChange[] = [];
  for (const path of new Set([...old.keys(), ...now.keys()])) {
    const [was, is] = [old.get(path), now.get(path)];
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    const change: FieldChange = { field: path };
    if (was !== undefined) change.old = shown(path, was);
    if (is !== undefined) change.new = shown(path, is);
    changes.push(change);
  }
  return changes;
}

/** The leaves of the settings by dotted path; a list is a leaf, and what it lists stands in it as text. */
function flatten(value: object | null, prefix = '', leaves = new Map<string, JsonValue>()): Map<string, JsonValue> {
  for (const [key, member] of Object.entries(value ?? {}) as Array<[string, JsonValue | undefined]>) {
    const path = `${prefix}${key}`;
    if (member === undefined || member === null) continue;
    if (typeof member === 'object' && !Array.isArray(member)) flatten(member, `${path}.`, leaves);
    else leaves.set(path, Array.isArray(member) ? member.map((element) => (typeof element === 'object' && element !== null ? JSON.stringify(element) : element)) : member);
  }
  return leaves;
}

function shown(path: string, value: JsonValue): JsonValue {
  const kind = sealedKind(path);
  if (kind === undefined || typeof value !== 'string') return value;
  if (kind === 'secret') return MASKED;
  const fingerprints = summariesOf(value).slice(0, 20).map((summary) => `sha256 ${summary.fingerprint}, valid to ${summary.validTo}`);
  return fingerprints.length > 0 ? fingerprints : [`sha256 of the text ${createHash('sha256').update(value).digest('hex')}`];
}
