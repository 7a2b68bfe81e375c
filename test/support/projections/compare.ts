import { isDeepStrictEqual } from 'node:util';
import type { AuditEvent } from '../../../src/model/audit-event.js';
import { eventTypeOf } from '../../../src/model/event-types.js';
import type { OutputType } from '../../../src/model/integration.js';
import { expectedSyslogText } from '../expected-text.js';
import { formatSettings } from '../format-settings.js';
import type { ReceivedRecord } from '../parsers/record.js';
import { meaningOf } from './meaning.js';
import { comparableEcs, comparableOcsf, projectEcs, projectJson, projectOcsf } from './objects.js';
import { projectCef, projectLeef } from './pairs.js';

const HOSTNAME = formatSettings().hostname;

/** What a receiver must make of an event, by output type; a pure function of both. */
export function projectionOf(outputType: OutputType, event: AuditEvent, sequence: string, wholeLists = false): unknown {
  switch (outputType) {
    case 'syslog': return { id: event.id, type: event.type, sequence, outcome: event.outcome, replay: meaningOf(event).replay, text: joined(expectedSyslogText(event.message) || (eventTypeOf(event.type)?.name ?? 'Event'), wholeLists) };
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

/** What a parser made of a record, in the terms of the projection. */
export function receivedOf(outputType: OutputType, record: ReceivedRecord): unknown {
  switch (outputType) {
    case 'syslog': return { id: record.id, type: record.type, sequence: record.sequence, outcome: record.data?.get('outcome'), replay: record.data?.get('replay'), text: record.text };
    case 'json': return record.json;
    case 'cef': return Object.fromEntries([...(record.cef?.extension ?? [])].filter(([key]) => !key.endsWith('Label')));
    case 'leef': return Object.fromEntries(record.leef?.attributes ?? []);
    case 'ocsf': return comparableOcsf(record.ocsf ?? {});
    case 'ecs': return comparableEcs(record.ecs ?? {});
  }
}

/** @returns where the two differ first, or null when they are equal; the order of members is not compared. */
export function difference(expected: unknown, received: unknown, path = ''): string | null {
  if (isDeepStrictEqual(expected, received)) return null;
  const objects = typeof expected === 'object' && typeof received === 'object' && expected !== null && received !== null && Array.isArray(expected) === Array.isArray(received);
  if (!objects) return `${path || 'the record'}: expected ${show(expected)}, received ${show(received)}`;
  for (const name of new Set([...Object.keys(expected), ...Object.keys(received)])) {
    const found = difference((expected as Record<string, unknown>)[name], (received as Record<string, unknown>)[name], `${path}/${name}`);
    if (found !== null) return found;
  }
  return null;
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 300);
}
