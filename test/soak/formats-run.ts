import fc from 'fast-check';
import type { AuditEvent } from '../../src/model/audit-event.js';
import { OUTPUT_TYPES, type OutputType } from '../../src/model/integration.js';
import { formatFor } from '../../src/outward/formats/index.js';
import { formatSettings } from '../support/format-settings.js';
import { oneRecord } from '../support/one-record.js';
import { parseRecord } from '../support/parsers/record.js';
import { difference, projectionOf, receivedOf } from '../support/projections/compare.js';
import { joinParts } from '../support/projections/parts.js';
import { randomEvent } from '../support/random-events.js';

/** Larger than any event, so that only the limits of the format itself cut. */
const UNLIMITED = 64 * 1024 * 1024;
const SPLIT_OCTETS = 2048;
const BLOCK = 500;

export interface FormatsRun {
  seed: number;
  events: number;
  /** Of a hundred texts, how many are long. */
  longShare: number;
  /** Every how many events the parts of a split event are compared, too. */
  splitEvery: number;
  onBlock?: (done: number) => void;
}

export interface FormatsOutcome {
  events: number;
  /** By output type: records compared, and their octets. */
  records: Record<OutputType, number>;
  octets: Record<OutputType, number>;
  /** Split events compared, the parts that they made, and those with a value too long for any part. */
  split: number;
  parts: number;
  refused: number;
}

/** Random events through every format and back through parsers that were written apart from it. @throws Error with seed, event and place of the first difference */
export function runFormats({ seed, events, longShare, splitEvery, onBlock }: FormatsRun): FormatsOutcome {
  const zero = () => Object.fromEntries(OUTPUT_TYPES.map((type) => [type, 0])) as Record<OutputType, number>;
  const outcome: FormatsOutcome = { events: 0, records: zero(), octets: zero(), split: 0, parts: 0, refused: 0 };
  const whole = OUTPUT_TYPES.map((outputType) => renderer(outputType, UNLIMITED, 'shorten'));
  const split = OUTPUT_TYPES.map((outputType) => renderer(outputType, SPLIT_OCTETS, 'split'));
  const arbitrary = randomEvent(longShare);
  while (outcome.events < events) {
    const blockSeed = seed + outcome.events;
    fc.sample(arbitrary, { seed: blockSeed, numRuns: Math.min(BLOCK, events - outcome.events) }).forEach((sample, index) => {
      // As the engine has it: read back from the log.
      const event = JSON.parse(JSON.stringify(sample)) as AuditEvent;
      const sequence = `${index % 12}.${outcome.events}`;
      for (const each of whole) checked(each, event, sequence, blockSeed, compareWhole, outcome);
      if (outcome.events % splitEvery === 0) for (const each of split) checked(each, event, sequence, blockSeed, compareSplit, outcome);
      outcome.events += 1;
    });
    onBlock?.(outcome.events);
  }
  return outcome;
}

function renderer(outputType: OutputType, maxBytes: number, oversize: 'shorten' | 'split') {
  const header = outputType === 'syslog' ? ('rfc5424' as const) : ('none' as const);
  return { outputType, header, renderer: formatFor(outputType).compile(formatSettings({ outputType, header, maxBytes, oversize })) };
}
type Each = ReturnType<typeof renderer>;
type Compare = (each: Each, event: AuditEvent, sequence: string, outcome: FormatsOutcome) => string | null;

function checked(each: Each, event: AuditEvent, sequence: string, seed: number, compare: Compare, outcome: FormatsOutcome): void {
  let found: string | null;
  try {
    found = compare(each, event, sequence, outcome);
  } catch (error) {
    found = error instanceof Error ? error.message : String(error);
  }
  if (found !== null) throw new Error(`${each.outputType}, seed ${seed}: ${found}\n${JSON.stringify(event)}`);
}

function compareWhole({ outputType, header, renderer: format }: Each, event: AuditEvent, sequence: string, outcome: FormatsOutcome): string | null {
  const octets = Buffer.from(oneRecord(format.render(event, sequence)).text);
  outcome.records[outputType] += 1;
  outcome.octets[outputType] += octets.length;
  return difference(projectionOf(outputType, event, sequence), receivedOf(outputType, parseRecord(octets, outputType, header)));
}

/** Only events that are too long are split; their parts together are the event. */
function compareSplit({ outputType, header, renderer: format }: Each, event: AuditEvent, sequence: string, outcome: FormatsOutcome): string | null {
  const rendered = format.render(event, sequence);
  if (rendered.type === 'rendered') return Buffer.byteLength(rendered.text) <= SPLIT_OCTETS ? null : 'longer than the limit';
  if (rendered.type === 'reject') {
    outcome.refused += 1;
    return rendered.code === 'message-too-long' ? null : rendered.reason;
  }
  const records = rendered.texts.map((text) => {
    const octets = Buffer.from(text);
    if (octets.length > SPLIT_OCTETS) throw new Error(`a part of ${octets.length} octets`);
    return parseRecord(octets, outputType, header);
  });
  for (const [index, { id, type, sequence: position, part, parts }] of records.entries()) {
    if (id !== event.id || type !== event.type || position !== sequence || part !== index + 1 || parts !== records.length) return `part ${index + 1} of ${records.length} says ${JSON.stringify({ id, type, position, part, parts })}`;
  }
  outcome.split += 1;
  outcome.parts += records.length;
  return difference(projectionOf(outputType, event, sequence, true), joinParts(outputType, records.map((record) => receivedOf(outputType, record))));
}
