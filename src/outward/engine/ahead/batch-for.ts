import type { LogBatch } from '../../../contracts/event-log.js';
import { EventBatch, type ForeignReader } from '../../delivery/event-batch.js';
import type { CompiledFilter } from '../../delivery/event-filter.js';
import { LEAST_EVENTS, type PlainPath, type RenderAhead, type WantedPath } from './render-ahead.js';

/** What is asked of a lane. */
export interface Taker {
  filter: CompiledFilter;
  sendsStored: boolean;
  plainPath: PlainPath | undefined;
}

export interface BatchContext {
  ahead?: RenderAhead;
  readForeign?: ForeignReader;
}

/**
 * A batch for some lanes, with what another thread could render of it.
 * @param eager each event is parsed when it is read: something failed before
 */
export async function batchFor(batch: LogBatch, lanes: readonly Taker[], { ahead, readForeign }: BatchContext, eager: boolean): Promise<EventBatch> {
  if (eager) return EventBatch.parse(batch, readForeign, false);
  const paths = ahead && batch.records.length >= LEAST_EVENTS ? pathsOf(lanes) : [];
  const rendersAhead = ahead?.takes(batch.records.length, paths) === true;
  const parsed = EventBatch.parse(batch, readForeign, rendersAhead || lanes.some(({ sendsStored }) => sendsStored));
  if (rendersAhead) await ahead.render(parsed, paths);
  return parsed;
}

/** The shapes of lanes that another thread can serve. None where one of the lanes asks for more than the type of an event: then all are parsed here. */
function pathsOf(lanes: readonly Taker[]): WantedPath[] {
  const byKey = new Map<string, { path: WantedPath; filters: CompiledFilter[] }>();
  for (const { filter, plainPath } of lanes) {
    if (filter.test !== null) return [];
    if (!plainPath) continue;
    const known = byKey.get(plainPath.shape.key);
    if (known) known.filters.push(filter);
    else {
      const filters = [filter];
      byKey.set(plainPath.shape.key, { path: { ...plainPath, wantsType: (type) => filters.some((each) => each.wantsType(type)) }, filters });
    }
  }
  return [...byKey.values()].map(({ path }) => path);
}
