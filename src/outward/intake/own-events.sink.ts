import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import type { EventSink, OwnEvent, SinkOutcome } from '../../contracts/event-sink.js';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import type { JsonObject } from '../../model/json.js';
import { DurableAppend, type StoreOutcome } from './durable-append.js';
import { EventCheck } from './event-check.js';
import type { CheckedEvent } from './event-check.js';
import { OWN_PRODUCER, sourceOf } from './intake.service.js';

/** Where our own records become events: the same check, masking and completion as for producers, with the right to the reserved types. */
@Injectable()
export class OwnEventsSink implements EventSink {
  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
    private readonly check: EventCheck,
    private readonly durable: DurableAppend,
  ) {}

  async publish(events: readonly OwnEvent[]): Promise<SinkOutcome[]> {
    const nowMs = this.clock.now();
    const context = { producer: OWN_PRODUCER, source: sourceOf(OWN_PRODUCER), nowMs, own: true, everyFault: false };
    const outcomes = new Array<SinkOutcome>(events.length);
    const good: { at: number; event: CheckedEvent }[] = [];
    for (const [at, own] of events.entries()) {
      const outcome = this.check.check(sentForm(own), context);
      if (outcome.type === 'checked') good.push({ at, event: outcome.event });
      else outcomes[at] = { type: 'refused', reason: outcome.faults.map(({ pointer, reason }) => `${pointer} ${reason}`).join('; ') };
    }
    const stored = good.length > 0 ? await this.durable.store(good.map(({ event }) => event)) : [];
    for (const [index, { at, event }] of good.entries()) {
      const outcome = stored[index];
      if (outcome) outcomes[at] = this.sinkOutcome(outcome, event);
    }
    return outcomes;
  }

  private sinkOutcome(outcome: StoreOutcome, { id, duplicateKey }: CheckedEvent): SinkOutcome {
    switch (outcome.type) {
      case 'stored': return { type: 'accepted', partition: outcome.partition, offset: outcome.offset, duplicate: outcome.duplicate };
      case 'retry': return { type: 'retry', reason: outcome.reason };
      case 'conflict':
        this.log.error({ eventId: id, contentHash: duplicateKey?.contentHash }, 'an event of our own came twice under one id with other content; the second is refused');
        return { type: 'refused', reason: 'an event with this id and other content was stored before' };
    }
  }
}

/** A plain copy in the form that producers send: no `receivedAt`, no undefined members, nothing shared with the caller. */
function sentForm({ receivedAt: _receivedAt, ...own }: OwnEvent): JsonObject {
  return JSON.parse(JSON.stringify(own)) as JsonObject;
}
