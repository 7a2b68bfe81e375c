import type { AuditEvent } from '../../../src/model/audit-event.js';
import { type Meaning, meaningOf } from './meaning.js';
import { CEF_RULES, leefRules, listWithin, type ValueRules, valueWithin } from './text.js';

/** Key to value, as a strict receiver reads them back. */
export type Pairs = Record<string, string>;

class PairList {
  readonly pairs: Pairs = {};
  readonly cut: string[] = [];

  constructor(private readonly rules: ValueRules, private readonly wholeLists: boolean) {}

  value(key: string, value: string | number | undefined, maxOctets: number): void {
    if (value !== undefined) this.add(key, valueWithin(String(value), maxOctets, this.rules));
  }

  list(key: string, list: Meaning['items'], maxOctets: number): void {
    if (list !== undefined) this.add(key, listWithin(list.names, list.total, this.wholeLists ? Number.POSITIVE_INFINITY : maxOctets, this.rules));
  }

  change(key: string, change: Meaning['old'], maxOctets: number): void {
    if (change === undefined) return;
    if ('value' in change) this.value(key, change.value, maxOctets);
    else this.list(key, { names: change.list, total: change.list.length }, maxOctets);
  }

  private add(key: string, { text, cut }: { text: string; cut: boolean }): void {
    if (cut && text !== '') this.cut.push(key);
    if (text !== '') this.pairs[key] = text;
  }
}

/** The label that goes with each custom field, by docs/reference/formats.md. */
const CEF_LABELS: Readonly<Record<string, string>> = {
  cs1: 'requestId', cs2: 'objectName', cs3: 'oldValue', cs4: 'newValue', cs5: 'items', cs6: 'eventType', cn1: 'daysRemaining', cn2: 'count', cn3: 'truncatedFields', c6a2: 'sourceAddress', deviceCustomDate1: 'dueDate',
};

/** Header, extension and labels of a CEF event without a message limit, in ArcSight's names. @param wholeLists lists as the parts of a split event have them together: no name left out */
export function projectCef(event: AuditEvent, sequence: string, hostname: string, wholeLists = false): Pairs {
  const { actor, subject } = event;
  const meaning = meaningOf(event);
  const { target } = meaning;
  const list = new PairList(CEF_RULES, wholeLists);
  list.value('rt', meaning.epochMs, 20);
  list.value('start', meaning.epochMs, 20);
  list.value('externalId', event.id, 40);
  list.value('TidegateSequence', sequence, 40);
  list.value('TidegateReplay', meaning.replay, 40);
  list.value('cs6', event.type, 4000);
  list.value('cat', `/Tidegate/${meaning.group}`, 1023);
  list.value('outcome', event.outcome, 63);
  list.value('dvchost', hostname, 100);
  list.value('act', meaning.action, 63);
  list.value('suser', actor.name, 1023);
  list.value('suid', actor.id, 1023);
  list.value(meaning.ipVersion === 4 ? 'src' : meaning.ipVersion === 6 ? 'c6a2' : 'shost', meaning.ip, 1023);
  list.value('duser', target?.name, 1023);
  list.value('duid', target?.id, 1023);
  list.value('dntdom', meaning.domain, 255);
  list.value('cs1', meaning.request, 4000);
  list.value('cs2', subject.name || subject.id, 4000);
  list.change('cs3', meaning.old, 4000);
  list.change('cs4', meaning.new, 4000);
  list.list('cs5', meaning.items, 4000);
  list.value('cn1', meaning.days, 20);
  list.value('cn2', meaning.count, 20);
  list.value('deviceCustomDate1', meaning.dueMs, 20);
  list.value('reason', meaning.reason, 1023);
  list.value('TidegateCorrelationId', event.correlationId, 255);
  if (target !== subject) list.value('TidegateObjectId', subject.id, 255);
  list.value('TidegateTenantId', event.tenantId, 255);
  list.value('msg', event.message, 1023);
  const extension: Pairs = list.cut.length === 0 ? list.pairs : { ...list.pairs, cn3: String(list.cut.length) };
  const labels = Object.keys(extension).flatMap((key) => (CEF_LABELS[key] === undefined ? [] : [[`${key}Label`, CEF_LABELS[key]] as const]));
  const header = { version: '0', deviceVendor: 'Tidegate', deviceProduct: 'Tidegate', deviceVersion: '1', deviceEventClassId: String(meaning.cefId), name: meaning.name, severity: String(meaning.severity) };
  return { ...header, ...extension, ...Object.fromEntries(labels) };
}

/** Header and attributes of a LEEF event without a message limit, the header in IBM's names. @param version 1.0 parts the attributes by the tab, 2.0 by the delimiter that it names */
export function projectLeef(event: AuditEvent, sequence: string, hostname: string, wholeLists = false, version: '1.0' | '2.0' = '1.0', delimiter = '\t'): Pairs {
  const { actor, subject } = event;
  const meaning = meaningOf(event);
  const { target } = meaning;
  const list = new PairList(leefRules(delimiter), wholeLists);
  list.value('devTime', meaning.epochMs, 20);
  list.value('sev', Math.max(1, meaning.severity), 20);
  list.value('externalId', event.id, 40);
  list.value('sequence', sequence, 40);
  list.value('replay', meaning.replay, 40);
  list.value('cat', meaning.group, 40);
  list.value('outcome', event.outcome, 63);
  list.value('deviceHost', hostname, 255);
  list.value('action', meaning.action, 255);
  list.value('usrName', actor.name || actor.id, 255);
  list.value('usrId', actor.id, 255);
  list.value(meaning.ipVersion === 0 ? 'srcName' : 'src', meaning.ip, 255);
  list.value('accountName', target && (target.name || target.id), 255);
  list.value('accountId', target?.id, 255);
  list.value('domain', meaning.domain, 255);
  if (subject.kind === 'group') list.value('groupID', subject.id, 255);
  list.value('requestId', meaning.request, 255);
  list.value('resource', subject.name || subject.id, 1023);
  if (target !== subject) list.value('resourceId', subject.id, 255);
  list.change('oldValue', meaning.old, 4000);
  list.change('newValue', meaning.new, 4000);
  list.list('items', meaning.items, 4000);
  list.value('daysRemaining', meaning.days, 20);
  list.value('count', meaning.count, 20);
  list.value('dueDate', meaning.dueMs, 20);
  list.value('reason', meaning.reason, 4000);
  list.value('correlationId', event.correlationId, 255);
  list.value('tenantId', event.tenantId, 255);
  list.value('msg', event.message, 4000);
  const attributes = list.cut.length === 0 ? list.pairs : { ...list.pairs, truncatedFields: list.cut.join(',') };
  return { 'LEEF:Version': version, Vendor: 'Tidegate', Product: 'Tidegate', Version: '1', EventID: event.type, ...attributes };
}
