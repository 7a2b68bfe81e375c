import type { Rendered } from '../../../contracts/format.js';

/** An event in several parts, or what keeps it from being split: a value that has no room in any part, and is never cut. */
export type SplitOutcome<Part> = { type: 'parts'; parts: Part[] } | { type: 'too-long'; name: string; octets: number };

/** What a split event is for the engine. */
export function renderedParts(outcome: SplitOutcome<string>, maxBytes: number): Rendered {
  if (outcome.type === 'parts') {
    const [only, ...others] = outcome.parts;
    return only !== undefined && others.length === 0 ? { type: 'rendered', text: only, shortened: false } : { type: 'parts', texts: outcome.parts };
  }
  return { type: 'reject', code: 'message-too-long', reason: `${outcome.name} has ${outcome.octets} octets: too long for any part of at most ${maxBytes}, and a split event is never cut within a value` };
}
