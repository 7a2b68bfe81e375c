import type { AuditEvent } from '../../../src/model/audit-event.js';
import { eventTypeOf } from '../../../src/model/event-types.js';
import type { HeaderStyle, OutputType } from '../../../src/model/integration.js';
import { expectedSyslogText } from '../expected-text.js';
import { formatSettings } from '../format-settings.js';
import type { CefMessage } from '../parsers/cef.js';
import type { LeefMessage } from '../parsers/leef.js';
import type { ReceivedRecord } from '../parsers/record.js';
import { headerOf, projectElement, projectHeader } from './headers.js';
import { comparableOcsf, projectEcs, projectJson, projectOcsf } from './objects.js';
import { type Pairs, projectCef, projectLeef } from './pairs.js';

const HOSTNAME = formatSettings().hostname;

export interface ProjectionOptions {
  /** Of Syslog text: what stands in front of it. */
  header?: Exclude<HeaderStyle, 'none'>;
  /** Lists as the parts of a split event have them together: no name left out. */
  wholeLists?: boolean;
}

/** What a receiver must make of an event, by output type; a pure function of both. */
export function projectionOf(outputType: OutputType, event: AuditEvent, sequence: string, { header = 'rfc5424', wholeLists = false }: ProjectionOptions = {}): unknown {
  switch (outputType) {
    case 'syslog': {
      const text = expectedSyslogText(event.message) || (eventTypeOf(event.type)?.name ?? 'Event');
      return { ...projectHeader(event, HOSTNAME, header), ...projectElement(event, sequence), text: joined(text, wholeLists) };
    }
    case 'json': return projectJson(event, sequence);
    case 'cef': return projectCef(event, sequence, HOSTNAME, wholeLists);
    case 'leef': return projectLeef(event, sequence, HOSTNAME, wholeLists);
    case 'ocsf': return projectOcsf(event, sequence);
    case 'ecs': return projectEcs(event, sequence, HOSTNAME);
  }
}

/** Where a text was parted there was a space, or several: only the words of the parts are compared. */
function joined(text: string, split: boolean): string {
  return split ? text.replaceAll(' ', '') : text;
}

/** What our own strict parser made of a record, in the terms of the projection. */
export function receivedOf(outputType: OutputType, record: ReceivedRecord): unknown {
  switch (outputType) {
    case 'syslog': return { ...headerOf(record), ...Object.fromEntries(record.data ?? []), text: record.text };
    case 'json': return record.json;
    case 'cef': return record.cef && cefPairs(record.cef);
    case 'leef': return record.leef && leefPairs(record.leef);
    case 'ocsf': return comparableOcsf(record.ocsf ?? {});
    case 'ecs': return record.ecs;
  }
}

function cefPairs({ version, vendor, product, deviceVersion, signatureId, name, severity, extension }: CefMessage): Pairs {
  return { version: String(version), deviceVendor: vendor, deviceProduct: product, deviceVersion, deviceEventClassId: signatureId, name, severity: String(severity), ...Object.fromEntries(extension) };
}

export function leefPairs({ version, vendor, product, deviceVersion, eventId, attributes }: LeefMessage): Pairs {
  return { 'LEEF:Version': version, Vendor: vendor, Product: product, Version: deviceVersion, EventID: eventId, ...Object.fromEntries(attributes) };
}

/** @returns where the two differ first, or null when they are equal; the order of members is not compared. */
export function difference(expected: unknown, received: unknown, path = ''): string | null {
  if (same(expected, received)) return null;
  const objects = typeof expected === 'object' && typeof received === 'object' && expected !== null && received !== null && Array.isArray(expected) === Array.isArray(received);
  if (!objects) return `${path || 'the record'}: expected ${show(expected)}, received ${show(received)}`;
  for (const name of new Set([...Object.keys(expected), ...Object.keys(received)])) {
    const found = difference((expected as Record<string, unknown>)[name], (received as Record<string, unknown>)[name], `${path}/${name}`);
    if (found !== null) return found;
  }
  return null;
}

/** Whether two values of JSON are equal, but for the order of members; a member that is undefined is none. */
function same(expected: unknown, received: unknown): boolean {
  if (expected === received) return true;
  if (typeof expected !== 'object' || typeof received !== 'object' || expected === null || received === null) return Object.is(expected, received);
  if (Array.isArray(expected)) return Array.isArray(received) && expected.length === received.length && expected.every((item, index) => same(item, received[index]));
  if (Array.isArray(received)) return false;
  const [one, other] = [expected as Record<string, unknown>, received as Record<string, unknown>];
  return Object.keys(one).every((name) => (Object.hasOwn(other, name) ? same(one[name], other[name]) : one[name] === undefined)) && Object.keys(other).every((name) => Object.hasOwn(one, name) || other[name] === undefined);
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 300);
}
