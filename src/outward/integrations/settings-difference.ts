import { z } from 'zod';
import type { Rendered, Renderer } from '../../contracts/format.js';
import type { IntegrationSettings } from '../../model/integration.js';
import { rendererOf } from '../delivery/delivery-path.js';
import { filterVerdict } from '../delivery/event-filter.js';
import { compileWire, type WireOf } from '../delivery/wire.js';
import type { RecentEvent, RecentEvents } from './recent-events.js';

/** What a change of settings would mean for real events: who gets what that he did not get, what looks different, and how much more or less leaves. */

/** Examples of each kind; the counts are of all. */
const MOST_EXAMPLES = 10;
const MOST_TEXT = 4096;
/** Between two looks at the clock; the service goes on with other work there. */
const SLICE = 50;

const side = z.object({
  outcome: z.enum(['sent', 'filtered', 'rejected']),
  rule: z.string().nullable().meta({ description: 'The rule, or the setting, that filters it.' }),
  reason: z.string().nullable().meta({ description: 'Why it is filtered or rejected.' }),
  text: z.string().nullable().meta({ description: 'The message without framing, cut at 4,096 characters; of a split event its parts, one a line.' }),
  bytes: z.int().meta({ description: 'Octets that the receiver gets: framing, RELP commands or the envelope of an HTTP intake included, before compression.' }),
  shortened: z.boolean(),
});
type Side = z.output<typeof side>;
const volume = z.object({
  sent: z.int(), filtered: z.int(), rejected: z.int(), shortened: z.int(),
  bytes: z.int().meta({ description: 'Octets of those that are sent: framing, RELP commands or the envelope of an HTTP intake included, before compression.' }),
  eventsPerSecond: z.number(), bytesPerSecond: z.number(),
  filteredBy: z.record(z.string(), z.int()).meta({ description: 'How many each rule filters.' }),
});
type Volume = z.output<typeof volume>;
const example = z.object({ eventId: z.string(), eventType: z.string(), sequence: z.string(), before: side, after: side });
const kind = z.object({ count: z.int(), byType: z.record(z.string(), z.int()), byRule: z.record(z.string(), z.int()).meta({ description: 'By the rule that filters, or filtered, them.' }), examples: z.array(example).meta({ description: `At most ${MOST_EXAMPLES}, the newest.` }) });

export const differenceView = z.object({
  events: z.object({
    asked: z.int(), looked: z.int().meta({ description: 'Events of the log that were compared.' }), unreadable: z.int(),
    since: z.iso.datetime().nullable().meta({ description: 'When the oldest of them was accepted.' }),
    complete: z.boolean().meta({ description: 'Whether all that were asked for and that the log holds were compared.' }),
    stoppedBy: z.enum(['time', 'memory']).nullable(),
  }),
  before: volume.meta({ description: 'With the stored settings.' }),
  after: volume.meta({ description: 'With the proposed settings.' }),
  change: z.object({ events: z.int(), bytes: z.int(), eventsPerSecond: z.number(), bytesPerSecond: z.number(), eventsPercent: z.number().nullable(), bytesPercent: z.number().nullable() }).meta({ description: 'After less before; no percentage where there was nothing before.' }),
  newlySent: kind,
  noLongerSent: kind,
  changed: kind.meta({ description: 'Sent before and after, with other octets or another fate.' }),
});
export type DifferenceView = z.output<typeof differenceView>;

export interface DifferenceLimits {
  asked: number;
  machineHostname: string;
  /** As of `performance.now()`. */
  until: number;
}

/** Newest first, so that a partial answer speaks of the newest. */
export async function differenceBetween(before: IntegrationSettings, after: IntegrationSettings, recent: RecentEvents, { asked, machineHostname, until }: DifferenceLimits): Promise<DifferenceView> {
  const sides = [new SettingsSide(before, machineHostname), new SettingsSide(after, machineHostname)] as const;
  const kinds = { newlySent: new Kind(), noLongerSent: new Kind(), changed: new Kind() };
  let looked = 0;
  let { stoppedBy } = recent;
  for (let at = recent.events.length - 1; at >= 0; at--) {
    const item = recent.events[at];
    if (!item) break;
    const [was, is] = [sides[0].look(item), sides[1].look(item)];
    looked++;
    const which = was.outcome === 'filtered' ? (is.outcome === 'filtered' ? null : 'newlySent') : is.outcome === 'filtered' ? 'noLongerSent' : was.outcome !== is.outcome || was.text !== is.text || was.bytes !== is.bytes ? 'changed' : null;
    if (which !== null) kinds[which].note(item, was, is);
    if (looked % SLICE !== 0) continue;
    if (performance.now() > until) {
      if (at > 0) stoppedBy = 'time';
      break;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const [volumeBefore, volumeAfter] = [sides[0].volume(looked, recent.perSecond), sides[1].volume(looked, recent.perSecond)];
  return {
    events: { asked, looked, unreadable: recent.unreadable, since: recent.since === null ? null : new Date(recent.since).toISOString(), complete: stoppedBy === null, stoppedBy },
    before: volumeBefore,
    after: volumeAfter,
    change: {
      events: volumeAfter.sent - volumeBefore.sent,
      bytes: volumeAfter.bytes - volumeBefore.bytes,
      eventsPerSecond: rounded(volumeAfter.eventsPerSecond - volumeBefore.eventsPerSecond),
      bytesPerSecond: rounded(volumeAfter.bytesPerSecond - volumeBefore.bytesPerSecond),
      eventsPercent: percent(volumeBefore.sent, volumeAfter.sent),
      bytesPercent: percent(volumeBefore.bytes, volumeAfter.bytes),
    },
    newlySent: kinds.newlySent.view,
    noLongerSent: kinds.noLongerSent.view,
    changed: kinds.changed.view,
  };
}

/** One of the two settings, with what it has counted. */
class SettingsSide {
  private readonly renderer: Renderer;
  private readonly wireOf: WireOf;
  private readonly counts = { sent: 0, filtered: 0, rejected: 0, shortened: 0, bytes: 0 };
  private readonly filteredBy = new Tally();

  constructor(private readonly settings: IntegrationSettings, machineHostname: string) {
    const { renderer, shape } = rendererOf(settings, machineHostname);
    this.renderer = renderer;
    this.wireOf = compileWire(settings, shape);
  }

  look({ event, sequence }: RecentEvent): Side {
    const verdict = filterVerdict(this.settings, event);
    if (!verdict.wanted) {
      this.counts.filtered++;
      this.filteredBy.add(verdict.rule);
      return { outcome: 'filtered', rule: verdict.rule, reason: verdict.reason, text: null, bytes: 0, shortened: false };
    }
    const rendered = render(this.renderer, event, sequence);
    if (rendered.type === 'reject') {
      this.counts.rejected++;
      return { outcome: 'rejected', rule: null, reason: `${rendered.code}: ${rendered.reason}`, text: null, bytes: 0, shortened: false };
    }
    const texts = rendered.type === 'parts' ? rendered.texts : [rendered.text];
    const shortened = rendered.type === 'rendered' && rendered.shortened;
    const bytes = this.wireOf(texts, event, sequence).octets.byteLength;
    this.counts.sent++;
    this.counts.bytes += bytes;
    if (shortened) this.counts.shortened++;
    return { outcome: 'sent', rule: null, reason: null, text: texts.join('\n'), bytes, shortened };
  }

  /** A share of the stream is as large as it is among the events that were compared. */
  volume(looked: number, perSecond: number): Volume {
    const rate = looked === 0 ? 0 : perSecond / looked;
    return { ...this.counts, eventsPerSecond: rounded(this.counts.sent * rate), bytesPerSecond: rounded(this.counts.bytes * rate), filteredBy: this.filteredBy.counts };
  }
}

function render(renderer: Renderer, event: RecentEvent['event'], sequence: string): Rendered {
  try {
    return renderer.render(event, sequence);
  } catch (error) {
    return { type: 'reject', code: 'not-renderable', reason: error instanceof Error ? error.message : String(error) };
  }
}

/** What became different in one way. */
class Kind {
  private count = 0;
  private readonly byType = new Tally();
  private readonly byRule = new Tally();
  private readonly examples: Array<z.output<typeof example>> = [];

  note({ event, sequence }: RecentEvent, before: Side, after: Side): void {
    this.count++;
    this.byType.add(event.type);
    const rule = before.rule ?? after.rule;
    if (rule !== null) this.byRule.add(rule);
    if (this.examples.length < MOST_EXAMPLES) this.examples.push({ eventId: event.id, eventType: event.type, sequence, before: shown(before), after: shown(after) });
  }

  get view(): z.output<typeof kind> {
    return { count: this.count, byType: this.byType.counts, byRule: this.byRule.counts, examples: this.examples };
  }
}

/** Counts by name; names are texts of others. */
class Tally {
  private readonly known = new Map<string, number>();

  add(name: string): void {
    this.known.set(name, (this.known.get(name) ?? 0) + 1);
  }

  get counts(): Record<string, number> {
    return Object.fromEntries(this.known);
  }
}

function shown(one: Side): Side {
  return one.text === null || one.text.length <= MOST_TEXT ? one : { ...one, text: one.text.slice(0, MOST_TEXT).toWellFormed() };
}

function percent(before: number, after: number): number | null {
  return before === 0 ? null : rounded(((after - before) / before) * 100);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
