import type { Integration, KeptPosition } from './integration.js';

type Known = Pick<Integration, 'startPositions' | 'startLog' | 'resumePositions'>;

/**
 * Where an integration stands in a partition: the furthest of its cursor and of what is kept with the integration itself, so that neither the loss of the cursors nor
 * an old one moves it back; without both, where its first enabling said. What was kept before the log was replaced (the cursor was set back since) does not count.
 * Undefined when nothing is known.
 */
export function standsAt<T extends KeptPosition>({ startPositions, startLog, resumePositions }: Known, partition: number, cursor: T | undefined): T | KeptPosition | undefined {
  const kept = resumePositions?.[String(partition)];
  if (kept && (!cursor || (kept.resets === cursor.resets && kept.position > cursor.position))) return kept;
  if (cursor) return cursor;
  const start = startPositions?.[String(partition)];
  return start === undefined ? undefined : { position: start, resets: 0, ...(startLog === undefined ? {} : { log: startLog }) };
}
