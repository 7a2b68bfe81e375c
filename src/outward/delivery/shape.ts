import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { FormatSettings } from '../../contracts/format.js';
import type { AuditEvent } from '../../model/audit-event.js';
import { isHttpKind, PROTOCOL_TABLE, type Framing, type IntegrationSettings, type Protocol } from '../../model/integration.js';
import { compileEnvelope, envelopeSettingsOf, type Envelope } from './envelope.js';

/** A shape is all that decides the bytes of an event: integrations of one shape share one rendering. */
export interface Shape {
  /** Equal for equal shapes. */
  key: string;
  format: FormatSettings;
  /** How messages are told apart in the rendered bytes; `none` for one message a buffer. */
  framing: Framing | 'none';
  /** What an HTTP intake wants around each event. */
  envelope?: Envelope;
}

/** What the format needs to know, with the machine's name where the administrator gave none. */
export function formatSettingsOf(settings: IntegrationSettings, machineHostname: string): FormatSettings {
  const { output } = settings;
  return {
    outputType: settings.outputType,
    header: settings.header,
    facility: output.facility,
    appName: output.appName,
    hostname: output.hostname ?? machineHostname,
    enterpriseNumber: output.enterpriseNumber,
    bom: output.bom,
    timeZone: output.timeZone,
    maxBytes: output.maxBytes ?? PROTOCOL_TABLE[settings.protocol].defaultMaxBytes,
    oversize: output.oversize,
    ...(output.extraFields.length === 0 ? {} : { extraFields: output.extraFields }),
    cef: { ...output.cef },
    leef: { ...output.leef },
    ocsf: { ...output.ocsf },
    ecs: { ...output.ecs },
  };
}

/** RFC 5426, 3.1: a datagram is a message, and so is a RELP frame; streams are framed as RFC 6587 says; over HTTP an envelope does it. */
export function framingOf(protocol: Protocol, framing: Framing): Framing | 'none' {
  return protocol === 'udp' || protocol === 'relp' || isHttpKind(protocol) ? 'none' : framing;
}

export function shapeOf(settings: IntegrationSettings, machineHostname: string): Shape {
  const format = formatSettingsOf(settings, machineHostname);
  const framing = framingOf(settings.protocol, settings.framing);
  const envelope = envelopeSettingsOf(settings, format);
  return { key: JSON.stringify([framing, format, envelope, ...viewKey(settings.output)]), format, framing, ...(envelope === null ? {} : { envelope: compileEnvelope(envelope) }) };
}

/** What of the mask decides the bytes; nothing where there is none. */
function viewKey({ mask, extraFields, hashKey }: IntegrationSettings['output']): unknown[] {
  if (mask.length === 0 && extraFields.length === 0) return [];
  return [mask, extraFields, hashKey === undefined ? null : createHash('sha256').update(hashKey).digest('base64')];
}

/** The messages of one rendered event, framed or in their envelopes; of a split event the part numbers begin with 1. */
export function wiredTexts(shape: Pick<Shape, 'envelope'>, texts: readonly string[], event: AuditEvent, sequence: string | null): readonly string[] {
  const { envelope } = shape;
  if (!envelope) return texts;
  return texts.map((text, index) => envelope(text, event, sequence, texts.length === 1 ? null : index + 1));
}

/** One rendered message as it goes onto the wire. RFC 6587, 3.4.1 (octet counting) and 3.4.2 (newline). */
export function frame(text: string, framing: Framing, protocol: Protocol): Buffer {
  switch (framingOf(protocol, framing)) {
    case 'none':
      return Buffer.from(text, 'utf8');
    case 'newline':
      return Buffer.from(`${text}\n`, 'utf8');
    case 'octet-counting':
      return Buffer.from(`${Buffer.byteLength(text, 'utf8')} ${text}`, 'utf8');
  }
}

/** The name of this machine as syslog HOSTNAME: printable ASCII (RFC 5424, 6.2.4). */
export function machineHostname(): string {
  return hostname().replace(/[^\x21-\x7e]/g, '-').slice(0, 255) || 'tidegate';
}
