import { isUtf8 } from 'node:buffer';
import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import type { LogRecord } from '../../contracts/event-log.js';
import type { EnvelopedEvent } from '../../model/audit-event.js';
import { decodeEnvelope } from '../../model/event-envelope.js';
import type { JsonObject } from '../../model/json.js';
import { fromEnvelope } from './cloud-events.js';
import { EventCheck } from './event-check.js';
import { scanJson } from './json-scan.js';

/** The producer of every record that others wrote into the topic themselves; nothing in the record can change it. */
export const FOREIGN_PRODUCER = 'external';
/** The attribute under which receivers see that. */
export const PRODUCED_BY = 'producedBy';
/** Binary mode of the Kafka protocol binding 1.0.2, section 3.2: attributes of the envelope are headers with this prefix. */
const HEADER_PREFIX = 'ce_';

export type ForeignOutcome = { type: 'event'; enveloped: EnvelopedEvent } | { type: 'refused'; reason: string };

/**
 * Reads what somebody wrote into the topic without going through the door: held to the same limits, checks and masking, and completed in the same way. The answer depends
 * on the record alone (the time of receipt is that of the log), so every engine gets the same event from it, each time that it is read.
 */
@Injectable()
export class ForeignRecords {
  constructor(
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'intake'>,
    private readonly check: EventCheck,
  ) {}

  /** Never throws for data. */
  read(record: Pick<LogRecord, 'value' | 'headers' | 'timestamp'>): ForeignOutcome {
    const envelope = this.envelopeOf(record);
    if (typeof envelope === 'string') return { type: 'refused', reason: envelope };
    // Our own names in an envelope of others would be believed.
    const { tidegateproducer: _producer, ...sent } = envelope;
    const content = fromEnvelope(sent, '', this.settings.intake.depth);
    if ('fault' in content) return refused(content.fault.pointer, content.fault.reason);
    const { event, source, locate } = content;
    const attributes = event['attributes'] ?? {};
    if (typeof attributes === 'object' && !Array.isArray(attributes)) event['attributes'] = { ...attributes, [PRODUCED_BY]: FOREIGN_PRODUCER };
    const outcome = this.check.check(event, { producer: FOREIGN_PRODUCER, source, nowMs: record.timestamp, own: false, everyFault: true });
    if (outcome.type === 'checked') return { type: 'event', enveloped: decodeEnvelope(outcome.event.record) };
    const [first = { pointer: '', reason: 'is not valid' }] = outcome.faults;
    return refused(locate(first.pointer), `${first.reason}${outcome.faults.length > 1 ? ` (and ${outcome.faults.length - 1} more)` : ''}`);
  }

  /** The CloudEvents envelope, or why there is none. */
  private envelopeOf({ value, headers = {} }: Pick<LogRecord, 'value' | 'headers'>): JsonObject | string {
    const { eventBytes, depth } = this.settings.intake;
    if (value.length > eventBytes) return `the record holds ${value.length} bytes; at most ${eventBytes} are taken (intake.eventBytes)`;
    if (!isUtf8(value)) return 'the record is not JSON in UTF-8';
    const context = Object.entries(headers).filter(([name]) => name.startsWith(HEADER_PREFIX));
    const binary = context.length > 0;
    if ((scanJson(value, 1).depths[0] ?? 0) > (binary ? depth : depth + 1)) return `the record is nested deeper than ${depth} levels (intake.depth)`;
    const parsed = objectOf(value);
    if (!parsed) return 'the record is not a JSON object';
    return binary ? { ...Object.fromEntries(context.map(([name, text]) => [name.slice(HEADER_PREFIX.length), text])), datacontenttype: headers['content-type'] ?? 'application/json', data: parsed } : parsed;
  }
}

function objectOf(value: Uint8Array): JsonObject | undefined {
  try {
    const parsed = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8')) as unknown;
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

function refused(pointer: string, reason: string): ForeignOutcome {
  return { type: 'refused', reason: `${pointer === '' ? '' : `${pointer} `}${reason}` };
}
