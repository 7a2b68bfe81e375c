import { REDACTED } from '../../model/event-mask.js';

/** Below it a text stands in too many others: what holds it is not taken apart but left out whole. */
const LEAST_LENGTH = 3;

/** A text in which none of some others is found, upper and lower case alike. */
export function withoutTexts(text: string, hidden: readonly string[]): string {
  const present = hidden.filter((value) => includesText(text, value));
  if (present.length === 0) return text;
  if (present.some((value) => value.length < LEAST_LENGTH)) return REDACTED;
  let rest = text;
  // The longest first: one of them may hold another.
  for (const value of [...present].sort((a, b) => b.length - a.length)) rest = rest.replaceAll(value, REDACTED);
  const shown = rest.replaceAll(REDACTED, '');
  return present.some((value) => includesText(shown, value)) ? REDACTED : rest;
}

function includesText(text: string, value: string): boolean {
  return text.includes(value) || text.toLowerCase().includes(value.toLowerCase());
}
