import fc from 'fast-check';
import type { FormatSettings } from '../../src/contracts/format.js';
import type { AuditEvent } from '../../src/model/audit-event.js';
import { type HeaderStyle, OUTPUT_TYPES, type OutputType } from '../../src/model/integration.js';
import { formatFor } from '../../src/outward/formats/index.js';
import { formatSettings } from '../support/format-settings.js';
import { type IndependentParsers, oneSpelling } from '../support/independent-parsers.js';
import { oneRecord } from '../support/one-record.js';
import { parseHeader, parseRecord } from '../support/parsers/record.js';
import { strictText } from '../support/parsers/strict-text.js';
import { difference, projectionOf, receivedOf } from '../support/projections/compare.js';
import { headerOf, projectHeader, projectIdentity } from '../support/projections/headers.js';
import { projectLeef } from '../support/projections/pairs.js';
import { joinParts } from '../support/projections/parts.js';
import { randomEvent } from '../support/random-events.js';

/** Larger than any event, so that only the limits of the format itself cut. */
const UNLIMITED = 64 * 1024 * 1024;
const SPLIT_OCTETS = 2048;
const BLOCK = 500;
/** How many events are rendered before answers of other parsers are let in. */
const PASS = 10;
/** The strict parsers of the tests, written from the standards and apart from the renderers; for JSON with the published schema, for ECS with Elastic's own dictionary. */
const OWN = 'test parser';

export interface FormatsRun {
  seed: number;
  events: number;
  /** Of a hundred texts, how many are long. */
  longShare: number;
  /** Every how many events the parts of a split event are compared, too. */
  splitEvery: number;
  /** Parsers of other makes that read every record, too, but for those of JSON shape, which the slowest of them reads: of these, records of every so many events. */
  independent?: IndependentParsers;
  jsonEvery?: number;
  /** Where another parser reads every record: every how many events the one of the tests reads it, too. */
  ownEvery?: number;
  onBlock?: (outcome: FormatsOutcome) => void;
}

export interface Compared {
  /** Events whose record, or parts together, were compared with the projection. */
  events: number;
  records: number;
  octets: number;
}

export interface FormatsOutcome {
  events: number;
  /** By parser and what it read. */
  compared: Map<string, Compared>;
  /** Events that were split, and those with a value too long for any part. */
  split: number;
  refused: number;
  disagreements: number;
  /** The first of them: parser, seed, place and event. */
  shown: string[];
}

const MOST_SHOWN = 20;

/** Random events through every format and back through parsers that were written apart from it. */
export async function runFormats({ seed, events, longShare, splitEvery, independent, jsonEvery = 1, ownEvery = 1, onBlock }: FormatsRun): Promise<FormatsOutcome> {
  const run = new Run(independent, jsonEvery, ownEvery);
  const arbitrary = randomEvent(longShare);
  while (run.outcome.events < events) {
    const blockSeed = seed + run.outcome.events;
    const samples = fc.sample(arbitrary, { seed: blockSeed, numRuns: Math.min(BLOCK, events - run.outcome.events) });
    for (const [index, sample] of samples.entries()) {
      // As the engine has it: read back from the log.
      const event = JSON.parse(JSON.stringify(sample)) as AuditEvent;
      run.take({ event, sequence: `${index % 12}.${run.outcome.events}`, seed: blockSeed }, run.outcome.events % splitEvery === 0);
      if (index % PASS === 0) await independent?.pass();
    }
    await independent?.settled();
    onBlock?.(run.outcome);
  }
  return run.outcome;
}

interface Case {
  event: AuditEvent;
  sequence: string;
  seed: number;
}

class Run {
  readonly outcome: FormatsOutcome = { events: 0, compared: new Map(), split: 0, refused: 0, disagreements: 0, shown: [] };
  private readonly whole = [renderer('syslog', 'rfc5424'), renderer('syslog', 'rfc3164'), ...BODIES.map((outputType) => renderer(outputType, 'none'))];
  private readonly behind = BODIES.flatMap((outputType) => [renderer(outputType, 'rfc5424'), renderer(outputType, 'rfc3164')]);
  private readonly split = [renderer('syslog', 'rfc5424', SPLITTING), ...BODIES.map((outputType) => renderer(outputType, 'none', SPLITTING))];
  private readonly leef2 = renderer('leef', 'none', { leef: { ...formatSettings().leef, version: '2.0', delimiter: '^' } });

  constructor(private readonly independent: IndependentParsers | undefined, private readonly jsonEvery: number, private readonly ownEvery: number) {}

  take(each: Case, split: boolean): void {
    const bodies = this.whole.map((format) => this.wholeOf(format, each));
    // One output type behind one header at a time, all ten in turn.
    const turn = this.outcome.events % this.behind.length;
    this.behindHeader(this.behind[turn], each, bodies[2 + Math.floor(turn / 2)]);
    if (turn === 0) this.leef2Of(each);
    if (split) for (const format of this.split) this.splitOf(format, each);
    this.outcome.events += 1;
  }

  private wholeOf(format: Each, each: Case): Buffer | undefined {
    return this.guarded(OWN, format, each, () => {
      const octets = Buffer.from(oneRecord(format.render(each.event, each.sequence)).text);
      const expected = projectionOf(format.outputType, each.event, each.sequence, { header: format.header === 'none' ? undefined : format.header });
      this.compare(format, each, [octets], expected, ([received]) => received);
      return octets;
    });
  }

  /** The header, and behind it the very octets that were compared without one. */
  private behindHeader(format: Each | undefined, each: Case, body: Buffer | undefined): void {
    if (format === undefined || body === undefined || format.header === 'none') return;
    const { header } = format;
    const { event, sequence } = each;
    this.guarded(OWN, format, each, () => {
      const octets = Buffer.from(oneRecord(format.render(event, sequence)).text);
      const expected = { ...projectHeader(event, formatSettings().hostname, header), ...(header === 'rfc5424' ? projectIdentity(event, sequence) : {}), body: body.toString() };
      this.askIndependent(format, each, [octets], expected, ([received]) => received);
      this.count(OWN, format, [octets]);
      const record = parseHeader(strictText(octets, format.outputType === 'leef'), format.outputType, header);
      this.told(OWN, format, each, difference(expected, { ...headerOf(record), ...Object.fromEntries(record.data ?? []), body: record.body }));
    });
  }

  private leef2Of(each: Case): void {
    this.guarded(OWN, this.leef2, each, () => {
      const octets = Buffer.from(oneRecord(this.leef2.render(each.event, each.sequence)).text);
      this.count(`${OWN}, LEEF 2.0 parted by ^`, this.leef2, [octets]);
      const expected = projectLeef(each.event, each.sequence, formatSettings().hostname, false, '2.0', '^');
      this.told(OWN, this.leef2, each, difference(expected, receivedOf('leef', parseRecord(octets, 'leef', 'none'))));
    });
  }

  /** Only events that are too long are split; their parts together are the event. */
  private splitOf(format: Each, each: Case): void {
    this.guarded(OWN, format, each, () => {
      const rendered = format.render(each.event, each.sequence);
      if (rendered.type === 'rendered') return this.told(OWN, format, each, Buffer.byteLength(rendered.text) <= SPLIT_OCTETS ? null : 'longer than the limit');
      if (rendered.type === 'reject') {
        this.outcome.refused += 1;
        return this.told(OWN, format, each, rendered.code === 'message-too-long' ? null : rendered.reason);
      }
      const parts = rendered.texts.map((text) => Buffer.from(text));
      const wrong = parts.map((octets, index) => wrongPart(format, each, octets, index + 1, parts.length)).find((found) => found !== null);
      this.told(OWN, format, each, wrong ?? null);
      this.outcome.split += 1;
      const expected = projectionOf(format.outputType, each.event, each.sequence, { wholeLists: true });
      this.compare(format, each, parts, expected, (received) => joinParts(format.outputType, received), ', split');
    });
  }

  /** @param join what the records together are, in the terms of the projection */
  private compare(format: Each, each: Case, records: readonly Buffer[], expected: unknown, join: (received: unknown[]) => unknown, kind = ''): void {
    const readByAnother = this.askIndependent(format, each, records, expected, join, kind);
    if (readByAnother && kind === '' && this.outcome.events % this.ownEvery !== 0) return;
    this.count(OWN + kind, format, records);
    const received = join(records.map((octets) => receivedOf(format.outputType, parseRecord(octets, format.outputType, format.header))));
    this.told(OWN + kind, format, each, difference(expected, received));
  }

  /** @returns whether a parser of another make reads it */
  private askIndependent(format: Each, each: Case, records: readonly Buffer[], expected: unknown, join: (received: unknown[]) => unknown, kind = ''): boolean {
    const parser = this.independent?.of(format.outputType, format.header);
    if (parser === undefined || (parser.slow && this.outcome.events % this.jsonEvery !== 0)) return false;
    const name = parser.name + kind;
    const received: Array<() => unknown> = [];
    for (const octets of records) {
      parser.ask(octets, (answer) => {
        received.push(answer);
        if (received.length < records.length) return;
        this.guarded(name, format, each, () => {
          this.count(name, format, records);
          this.told(name, format, each, difference(oneAddress(expected), oneAddress(join(received.map((read) => read())))));
        });
      });
    }
    return true;
  }

  private count(parser: string, { outputType, header }: Each, records: readonly Buffer[]): void {
    const key = `${outputType}${header === 'none' ? '' : ` behind ${header}`}: ${parser}`;
    const compared = this.outcome.compared.get(key) ?? { events: 0, records: 0, octets: 0 };
    compared.events += 1;
    compared.records += records.length;
    for (const octets of records) compared.octets += octets.length;
    this.outcome.compared.set(key, compared);
  }

  /** What a parser refuses is a disagreement, too. */
  private guarded<T>(parser: string, format: Each, each: Case, act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      this.told(parser, format, each, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  private told(parser: string, { outputType, header }: Each, { event, seed }: Case, found: string | null): void {
    if (found === null) return;
    this.outcome.disagreements += 1;
    if (this.outcome.shown.length < MOST_SHOWN) this.outcome.shown.push(`${outputType} behind ${header}, ${parser}, seed ${seed}: ${found}\n${JSON.stringify(event)}`);
  }
}

/** What has a body of its own that stands with or without a header. */
const BODIES = OUTPUT_TYPES.filter((outputType) => outputType !== 'syslog');
const SPLITTING: Partial<FormatSettings> = { maxBytes: SPLIT_OCTETS, oversize: 'split' };

function renderer(outputType: OutputType, header: HeaderStyle, settings: Partial<FormatSettings> = {}) {
  const compiled = formatFor(outputType).compile(formatSettings({ outputType, header, maxBytes: UNLIMITED, oversize: 'shorten', ...settings }));
  return { outputType, header, render: compiled.render.bind(compiled) };
}
type Each = ReturnType<typeof renderer>;

function wrongPart({ outputType, header }: Each, { event, sequence }: Case, octets: Buffer, number: number, of: number): string | null {
  if (octets.length > SPLIT_OCTETS) return `a part of ${octets.length} octets`;
  const { id, type, sequence: position, part, parts } = parseRecord(octets, outputType, header);
  return id === event.id && type === event.type && position === sequence && part === number && parts === of ? null : `part ${number} of ${of} says ${JSON.stringify({ id, type, position, part, parts })}`;
}

/** Parsers spell an IPv6 address in their own ways, all of them right (RFC 4291, 2.2): the address is compared. */
function oneAddress(value: unknown): unknown {
  const { c6a2: address } = value as { c6a2?: unknown };
  return typeof address === 'string' ? { ...(value as object), c6a2: oneSpelling(address) } : value;
}
