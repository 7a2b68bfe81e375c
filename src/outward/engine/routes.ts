import type { AuditEvent } from '../../model/audit-event.js';
import { compileReader, type FieldReader } from '../../model/field-path.js';
import type { JsonValue } from '../../model/json.js';
import type { EventBatch } from '../delivery/event-batch.js';
import { fieldKey, HEARTBEAT_TYPE, wants, type CompiledFilter } from '../delivery/event-filter.js';
import { comparedText, foldCase } from '../delivery/filter-condition.js';
import type { Picks } from './picks.js';

/** Who can be routed to: a lane's part in a partition. */
export interface Routed {
  readonly filter: CompiledFilter;
  /** Equal for lanes whose octets of an event are. */
  readonly shapeKey: string | undefined;
  readonly picks: Picks;
}

/** Who wants the event at hand. */
export class Wanted<L extends Routed> {
  first: L | undefined;
  /** Whether all of them want it in the shape of the first. */
  oneShape = true;

  nobody(): void {
    this.first = undefined;
    this.oneShape = true;
  }

  /** Notes the event with a lane that wants it. */
  by(lane: L, index: number): void {
    lane.picks.add(index);
    if (this.first === undefined) this.first = lane;
    else if (this.oneShape && lane.shapeKey !== this.first.shapeKey) this.oneShape = false;
  }
}

/** Audit types are open-ended: the table stays small. */
const MOST_TYPES = 2000;

/**
 * The way from an event to the lanes that want it. By type first, in one look-up; lanes whose filter needs one of some values of a field (a tenant, a
 * subject) are looked up by the event's value; only the others are asked one by one. So a thousand lanes that each take a little cost little more than one.
 */
export class Routes<L extends Routed> {
  private readonly byType = new Map<string, TypeRoute<L>>();
  private readonly wanted = new Wanted<L>();

  constructor(private readonly lanes: ReadonlySet<L>) {}

  /** To be called when the set of lanes changed. */
  clear(): void {
    this.byType.clear();
  }

  /** Notes the event with every lane that wants it. The answer holds until the next call. */
  pick(events: Pick<EventBatch, 'types' | 'event'>, index: number): Readonly<Wanted<L>> {
    const { wanted } = this;
    wanted.nobody();
    const type = events.types[index] ?? '';
    if (type === HEARTBEAT_TYPE) {
      const event = events.event(index);
      for (const lane of this.lanes) if (wants(lane.filter, event)) wanted.by(lane, index);
      return wanted;
    }
    let route = this.byType.get(type);
    if (!route) {
      if (this.byType.size >= MOST_TYPES) this.byType.clear();
      route = new TypeRoute([...this.lanes].filter((lane) => lane.filter.wantsType(type)), wanted);
      this.byType.set(type, route);
    }
    route.pick(events, index);
    return wanted;
  }
}

class TypeRoute<L extends Routed> {
  private readonly always: L[] = [];
  private readonly asked: L[] = [];
  private readonly keyed: Array<KeyedLanes<L>> = [];

  constructor(lanes: readonly L[], private readonly wanted: Wanted<L>) {
    const byField = new Map<string, L[]>();
    for (const lane of lanes) {
      const { test, needs } = lane.filter;
      if (test === null) this.always.push(lane);
      else if (needs === null) this.asked.push(lane);
      else byField.set(fieldKey(needs), [...(byField.get(fieldKey(needs)) ?? []), lane]);
    }
    for (const group of byField.values()) this.keyed.push(new KeyedLanes(group, wanted));
  }

  pick(events: Pick<EventBatch, 'event'>, index: number): void {
    for (const lane of this.always) this.wanted.by(lane, index);
    // The type decides for all of them: then nobody asks for more of the event.
    if (this.keyed.length === 0 && this.asked.length === 0) return;
    const event = events.event(index);
    for (const group of this.keyed) group.pick(event, index);
    for (const lane of this.asked) if (lane.filter.test?.(event) === true) this.wanted.by(lane, index);
  }
}

/** Lanes that need values of one and the same field. */
class KeyedLanes<L extends Routed> {
  private readonly lanes = new Map<string, L[]>();
  private readonly read: FieldReader | undefined;
  private readonly ignoreCase: boolean;
  private event: AuditEvent | undefined;
  private index = 0;

  constructor(group: readonly L[], private readonly wanted: Wanted<L>) {
    const needs = group[0]?.filter.needs;
    this.read = needs ? compileReader(needs.path) : undefined;
    this.ignoreCase = needs?.ignoreCase ?? false;
    for (const lane of group) {
      for (const value of new Set(lane.filter.needs?.values)) {
        const known = this.lanes.get(value);
        if (known) known.push(lane);
        else this.lanes.set(value, [lane]);
      }
    }
  }

  pick(event: AuditEvent, index: number): void {
    this.event = event;
    this.index = index;
    this.read?.(event, this.visit);
    this.event = undefined;
  }

  /** Called for each value of the field; goes on to the next one, as another lane may need that. */
  private readonly visit = (value: JsonValue): boolean => {
    const text = comparedText(value);
    const lanes = text === undefined ? undefined : this.lanes.get(this.ignoreCase ? foldCase(text) : text);
    if (lanes && this.event) for (const lane of lanes) if (lane.filter.needsDecide || lane.filter.test?.(this.event) === true) this.wanted.by(lane, this.index);
    return false;
  };
}
