import { createHash } from 'node:crypto';
import type { Clock } from '../../contracts/clock.js';
import type { EventLog, PartitionRange } from '../../contracts/event-log.js';
import type { Log } from '../../contracts/log.js';
import type { Integration } from '../../model/integration.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import { newAuditRecord, systemActor } from '../../platform/audit/new-audit-record.js';
import { standsAt } from '../../model/start-position.js';
import { cursorId, type CursorStore, type SavedCursor } from './cursor-store.js';

/** Where an integration goes on in a partition. */
export interface Place extends SavedCursor {
  /** Whether a cursor document says so; otherwise its first enabling did. */
  saved: boolean;
}
export type Places = ReadonlyMap<string, Place>;

/** Why a position is of no use in the log as it is now. */
export type Misplaced = 'another-log' | 'beyond-the-end' | 'another-record';

export interface Reset {
  partition: number;
  /** How often the cursor was set back before. */
  resets: number;
  position: number;
  why: Misplaced;
}

type Subject = Pick<Integration, 'id' | 'name' | 'startPositions' | 'startLog' | 'resumePositions'>;

export interface LogPlacesOptions {
  eventLog: Pick<EventLog, 'ranges' | 'identity'>;
  cursors: Pick<CursorStore, 'load' | 'reset'> & { log: string | undefined };
  audit: { record(...records: AuditRecord[]): Promise<void> };
  /** Remembers that the log was replaced: producers' keys from before are of events that it does not hold. */
  replaced(): Promise<void>;
  clock: Clock;
  log: Log;
  /** Between finding a position beyond the end and believing it. */
  confirmMs: number;
}

/**
 * Where integrations go on: by their cursors, without one by their first enabling. A position that belongs to another log would pass over events without a word, so it is set back to the
 * beginning of what the log holds, and that is told first: no event is skipped, some may be sent again.
 */
export class LogPlaces {
  constructor(private readonly options: LogPlacesOptions) {}

  /** By cursor id, for every partition of the log. @throws when the log or the document store does not answer */
  async of(integrations: readonly Subject[]): Promise<Places> {
    const { eventLog, cursors } = this.options;
    const identity = await eventLog.identity();
    cursors.log = identity;
    const saved = await cursors.load(integrations.map(({ id }) => id));
    // Asked after the cursors were read: none of this log lies beyond it.
    const ranges = await eventLog.ranges();
    const places = new Map<string, Place>();
    const suspects: Array<{ integration: Subject; place: Place; range: PartitionRange }> = [];
    for (const integration of integrations) {
      for (const range of ranges) {
        const place = placeOf(integration, range, saved.get(cursorId(integration.id, range.partition)));
        places.set(cursorId(integration.id, range.partition), place);
        if (misplaced(place, range, identity)) suspects.push({ integration, place, range });
      }
    }
    if (suspects.length > 0) await this.believe(suspects, identity, places);
    return places;
  }

  /** Sets cursors of one integration back to the beginning of what the log holds, after it was told. @returns by partition */
  async reset(integration: Pick<Integration, 'id' | 'name'>, resets: readonly Reset[]): Promise<Map<number, Place>> {
    const { eventLog, cursors } = this.options;
    const identity = await eventLog.identity();
    cursors.log = identity;
    const ranges = new Map((await eventLog.ranges()).map((range) => [range.partition, range]));
    await this.tell(integration, resets);
    await this.options.replaced();
    const places = new Map<number, Place>();
    for (const { partition, resets: known } of resets) {
      places.set(partition, { ...(await cursors.reset(integration.id, partition, known, ranges.get(partition)?.first ?? 0, identity)), saved: true });
    }
    return places;
  }

  /** A broker that just took over may not know its end yet: asked again a little later. */
  private async believe(suspects: ReadonlyArray<{ integration: Subject; place: Place; range: PartitionRange }>, identity: string, places: Map<string, Place>): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.options.confirmMs));
    const ranges = new Map((await this.options.eventLog.ranges()).map((range) => [range.partition, range]));
    const byIntegration = new Map<Subject, Reset[]>();
    for (const { integration, place, range } of suspects) {
      const why = misplaced(place, ranges.get(range.partition) ?? range, identity);
      if (why) byIntegration.set(integration, [...(byIntegration.get(integration) ?? []), { partition: range.partition, resets: place.resets, position: place.position, why }]);
    }
    for (const [integration, resets] of byIntegration) {
      for (const [partition, place] of await this.reset(integration, resets)) places.set(cursorId(integration.id, partition), place);
    }
  }

  private async tell({ id, name }: Pick<Integration, 'id' | 'name'>, resets: readonly Reset[]): Promise<void> {
    const { audit, clock, log } = this.options;
    const partitions = resets.map(({ partition }) => partition);
    const why = SENTENCES[resets[0]?.why ?? 'another-log'];
    log.error({ integration: name, integrationId: id, partitions, positions: resets.map(({ position }) => position), why }, 'the event log was replaced; delivery begins anew with the oldest event it holds, so that none is skipped');
    const record = newAuditRecord(
      {
        type: 'siem.state.changed', actor: systemActor('engine'), subject: { kind: 'integration', id, name }, outcome: 'failure',
        reason: `the event log was replaced (${why}): delivery begins anew with the oldest event it holds`,
        attributes: { code: 'log-replaced', partitions, positions: resets.map(({ position }) => position), fix: 'Nothing is skipped, some events may be sent again. Events that only the former log held have to be sent again by their producers.' },
        changes: [{ field: 'state', old: 'delivering', new: 'beginning anew' }],
      },
      clock,
    );
    // Found again after a crash, or by another engine, it is the same event.
    record.id = createHash('sha256').update(JSON.stringify([id, 'log-replaced', ...resets.map(({ partition, resets: known }) => [partition, known])])).digest('hex').slice(0, 40);
    await audit.record(record);
  }
}

const SENTENCES: Record<Misplaced, string> = {
  'another-log': 'it has another name than the one that the positions belong to',
  'beyond-the-end': 'it ends before the positions that were reached',
  'another-record': 'another record lies where the last delivered one lay',
};

/** Where it stands, or the oldest event where that is not known; never later than what was promised. */
function placeOf(integration: Subject, { partition, first }: PartitionRange, saved: SavedCursor | undefined): Place {
  const stands = standsAt(integration, partition, saved);
  return { ...(stands ?? { position: first, resets: 0 }), saved: saved !== undefined && stands === saved };
}

export function misplaced(place: Pick<Place, 'position' | 'log'>, range: PartitionRange, identity: string): Misplaced | undefined {
  if (place.log !== undefined && place.log !== identity) return 'another-log';
  return place.position > range.next ? 'beyond-the-end' : undefined;
}
