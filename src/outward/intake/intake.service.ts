import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { sequenceOf } from '../../model/audit-event.js';
import type { Principal } from '../../platform/access/rights.js';
import { DurableAppend, type StoreOutcome } from './durable-append.js';
import { EventCheck } from './event-check.js';
import type { CheckedEvent, RefusalCode } from './event-check.js';
import type { EventFault } from './event-validator.js';
import type { IntakeItem } from './intake-answer.js';
import { readItems, type IncomingRequest, type IntakeLimits } from './request-items.js';

/** The producer of our own events; no principal can be it. */
export const OWN_PRODUCER = 'tidegate';

/** The producers' door: reads a request, checks each event, stores the good ones, says of each what became of it. */
@Injectable()
export class IntakeService {
  private readonly limits: IntakeLimits;

  constructor(
    @Inject(SETTINGS) settings: Settings,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly check: EventCheck,
    private readonly durable: DurableAppend,
  ) {
    this.limits = { ...settings.intake, requestBytes: settings.http.requestBytes };
  }

  /** One item an event, in the order of the request. @throws Problem 400, 413, 415 for the request as a whole. */
  async accept(request: IncomingRequest, principal: Pick<Principal, 'id' | 'name'>): Promise<IntakeItem[]> {
    const { items, good } = this.judge(request, producerOf(principal));
    const outcomes = good.length > 0 ? await this.durable.store(good.map(({ event }) => event)) : [];
    for (const [at, { index, locate }] of good.entries()) {
      const outcome = outcomes[at];
      if (outcome) items[index] = storedItem(index, outcome, locate);
    }
    return items;
  }

  /** What is refused has its item; what is good waits for the log. A step of its own, so that nothing parsed outlives it. */
  private judge(request: IncomingRequest, producer: string): { items: IntakeItem[]; good: GoodEvent[] } {
    const requested = readItems(request, this.limits);
    const items = new Array<IntakeItem>(requested.count);
    const good: GoodEvent[] = [];
    const context = { producer, source: sourceOf(producer), nowMs: this.clock.now(), own: false, everyFault: requested.count === 1 };
    for (const { index, content } of requested.each) {
      if ('fault' in content) {
        items[index] = rejectedItem(index, 'invalid-event', [content.fault]);
        continue;
      }
      const { event, locate, source } = content;
      const outcome = this.check.check(event, source === undefined ? context : { ...context, source });
      if (outcome.type === 'checked') good.push({ index, event: outcome.event, locate });
      else items[index] = rejectedItem(index, outcome.code, outcome.faults.map(({ pointer, reason }) => ({ pointer: locate(pointer), reason })));
    }
    return { items, good };
  }
}

interface GoodEvent {
  index: number;
  event: CheckedEvent;
  locate: (pointer: string) => string;
}

/** The name in the envelope and in the key of duplicates. */
function producerOf({ id, name }: Pick<Principal, 'id' | 'name'>): string {
  return name === OWN_PRODUCER ? `${name} (user ${id})` : name;
}

/** The `source` of an event that came without a CloudEvents envelope. */
export function sourceOf(producer: string): string {
  return `tidegate:producer/${encodeURIComponent(producer.toWellFormed())}`;
}

function rejectedItem(index: number, code: RefusalCode, faults: readonly EventFault[]): IntakeItem {
  const [first = { pointer: '', reason: 'is not valid' }] = faults;
  const errors = faults.length > 1 ? faults.map(({ pointer, reason }) => ({ pointer, message: reason })) : undefined;
  return { index, status: 'rejected', code, pointer: first.pointer, reason: first.reason, ...(errors ? { errors } : {}) };
}

function storedItem(index: number, outcome: StoreOutcome, locate: (pointer: string) => string): IntakeItem {
  switch (outcome.type) {
    case 'stored': {
      const { id, duplicate, partition, offset } = outcome;
      return { index, status: 'accepted', id, duplicate, partition, offset, position: sequenceOf(partition, offset) };
    }
    case 'conflict': return { index, status: 'rejected', code: 'conflict', pointer: locate('/id'), reason: `an event with this id and other content was stored before as ${outcome.id}` };
    case 'retry': {
      const { code, reason, retryAfterMs } = outcome;
      return { index, status: 'retry', code, pointer: locate(''), reason, retryAfterMs };
    }
  }
}
