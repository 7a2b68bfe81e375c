import type { Model } from 'mongoose';
import type { Clock } from '../../contracts/clock.js';
import type { Evidence } from '../../contracts/transport.js';
import type { Integration } from '../../model/integration.js';
import { wayOf, type ReachDocument } from './reach.schema.js';

/** What did not change is written again after so long, so that it is told how fresh it is. */
const AGAIN_MS = 60_000;

type Subject = Pick<Integration, 'id' | 'protocol' | 'serverUrl' | 'port' | 'connection'>;

/** A lane, as far as it tells what its receiver proved last. */
export interface Reaching {
  integration: Subject;
  /** Null as long as its sessions proved nothing. */
  reached: Evidence | null;
}

/** Remembers which rung the receivers of integrations reach, as the Test button and real sessions find it out. */
export class ReachStore {
  private readonly written = new Map<string, { at: number; digest: string }>();

  constructor(private readonly model: Model<ReachDocument>, private readonly clock: Clock) {}

  /** What the streams proved since the last call. @throws when the document store refuses; the next call tells it again */
  async follow(lanes: Iterable<Reaching>): Promise<void> {
    const now = this.clock.now();
    for (const { integration, reached } of lanes) {
      if (reached === null) continue;
      const before = this.written.get(integration.id);
      if (before && before.digest === digestOf(integration, reached) && Math.abs(now - before.at) < AGAIN_MS) continue;
      await this.found(integration, reached, 'stream');
    }
  }

  /** @throws when the document store refuses */
  async found(integration: Subject, rung: Evidence, foundBy: ReachDocument['foundBy']): Promise<void> {
    const now = this.clock.now();
    const at = new Date(now);
    const way = wayOf(integration);
    const same = await this.model.updateOne({ _id: integration.id, rung, way }, { $set: { at, foundBy } });
    if (same.matchedCount === 0) await this.model.updateOne({ _id: integration.id }, { $set: { rung, way, foundBy, since: at, at } }, { upsert: true });
    // What a test found is no word of the stream: that says the same, or something else, the next time.
    if (foundBy === 'stream') this.written.set(integration.id, { at: now, digest: digestOf(integration, rung) });
    else this.written.delete(integration.id);
  }
}

function digestOf(integration: Subject, rung: Evidence): string {
  return `${rung}|${wayOf(integration)}`;
}
