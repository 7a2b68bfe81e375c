import { z } from 'zod';
import { Problem } from '../../platform/http/problem.js';

const accepted = z.object({
  index: z.int().meta({ description: 'Place of the event in the request, from 0.' }),
  status: z.literal('accepted'),
  id: z.string().meta({ description: 'Id under which the event leaves; of the first event when this is a duplicate.' }),
  duplicate: z.boolean().meta({ description: 'True when the same event (producer, source, id, content) was stored before.' }),
  partition: z.int(),
  offset: z.int(),
  position: z.string().meta({ description: '`<partition>.<offset>`: the sequence that receivers see.' }),
});
const fault = z.object({ pointer: z.string().meta({ description: 'JSON pointer (RFC 6901) into the request body.' }), message: z.string() });
const rejected = z.object({
  index: z.int(),
  status: z.literal('rejected'),
  code: z.enum(['invalid-event', 'unknown-type', 'reserved-type', 'conflict']),
  pointer: z.string(),
  reason: z.string(),
  errors: z.array(fault).optional().meta({ description: 'Every fault, when there are several.' }),
});
const retry = z.object({
  index: z.int(),
  status: z.literal('retry'),
  code: z.enum(['log-full', 'log-unreachable', 'log-closed', 'duplicates-unknown']),
  pointer: z.string(),
  reason: z.string(),
  retryAfterMs: z.int(),
});

const item = z.discriminatedUnion('status', [accepted, rejected, retry]);
export const intakeAnswerSchema = z.object({ accepted: z.int().meta({ description: 'How many events are durable.' }), items: z.array(item) });
export type IntakeItem = z.output<typeof item>;
export type IntakeAnswer = z.output<typeof intakeAnswerSchema>;

/** What a request is answered: 202 all durable, 207 some; the rest is thrown. */
export interface HttpAnswer {
  status: 202 | 207;
  body: IntakeAnswer;
  /** Seconds to wait before the items with `retry` are sent again. */
  retryAfterSeconds?: number;
}

/**
 * @throws Problem 400 none valid, 403 nothing but reserved types, 409 nothing but conflicts, 503 none durable (with Retry-After). Each has the items.
 */
export function answerOf(items: IntakeItem[]): HttpAnswer {
  const stored = items.filter((each) => each.status === 'accepted').length;
  const waits = items.flatMap((each) => (each.status === 'retry' ? [each.retryAfterMs] : []));
  const retryAfterSeconds = waits.length > 0 ? Math.max(1, Math.ceil(Math.max(...waits) / 1000)) : undefined;
  const body = { accepted: stored, items };
  if (stored === items.length) return { status: 202, body };
  if (stored > 0) return { status: 207, body, retryAfterSeconds };
  if (retryAfterSeconds !== undefined) {
    const reason = items.find((each) => each.status === 'retry')?.reason ?? '';
    throw new Problem(503, 'events-not-stored', `No event of this request is stored: ${reason}. Send it again after ${retryAfterSeconds} s.`, { ...body, headers: { 'Retry-After': String(retryAfterSeconds) } });
  }
  throw refusal(items, body);
}

function refusal(items: readonly IntakeItem[], body: IntakeAnswer): Problem {
  const rejections = items.flatMap((each) => (each.status === 'rejected' ? [each] : []));
  const errors = rejections.flatMap((each) => each.errors ?? [{ pointer: each.pointer, message: each.reason }]);
  const all = (code: string) => rejections.every((each) => each.code === code);
  if (all('reserved-type')) return new Problem(403, 'reserved-type', 'Only Tidegate itself sends events of this type; nothing was stored.', { errors, ...body });
  if (all('conflict')) return new Problem(409, 'conflict', 'An event with the same producer, source and id but other content was stored before; nothing was stored now. Use a new id.', { errors, ...body });
  return new Problem(400, 'invalid-event', rejections.length === 1 ? 'The event is not valid; see "errors" for each place. Nothing was stored.' : 'No event of this request is valid; see "items" for each. Nothing was stored.', { errors, ...body });
}
