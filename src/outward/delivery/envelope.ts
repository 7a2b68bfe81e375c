import type { FormatSettings } from '../../contracts/format.js';
import type { AuditEvent } from '../../model/audit-event.js';
import { isJsonOutput, type IntegrationSettings } from '../../model/integration.js';

/**
 * What an HTTP intake wants around each event. Plain values: they are part of a shape, so integrations with equal envelopes share one rendering, and the
 * transport only joins octets.
 */
export type EnvelopeSettings =
  /** A line of NDJSON. */
  | { kind: 'line' }
  /** An element of a JSON array; the transport writes brackets and commas. */
  | { kind: 'element' }
  /** CloudEvents 1.0, structured JSON: an element of a batch. Without a subject: what a mask hides must not show here. */
  | { kind: 'cloudevent'; source: string }
  /** An object of the Splunk HTTP Event Collector. */
  | { kind: 'splunk-hec'; host: string; source: string; sourcetype: string; index?: string; json: boolean }
  /** An action line and a document line of `_bulk`. */
  | { kind: 'elastic-bulk'; timestamp: boolean };

/** @param part the number of the part of a split event, from 1; null for a whole one */
export type Envelope = (text: string, event: AuditEvent, sequence: string | null, part: number | null) => string;

/** The sourcetype that fills in: those for which Splunk brings an extraction of its own. */
const SOURCETYPES: Record<string, string> = { syslog: 'syslog', cef: 'cef', leef: 'leef' };

/** The envelope of an integration; null where messages are framed (udp, tcp, tls, relp). */
export function envelopeSettingsOf(settings: IntegrationSettings, format: FormatSettings): EnvelopeSettings | null {
  const { protocol, outputType, connection } = settings;
  switch (protocol) {
    case 'http':
      if (connection.http.body === 'ndjson') return { kind: 'line' };
      return connection.http.body === 'json-array' ? { kind: 'element' } : { kind: 'cloudevent', source: `//${encodeURIComponent(format.hostname)}/tidegate` };
    case 'splunk-hec': {
      const { source, sourcetype, index } = connection.splunk;
      const json = isJsonOutput(outputType);
      return { kind: 'splunk-hec', host: format.hostname, source: source ?? format.appName, sourcetype: sourcetype ?? (json ? '_json' : (SOURCETYPES[outputType] ?? 'tidegate')), ...(index === undefined ? {} : { index }), json };
    }
    case 'elastic-bulk':
      // ECS documents have their time already.
      return { kind: 'elastic-bulk', timestamp: outputType !== 'ecs' };
    default:
      return null;
  }
}

/** Pure: one rendered event in, what the intake wants for it out. What is the same for every event is made once. */
export function compileEnvelope(settings: EnvelopeSettings): Envelope {
  switch (settings.kind) {
    case 'line':
      return (text) => `${text}\n`;
    case 'element':
      return (text) => text;
    case 'cloudevent':
      return (text, event, sequence, part) => {
        const { type, occurredAt } = event;
        const attributes = JSON.stringify({ specversion: '1.0', id: idOf(event, part), source: settings.source, type, time: occurredAt, ...(sequence === null ? {} : { sequence }), datacontenttype: 'application/json' });
        return `${attributes.slice(0, -1)},"data":${text}}`;
      };
    case 'splunk-hec': {
      const { host, source, sourcetype, index, json } = settings;
      const constants = JSON.stringify({ host, source, sourcetype, ...(index === undefined ? {} : { index }) }).slice(1, -1);
      return (text, event, sequence) => {
        const time = Date.parse(event.occurredAt);
        // Indexed beside the text, so that repeats can be found without reading it.
        const fields = JSON.stringify({ tidegate_id: event.id, ...(sequence === null ? {} : { tidegate_sequence: sequence }) });
        return `{${Number.isNaN(time) ? '' : `"time":${(time / 1000).toFixed(3)},`}${constants},"fields":${fields},"event":${json ? text : JSON.stringify(text)}}\n`;
      };
    }
    case 'elastic-bulk':
      return (text, event, _sequence, part) => {
        const document = settings.timestamp && text.startsWith('{"') ? `{"@timestamp":${JSON.stringify(event.occurredAt)},${text.slice(1)}` : text;
        return `{"create":{"_id":${JSON.stringify(idOf(event, part))}}}\n${document}\n`;
      };
  }
}

/** Each part of a split event needs an id of its own where the receiver keeps one document an id. */
function idOf(event: AuditEvent, part: number | null): string {
  return part === null ? event.id : `${event.id}.${part}`;
}
