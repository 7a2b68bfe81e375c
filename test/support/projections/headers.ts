import type { AuditEvent } from '../../../src/model/audit-event.js';
import type { HeaderStyle } from '../../../src/model/integration.js';
import type { ReceivedRecord } from '../parsers/record.js';
import { meaningOf } from './meaning.js';

/** What stands in front of a record, by docs/reference/formats.md ("Headers") and apart from the renderers. Key to value, as receivers name them. */
export type Header = Record<string, string>;

export function projectHeader(event: AuditEvent, hostname: string, style: Exclude<HeaderStyle, 'none'>): Header {
  const { severity, timestamp } = meaningOf(event);
  const level = severity <= 1 ? 6 : severity <= 3 ? 5 : severity <= 6 ? 4 : severity <= 8 ? 3 : 2;
  const shared = { facility: '13', level: String(level), hostname, appName: 'tidegate' };
  return style === 'rfc5424' ? { ...shared, time: timestamp, msgId: event.type } : { ...shared, time: timestamp.slice(5, 19) };
}

/** Our element in front of all but Syslog text: our own values alone. */
export function projectIdentity(event: AuditEvent, sequence: string): Header {
  const { replay } = meaningOf(event);
  return { id: event.id, type: event.type, seq: sequence, ...(replay === undefined ? {} : { replay }) };
}

/** Our element in front of Syslog text. */
export function projectElement(event: AuditEvent, sequence: string): Header {
  const { actor, subject, outcome, correlationId } = event;
  const words = { outcome, actor: word(actor.name, actor.id), subject: word(subject.name, subject.id), correlation: word(correlationId) };
  return { ...projectIdentity(event, sequence), ...Object.fromEntries(Object.entries(words).filter(([, value]) => value !== '')) };
}

const MOST = 64;
/** What weak receivers fail on although RFC 5424 allows it, escaped or not. */
const UNSAFE = ['"', '\\', '[', ']', '|'];

function isPlain(character: string): boolean {
  return character >= ' ' && character <= '~' && !UNSAFE.includes(character);
}

/** The first text that can stand as it is; else the first that says something, with `_` for what is not plain. */
function word(...texts: ReadonlyArray<string | undefined>): string {
  const asItIs = texts.find((text) => text !== undefined && text !== '' && text.length <= MOST && text === text.trim() && Array.from(text).every(isPlain) && !text.includes('EF:'));
  if (asItIs !== undefined) return asItIs;
  const first = texts.map((text) => text?.trim() ?? '').find((text) => text !== '') ?? '';
  return Array.from(first.slice(0, MOST), (character) => (isPlain(character) ? character : '_')).join('').split('EF:').join('EF_').trim();
}

/** The header of a record that our own strict parser read, in the terms of the projection. */
export function headerOf({ header }: Pick<ReceivedRecord, 'header'>): Header {
  if (header === undefined) return {};
  const { facility, severity, timestamp, hostname, appName, msgId } = header;
  return { facility: String(facility), level: String(severity), hostname, appName, time: msgId === undefined ? timeWithoutYear(timestamp) : timestamp, ...(msgId === undefined ? {} : { msgId }) };
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** `Mmm dd hh:mm:ss` as `mm-ddThh:mm:ss`. */
function timeWithoutYear(text: string): string {
  const month = MONTHS.indexOf(text.slice(0, 3)) + 1;
  return `${String(month).padStart(2, '0')}-${text.slice(4, 6).replace(' ', '0')}T${text.slice(7)}`;
}
