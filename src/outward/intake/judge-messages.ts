import type { CheckedEvent } from './event-check.js';
import type { FaultExtra } from './request-fault.js';
import type { GoodEvent, Judgement, RequestToJudge } from './request-judge.js';

/** To the thread. */
export interface ThreadRequest {
  number: number;
  request: RequestToJudge;
}

/** From the thread, in any order. */
export type ThreadAnswer =
  | { type: 'judged'; number: number; judgement: PackedJudgement }
  | { type: 'fault'; number: number; status: number; code: string; detail: string; extra: FaultExtra };

/** A judgement as it is handed over: the records one behind the other in octets that change hands, since each by itself would be copied with a buffer of its own. */
export interface PackedJudgement extends Pick<Judgement, 'count' | 'refused'> {
  records: Uint8Array<ArrayBuffer>;
  good: Array<Omit<GoodEvent, 'event'> & { event: Omit<CheckedEvent, 'record'>; end: number }>;
}

export function packed({ count, refused, good }: Judgement): PackedJudgement {
  const records = new Uint8Array(good.reduce((sum, { event }) => sum + event.record.length, 0));
  let end = 0;
  return {
    count, refused, records,
    good: good.map(({ event: { record, ...event }, ...place }) => {
      records.set(record, end);
      end += record.length;
      return { ...place, event, end };
    }),
  };
}

export function unpacked({ count, refused, records, good }: PackedJudgement): Judgement {
  let start = 0;
  return {
    count, refused,
    good: good.map(({ end, event, ...place }) => {
      const record = Buffer.from(records.buffer, start, end - start);
      start = end;
      return { ...place, event: { ...event, record } };
    }),
  };
}
