import type { AuditEvent } from '../../../model/audit-event.js';
import type { EventFacts } from './event-facts.js';

/**
 * Our one structured data element (RFC 5424, 6.3). Every value is made of characters that need no escape and that no receiver takes for the start of
 * something else, because weak readers fail on escapes and on empty values.
 */
export class StructuredData {
  private readonly start: string;

  /** @param extra parameters that stand in every element, a space in front of each */
  constructor(enterpriseNumber: number, private readonly extra = '') {
    this.start = `[tidegate@${enterpriseNumber} id="`;
  }

  /** Id, type, sequence and the mark of a replay: our own values alone, safe in front of `CEF:`. */
  identity(facts: EventFacts): string {
    return `${this.open(facts)}]`;
  }

  /** Identity, what the event says in a word, and which part was cut. */
  full(facts: EventFacts, event: AuditEvent): string {
    let element = `${this.open(facts)} outcome="${shortValue(event.outcome, undefined)}"`;
    const actor = shortValue(event.actor.name, event.actor.id);
    if (actor !== '') element += ` actor="${actor}"`;
    const subject = shortValue(event.subject.name, event.subject.id);
    if (subject !== '') element += ` subject="${subject}"`;
    // What closes the SIEM's own case: the id of the alert that this event answers.
    const correlation = shortValue(event.correlationId, undefined);
    if (correlation !== '') element += ` correlation="${correlation}"`;
    return `${element}]`;
  }

  private open(facts: EventFacts): string {
    const element = `${this.start}${facts.id}" type="${facts.type}`;
    const placed = facts.sequence === null ? `${element}"` : `${element}" seq="${facts.sequence}"`;
    return (facts.replay === null ? placed : `${placed} replay="${facts.replay}"`) + this.extra;
  }
}

/** Adds ` truncated="message"` to an element. */
export function withTruncated(element: string): string {
  return `${element.slice(0, -1)} truncated="message"]`;
}

/** Adds ` part="2" parts="3"`. */
export function withPart(element: string, number: number, of: number): string {
  return `${element.slice(0, -1)} part="${number}" parts="${of}"]`;
}

/** Printable ASCII without quote, backslash, bracket and pipe; a space only inside. */
const SHORT_SAFE = /^[!#-Z^-{}~](?:[ !#-Z^-{}~]{0,62}[!#-Z^-{}~])?$/;
const SHORT_MAX = 64;

/** The first of two texts that is short and safe as it is; else the first that is there, with `_` for what is not safe, cut at 64. */
export function shortValue(preferred: string | undefined, other: string | undefined): string {
  if (preferred !== undefined && isShortAndSafe(preferred)) return preferred;
  if (other !== undefined && isShortAndSafe(other)) return other;
  const text = preferred?.trim() || other?.trim() || '';
  return text.slice(0, SHORT_MAX).replace(/[^ !#-Z^-{}~]/gu, '_').replaceAll('EF:', 'EF_').trim();
}

/** `CEF:` and `LEEF:` in front of the text would be found by a receiver that searches for them. */
function isShortAndSafe(text: string): boolean {
  return SHORT_SAFE.test(text) && !text.includes('EF:');
}
