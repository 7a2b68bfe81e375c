import type { IncomingHttpHeaders } from 'node:http';
import { EventCheck, type CheckedEvent, type CheckSettings, type RefusalCode } from './event-check.js';
import type { EventFault } from './event-validator.js';
import { readItems, type IntakeLimits } from './request-items.js';

/** A request, and who sent it when. */
export interface RequestToJudge {
  body: Uint8Array;
  headers: IncomingHttpHeaders;
  producer: string;
  /** `source` of its events where they have none of their own. */
  source: string;
  nowMs: number;
}

/** What is to be thought of a request before anything of it is stored: plain data, each event in one of both lists. */
export interface Judgement {
  count: number;
  refused: RefusedEvent[];
  good: GoodEvent[];
}

export interface RefusedEvent {
  index: number;
  code: RefusalCode;
  /** Their pointers are from the body. */
  faults: EventFault[];
}

export interface GoodEvent {
  index: number;
  event: CheckedEvent;
  /** JSON pointer in the body of the event, and of its id. */
  pointer: string;
  idPointer: string;
}

/** Reads the events of a request and checks each. It needs nothing but itself, so it works in any thread. */
export class RequestJudge {
  private readonly check: EventCheck;

  constructor(settings: CheckSettings, private readonly limits: IntakeLimits) {
    this.check = new EventCheck(settings);
  }

  /** @throws RequestFault when the request as a whole cannot be taken */
  judge({ body, headers, producer, source: ownSource, nowMs }: RequestToJudge): Judgement {
    const requested = readItems({ body: Buffer.from(body.buffer, body.byteOffset, body.byteLength), headers }, this.limits);
    const judgement: Judgement = { count: requested.count, refused: [], good: [] };
    const context = { producer, source: ownSource, nowMs, own: false, everyFault: requested.count === 1 };
    for (const { index, content } of requested.each) {
      if ('fault' in content) {
        judgement.refused.push({ index, code: 'invalid-event', faults: [content.fault] });
        continue;
      }
      const { event, locate, source } = content;
      const outcome = this.check.check(event, source === undefined ? context : { ...context, source });
      if (outcome.type === 'checked') judgement.good.push({ index, event: outcome.event, pointer: locate(''), idPointer: locate('/id') });
      else judgement.refused.push({ index, code: outcome.code, faults: outcome.faults.map(({ pointer, reason }) => ({ pointer: locate(pointer), reason })) });
    }
    return judgement;
  }
}
