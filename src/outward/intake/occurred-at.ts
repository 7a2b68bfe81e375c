const HOUR_MS = 3_600_000;
const STORED_FORM = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:[0-5]\d\.\d{3}Z$/;

export type OccurredAt = { type: 'time'; ms: number; text: string } | { type: 'refused'; reason: string };

/**
 * The instant of an RFC 3339 time with offset, as UTC with milliseconds (finer fractions are cut). A leap second is kept as the last millisecond before it ends.
 * @param futureHours how far ahead of `nowMs` a clock may be; a time zone mistake stays within a day.
 */
export function readOccurredAt(text: string, nowMs: number, futureHours: number): OccurredAt {
  // Most come in the form that is stored. Section 5.6 of RFC 3339 also allows a blank in place of T and lower case; second 60 is a leap second.
  const stored = STORED_FORM.test(text);
  const ms = Date.parse(stored ? text : text.toUpperCase().replace(' ', 'T').replace(/:60(\.\d+)?(?=Z|[+-])/, ':59.999'));
  if (Number.isNaN(ms)) return { type: 'refused', reason: 'is not an RFC 3339 time with offset, such as 2025-03-04T05:06:07.890Z' };
  if (ms < 0) return { type: 'refused', reason: 'lies before 1970; check the clock of the producer' };
  if (ms > nowMs + futureHours * HOUR_MS) return { type: 'refused', reason: `lies more than ${futureHours} hours in the future; check the clock and the time zone of the producer` };
  return { type: 'time', ms, text: stored ? text : new Date(ms).toISOString() };
}
