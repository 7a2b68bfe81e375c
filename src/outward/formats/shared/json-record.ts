import type { FormatSettings, Rendered } from '../../../contracts/format.js';
import type { JsonObject } from '../../../model/json.js';
import { type EventFacts, tooLong } from './event-facts.js';
import type { JsonPath } from './json-path.js';
import { type CuttableMember, shortenJson } from './json-shorten.js';
import { type PartPlace, splitJson, type SpreadMember } from './json-split.js';
import { jsonText } from './json-text.js';
import { renderedParts } from './split.js';
import type { StructuredData } from './structured-data.js';
import type { SyslogHeader } from './syslog-header.js';
import { fits, octetsOf } from './utf8.js';

/** What a format whose records are JSON objects does beyond the message limit. */
export interface JsonRoom {
  /** The members that are cut, then left out, those that go first in front; all others stay whole. */
  cutOrder: readonly CuttableMember[];
  /** Adds to a record that will be cut what must outlive the cutting. */
  beforeCutting?(record: JsonObject): void;
  /** Where a record names what was cut. */
  truncated: JsonPath;
  /** The members that a split event spreads over its parts, in this order; all others stand in every part. */
  spread: readonly SpreadMember[];
  /** Where a part says which it is. */
  part: PartPlace;
}

/** A record behind its header, brought within the limit as the settings say. @param json the whole record as `jsonText` writes it */
export function renderJson(settings: FormatSettings, header: SyslogHeader, data: StructuredData, facts: EventFacts, json: string, room: JsonRoom): Rendered {
  const before = header.before(facts, data.identity(facts));
  const text = before + json;
  const { maxBytes } = settings;
  if (fits(text, maxBytes)) return { type: 'rendered', text, shortened: false };
  switch (settings.oversize) {
    case 'reject': return tooLong(octetsOf(text), maxBytes);
    // Before the event is given up the structured data goes, whose values the object has too.
    case 'shorten': return shortened(before, json, room, maxBytes) ?? shortened(header.before(facts, ''), json, room, maxBytes) ?? tooLong(octetsOf(text), maxBytes);
    case 'split': return split(before, json, room, maxBytes);
  }
}

function shortened(before: string, json: string, room: JsonRoom, maxBytes: number): Rendered | null {
  // A copy of its own, to be cut: rare enough to be parsed again.
  const record = JSON.parse(json) as JsonObject;
  room.beforeCutting?.(record);
  if (!shortenJson(record, room.cutOrder, room.truncated, maxBytes - octetsOf(before))) return null;
  return { type: 'rendered', text: before + jsonText(record), shortened: true };
}

function split(before: string, json: string, { spread, part }: JsonRoom, maxBytes: number): Rendered {
  const outcome = splitJson(JSON.parse(json) as JsonObject, spread, part, maxBytes - octetsOf(before));
  return renderedParts(outcome.type === 'parts' ? { type: 'parts', parts: outcome.parts.map((record) => before + jsonText(record)) } : outcome, maxBytes);
}
