import type { HeaderStyle, OutputType } from '../../../src/model/integration.js';
import { parseJsonOutput } from '../json-output.js';
import { type CefMessage, parseCef } from './cef.js';
import { parseEcs } from './ecs.js';
import { memberOf, parseJsonObject } from './json-object.js';
import { type LeefMessage, parseLeef } from './leef.js';
import { parseRfc3164, splitElement } from './rfc3164.js';
import { parseRfc5424 } from './rfc5424.js';
import { strictText } from './strict-text.js';

/** What a strict receiver makes of one record. */
export interface ReceivedRecord {
  id: string | undefined;
  sequence: string | undefined;
  type: string | undefined;
  /** Whether the event itself says that it was shortened. */
  saysShortened: boolean;
  /** Of a split event: which part this is, of how many. */
  part: number | undefined;
  parts: number | undefined;
  header?: { facility: number; severity: number; timestamp: string; hostname: string; appName: string; msgId?: string };
  /** Syslog text, without our element. */
  text?: string;
  data?: Map<string, string>;
  cef?: CefMessage;
  leef?: LeefMessage;
  ocsf?: Record<string, unknown>;
  ecs?: Record<string, unknown>;
  json?: Record<string, unknown>;
}

const ELEMENT_ID = 'tidegate@32473';

/** Reads a record as a strict receiver of its kind does. @throws Error */
export function parseRecord(octets: Uint8Array, outputType: OutputType, style: HeaderStyle): ReceivedRecord {
  const { header, data, body } = parseHeader(strictText(octets, outputType === 'leef'), outputType, style);
  switch (outputType) {
    case 'syslog': return { header, data, text: body, id: data?.get('id'), sequence: data?.get('seq'), type: data?.get('type'), saysShortened: data?.has('truncated') ?? false, ...partOf(data?.get('part'), data?.get('parts')) };
    case 'cef': {
      const cef = parseCef(body);
      const { extension } = cef;
      return { header, data, cef, id: extension.get('externalId'), sequence: extension.get('TidegateSequence'), type: extension.get('cs6'), saysShortened: extension.has('cn3'), ...partOf(extension.get('TidegatePart'), extension.get('TidegateParts')) };
    }
    case 'leef': {
      const leef = parseLeef(body);
      const { attributes } = leef;
      return { header, data, leef, id: attributes.get('externalId'), sequence: attributes.get('sequence'), type: leef.eventId, saysShortened: attributes.has('truncatedFields'), ...partOf(attributes.get('part'), attributes.get('parts')) };
    }
    case 'json': {
      const json = parseJsonOutput(body);
      return { header, data, json, id: textMember(json.id), sequence: textMember(json.sequence), type: textMember(json.type), saysShortened: json.truncated !== undefined, ...partOf(json.part, json.parts) };
    }
    case 'ocsf': {
      const ocsf = parseJsonObject(body);
      const own = (name: string) => memberOf(ocsf, 'unmapped', name);
      return { header, data, ocsf, id: textMember(memberOf(ocsf, 'metadata', 'uid')), sequence: textMember(own('sequence')), type: textMember(memberOf(ocsf, 'metadata', 'event_code')), saysShortened: own('truncated') !== undefined, ...partOf(own('part'), own('parts')) };
    }
    case 'ecs': {
      const ecs = parseEcs(body);
      const own = (name: string) => memberOf(ecs, 'tidegate', name);
      return { header, data, ecs, id: textMember(memberOf(ecs, 'event', 'id')), sequence: textMember(own('sequence')), type: textMember(memberOf(ecs, 'event', 'action')), saysShortened: own('truncated') !== undefined, ...partOf(own('part'), own('parts')) };
    }
  }
}

function partOf(part: unknown, parts: unknown): Pick<ReceivedRecord, 'part' | 'parts'> {
  return { part: part === undefined ? undefined : Number(part), parts: parts === undefined ? undefined : Number(parts) };
}

function textMember(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The header of a record and what stands behind it. @throws Error */
export function parseHeader(text: string, outputType: OutputType, style: HeaderStyle): Pick<ReceivedRecord, 'header' | 'data'> & { body: string } {
  switch (style) {
    case 'none': return { body: text };
    case 'rfc5424': {
      const { facility, severity, timestamp, hostname, appName, msgId, data, message } = parseRfc5424(text);
      if (data.size > 1) throw new Error('more than one element');
      return { header: { facility, severity, timestamp, hostname, appName, msgId }, data: data.get(ELEMENT_ID), body: message };
    }
    case 'rfc3164': {
      const { facility, severity, timestamp, hostname, tag, message } = parseRfc3164(text);
      const header = { facility, severity, timestamp, hostname, appName: tag };
      if (outputType !== 'syslog') return { header, body: message };
      const { element, text: body } = splitElement(message);
      // The element has the form of RFC 5424, so its parser reads it.
      return { header, data: parseRfc5424(`<0>1 - - - - - ${element}`).data.get(ELEMENT_ID), body };
    }
  }
}
