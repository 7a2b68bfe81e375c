import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { sequenceOf } from '../../model/audit-event.js';
import type { Principal } from '../../platform/access/rights.js';
import { Problem } from '../../platform/http/problem.js';
import { DurableAppend, type StoreOutcome } from './durable-append.js';
import type { IntakeItem } from './intake-answer.js';
import { Judges } from './judges.js';
import { RequestFault } from './request-fault.js';
import type { IncomingRequest } from './request-items.js';
import type { GoodEvent, Judgement, RefusedEvent } from './request-judge.js';

/** The producer of our own events; no principal can be it. */
export const OWN_PRODUCER = 'tidegate';

/** The producers' door: has a request judged, stores the good events, says of each what became of it. */
@Injectable()
export class IntakeService {
  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly judges: Judges,
    private readonly durable: DurableAppend,
  ) {}

  /** One item an event, in the order of the request. @throws Problem 400, 413, 415 for the request as a whole. */
  async accept({ body, headers }: IncomingRequest, principal: Pick<Principal, 'id' | 'name'>): Promise<IntakeItem[]> {
    const producer = producerOf(principal);
    const { count, refused, good } = await this.judgementOn({ body, headers }, producer);
    const items = new Array<IntakeItem>(count);
    for (const event of refused) items[event.index] = refusedItem(event);
    const outcomes = good.length > 0 ? await this.durable.store(good.map(({ event }) => event)) : [];
    for (const [at, event] of good.entries()) {
      const outcome = outcomes[at];
      if (outcome) items[event.index] = storedItem(event, outcome);
    }
    return items;
  }

  private async judgementOn({ body, headers }: IncomingRequest, producer: string): Promise<Judgement> {
    try {
      return await this.judges.judge({ body, headers, producer, source: sourceOf(producer), nowMs: this.clock.now() });
    } catch (error) {
      if (error instanceof RequestFault) throw new Problem(error.status, error.code, error.detail, { ...error.extra });
      throw error;
    }
  }
}

/** The name in the envelope and in the key of duplicates. */
function producerOf({ id, name }: Pick<Principal, 'id' | 'name'>): string {
  return name === OWN_PRODUCER ? `${name} (user ${id})` : name;
}

/** The `source` of an event that came without a CloudEvents envelope. */
export function sourceOf(producer: string): string {
  return `tidegate:producer/${encodeURIComponent(producer.toWellFormed())}`;
}

function refusedItem({ index, code, faults }: RefusedEvent): IntakeItem {
  const [first = { pointer: '', reason: 'is not valid' }] = faults;
  const errors = faults.length > 1 ? faults.map(({ pointer, reason }) => ({ pointer, message: reason })) : undefined;
  return { index, status: 'rejected', code, pointer: first.pointer, reason: first.reason, ...(errors ? { errors } : {}) };
}

function storedItem({ index, pointer, idPointer }: GoodEvent, outcome: StoreOutcome): IntakeItem {
  switch (outcome.type) {
    case 'stored': {
      const { id, duplicate, partition, offset } = outcome;
      return { index, status: 'accepted', id, duplicate, partition, offset, position: sequenceOf(partition, offset) };
    }
    case 'conflict': return { index, status: 'rejected', code: 'conflict', pointer: idPointer, reason: `an event with this id and other content was stored before as ${outcome.id}` };
    case 'retry': {
      const { code, reason, retryAfterMs } = outcome;
      return { index, status: 'retry', code, pointer, reason, retryAfterMs };
    }
  }
}
