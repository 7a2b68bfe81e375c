import type { AuditEvent } from '../model/audit-event.js';
import type { StoredEvent } from '../model/event-envelope.js';
import type { ExtraField } from '../model/event-mask.js';
import type { HeaderStyle, IntegrationSettings, OutputType } from '../model/integration.js';

/** All that decides how an event looks on the wire, framing aside. Two integrations with equal settings share one rendering. */
export interface FormatSettings {
  outputType: OutputType;
  header: HeaderStyle;
  /** Syslog facility 0..23 (RFC 5424, 6.2.1). */
  facility: number;
  /** Syslog APP-NAME or TAG, printable ASCII, at most 48 octets (32 as a TAG). */
  appName: string;
  /** Syslog HOSTNAME, printable ASCII, at most 255 octets. */
  hostname: string;
  /** Private enterprise number of the structured data id `tidegate@<number>` (RFC 5424, 7.2.2). */
  enterpriseNumber: number;
  /** A byte order mark before UTF-8 text (RFC 5424, 6.4); most receivers keep it as text, so off by default. */
  bom: boolean;
  /** IANA zone of an RFC 3164 timestamp, which carries none. */
  timeZone: string;
  /** Upper bound of the whole message in octets, framing not counted. */
  maxBytes: number;
  /**
   * Beyond `maxBytes`: `shorten` cuts or drops fields by the priority that the format declares, on character borders, and says so in the event; `split` makes several
   * records of it, without cutting a value; `reject` makes it a dead letter.
   */
  oversize: IntegrationSettings['output']['oversize'];
  /** Constant fields for formats that have no place for free attributes, written as `extra<Name>`; formats that show attributes have them there. */
  extraFields?: readonly ExtraField[];
  cef: IntegrationSettings['output']['cef'];
  leef: IntegrationSettings['output']['leef'];
  ocsf: IntegrationSettings['output']['ocsf'];
  ecs: IntegrationSettings['output']['ecs'];
}

export type Rendered =
  | { type: 'rendered'; text: string; shortened: boolean }
  /**
   * One event as several records, at least two, in their order: each is valid on its own and carries id, sequence and which part of how many it is.
   * They are one event all the same: they leave in one chunk and are delivered, or sent again, together. A receiver that stores under an id of
   * our choice needs one for each part: `<event id>.<part number>`.
   */
  | { type: 'parts'; texts: readonly string[] }
  /** This event can never be rendered with these settings; the reason is for the administrator. */
  | { type: 'reject'; code: RejectCode; reason: string };

export type RejectCode = 'message-too-long' | 'not-renderable' | 'record-unreadable' | 'refused-by-receiver';

export interface Renderer {
  /**
   * One event in, one record out (or its parts): no line break, NUL or other control character, nothing forged, nothing cut inside a character; UTF-8 when encoded.
   * The tab between two attributes of LEEF is the one control character.
   * @param sequence the log position `<partition>.<offset>`; null for what never lay in the log (test event, preview).
   */
  render(event: AuditEvent, sequence: string | null): Rendered;
  /**
   * The same record of an event that lies in the log as it is to be sent, without parsing it: what stands in front of what `stored.writeTo` writes. Null where that does not do;
   * a format that changes each event has no such way.
   */
  renderStored?(stored: StoredEvent): string | null;
}

/** An output type. `compile` does the work that is the same for every event once. Pure: no clock, no I/O. */
export interface Format {
  readonly outputType: OutputType;
  readonly headers: readonly HeaderStyle[];
  compile(settings: FormatSettings): Renderer;
}
