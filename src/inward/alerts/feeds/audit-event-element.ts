import { ALERT_TYPES, type AlertType } from '../../../model/alert.js';
import type { EventObject } from '../../../model/audit-event.js';
import type { JsonValue } from '../../../model/json.js';
import type { AuditRecordDocument } from '../../../platform/audit/audit-record.schema.js';
import { actionOf } from './audit-actions.js';

/** An element of the audit-events feed: the 18 keys of the contract (text, missing = ""; `created` a number), and two additions. */
export interface AuditEventElement {
  id: string;
  created: number;
  owner: string;
  interface: string;
  source: string;
  action: string;
  target: string;
  application: string;
  accountName: string;
  instance: string;
  attributeName: string;
  attributeValue: string;
  trackingId: string;
  /** `{k1=v1, k2=v2}` */
  attributes: string;
  string1: string;
  string2: string;
  string3: string;
  string4: string;
  serverHost: string;
  attributesMap: Record<string, JsonValue>;
}

/** Pure: the same record is the same element. `created` is its place in the feed. */
export function auditEventElement(record: AuditRecordDocument, created: number): AuditEventElement {
  const { subject, actor } = record;
  const attributes = record.attributes ?? {};
  const objects = [subject, ...(record.objects ?? [])];
  const account = objects.find(({ kind }) => kind === 'account');
  const entitlement = objects.find(({ kind }) => kind === 'entitlement');
  const identity = objects.find(({ kind }) => kind === 'identity');
  const isAlert = subject.kind === 'alert';
  const map: Record<string, JsonValue> = {
    ...(attributes as Record<string, JsonValue>), type: record.type, outcome: record.outcome, occurredAt: record.occurredAt,
    ...(record.reason === undefined ? {} : { reason: record.reason }), ...(actor.ip === undefined ? {} : { ip: actor.ip }),
    ...Object.fromEntries((record.changes ?? []).flatMap(({ field, old, new: next }) => [[`old.${field}`, old ?? null], [`new.${field}`, next ?? null]])),
  };
  return {
    id: record._id,
    created,
    owner: '',
    interface: 'Tidegate',
    source: actor.name ?? actor.id ?? '',
    action: actionOf(record.type),
    // Of an alert: whom it is about; one about an application has nobody.
    target: isAlert ? (isAboutApplication(attributes['alertType']) ? '' : text(identity?.name ?? identity?.id ?? account?.name)) : text(subject.name ?? subject.id),
    application: text(applicationOf(objects) ?? attributes['application'] ?? attributes['domain']),
    accountName: text(account?.name ?? account?.id ?? attributes['nativeId']),
    instance: '',
    attributeName: text(entitlement?.['attribute'] ?? attributes['attribute']),
    attributeValue: text(entitlement?.['value'] ?? entitlement?.name ?? attributes['value']),
    trackingId: record.correlationId ?? '',
    attributes: mapText(map),
    string1: isAlert ? text(attributes['alertType']) : '',
    string2: isAlert && attributes['action'] !== undefined ? `SIEM Operation: ${operationOf(text(attributes['alertType']), text(attributes['action']))}` : '',
    string3: record.outcome,
    string4: record.reason ?? '',
    serverHost: text(attributes['host']),
    attributesMap: map,
  };
}

function applicationOf(objects: readonly EventObject[]): JsonValue | undefined {
  const application = objects.find(({ kind }) => kind === 'application');
  return application?.name ?? application?.id ?? objects.find((object) => object['application'] !== undefined)?.['application'];
}

function isAboutApplication(alertType: JsonValue | undefined): boolean {
  return typeof alertType === 'string' && Object.hasOwn(ALERT_TYPES, alertType) && ALERT_TYPES[alertType as AlertType].target === 'application';
}

/** The original's words: the action where the type has one, else `Remove`, `Password` or what the type does. */
function operationOf(alertType: string, action: string): string {
  const operation = Object.hasOwn(ALERT_TYPES, alertType) ? ALERT_TYPES[alertType as AlertType].operation : null;
  // The record of the receipt names type and action.
  return operation === null ? (action.split(' ').at(-1) ?? action) : `${operation.slice(0, 1).toUpperCase()}${operation.slice(1)}`;
}

function text(value: JsonValue | undefined): string {
  return value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
}

function mapText(map: Record<string, JsonValue>): string {
  return `{${Object.entries(map).map(([name, value]) => `${name}=${text(value)}`).join(', ')}}`;
}
