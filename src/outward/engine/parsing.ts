import type { Parsing } from '../delivery/event-batch.js';
import type { Lane } from './lane.js';

/** When events are parsed for these lanes: where one of them alone will ask for an event, and once, nothing is kept of it. A lane that sends events on as they lie in the log hardly ever asks. What is kept for a filter is forgotten by the shared reader as soon as it can be. */
export function parsingFor(lanes: ReadonlyArray<Pick<Lane, 'filter' | 'sendsStored' | 'shapeKey'>>): Parsing {
  let shape: string | undefined;
  for (const { filter, sendsStored, shapeKey } of lanes) {
    if (filter.test !== null) return 'kept';
    if (sendsStored || shapeKey === undefined) continue;
    if (shape !== undefined && shape !== shapeKey) return 'kept';
    shape = shapeKey;
  }
  return 'forgotten';
}
