import { z } from 'zod';
import type { EngineDocument } from '../engine/engine.schema.js';
import { isLive } from './integration-status.js';

/** How an engine is shown. */
export const engineView = z.object({
  id: z.string(),
  pool: z.string(),
  live: z.boolean().meta({ description: 'Whether its last heartbeat is younger than 10 seconds.' }),
  host: z.string(),
  pid: z.int(),
  version: z.string(),
  startedAt: z.iso.datetime().nullable(),
  heartbeatAt: z.iso.datetime(),
  partitions: z.array(z.int()),
  integrations: z.int(),
  rssBytes: z.number(),
  cpuPercent: z.number(),
  eventsPerSecond: z.number(),
});
export type EngineView = z.output<typeof engineView>;

export function engineViewOf(engine: EngineDocument, now: number): EngineView {
  return {
    id: engine._id,
    pool: engine.pool,
    live: isLive(engine.heartbeatAt, now),
    host: engine.host ?? '',
    pid: engine.pid ?? 0,
    version: engine.version ?? '',
    startedAt: engine.startedAt?.toISOString() ?? null,
    heartbeatAt: engine.heartbeatAt.toISOString(),
    partitions: engine.partitions ?? [],
    integrations: engine.integrations ?? 0,
    rssBytes: engine.rssBytes ?? 0,
    cpuPercent: engine.cpuPercent ?? 0,
    eventsPerSecond: engine.eventsPerSecond ?? 0,
  };
}
