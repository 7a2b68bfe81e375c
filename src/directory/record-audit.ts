import type { Clock } from '../contracts/clock.js';
import type { FieldChange } from '../model/audit-event.js';
import type { JsonObject } from '../model/json.js';
import type { AuditRecord } from '../platform/audit/audit-record.js';
import { newAuditRecord } from '../platform/audit/new-audit-record.js';
import type { DirectoryAct } from './account-changes.js';
import { changesBetween, type DirectoryKind, type DirectoryRecord, type StoredFields } from './directory-kind.js';
import type { References } from './references.js';

/** Most values of one field that a record of a change tells; the rest is counted. */
const MOST_VALUES = 100;

/**
 * The audit records of a change of one record: `audit.{kind}.create|update|delete`, and where an account is disabled or enabled, its owners or its secret change,
 * the type of the catalogue that says so. None when nothing differs.
 */
export function auditOfChange<T extends DirectoryRecord, B>(
  kind: DirectoryKind<T, B>,
  change: { id: string; before: StoredFields<T> | null; after: StoredFields<T> | null },
  references: References,
  act: DirectoryAct,
  clock: Clock,
): AuditRecord[] {
  const { id, before, after } = change;
  const current = after ?? before;
  if (!current) return [];
  const differences = changesBetween(before && kind.shown(before, references), after && kind.shown(after, references));
  const objects = kind.objects(current, references);
  const domain = objects.find((object) => object.kind === 'application')?.name;
  const record = (type: string, changes: FieldChange[], attributes: JsonObject = {}): AuditRecord =>
    newAuditRecord(
      {
        type,
        actor: act.actor,
        subject: { kind: kind.name, id, name: kind.subjectName(current) },
        ...(objects.length > 0 ? { objects } : {}),
        attributes: { ...(domain === undefined ? {} : { domain }), ...attributes },
        ...(changes.length > 0 ? { changes: changes.map(shortened) } : {}),
        ...(act.correlationId === undefined ? {} : { correlationId: act.correlationId }),
        ...(act.reason === undefined ? {} : { reason: act.reason }),
      },
      clock,
    );
  if (!before) return [record(`audit.${kind.name}.create`, differences)];
  if (!after) return [record(`audit.${kind.name}.delete`, differences)];
  const ownType = (difference: FieldChange): AuditRecord | undefined => {
    if (kind.name !== 'account') return undefined;
    if (difference.field === 'disabled') return record(difference.new === true ? 'audit.account.disable' : 'audit.account.enable', [difference]);
    if (difference.field === 'owner') return record('account.owner.changed', [difference], ownersOf(difference));
    return difference.field === 'secretId' ? record('account.secret.changed', [difference]) : undefined;
  };
  const told = differences.map((difference) => ({ difference, record: ownType(difference) }));
  const rest = told.filter((one) => one.record === undefined).map(({ difference }) => difference);
  const own = told.flatMap((one) => one.record ?? []);
  return rest.length > 0 ? [...own, record(`audit.${kind.name}.update`, rest)] : own;
}

function ownersOf({ old, new: now }: FieldChange): JsonObject {
  const [before, after] = [listOf(old), listOf(now)];
  return { added: after.filter((name) => !before.includes(name)), removed: before.filter((name) => !after.includes(name)) };
}

function listOf(value: FieldChange['old']): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** Of two long lists only what came and went is told. */
function shortened(change: FieldChange): FieldChange {
  const [before, after] = [listOf(change.old), listOf(change.new)];
  if (before.length + after.length <= MOST_VALUES) return change;
  const [gone, came] = [before.filter((value) => !after.includes(value)), after.filter((value) => !before.includes(value))];
  return { field: change.field, ...(gone.length > 0 ? { old: some(gone) } : {}), ...(came.length > 0 ? { new: some(came) } : {}) };
}

function some(values: string[]): string[] {
  return values.length <= MOST_VALUES ? values : [...values.slice(0, MOST_VALUES), `and ${values.length - MOST_VALUES} more`];
}
