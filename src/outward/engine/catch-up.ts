import type { PartitionReader } from '../../contracts/event-log.js';
import { EventBatch } from '../delivery/event-batch.js';
import { wantedOf } from '../delivery/event-filter.js';
import type { LanePartition } from './lane-partition.js';
import { firstOffset, type FeedContext } from './feed-context.js';
import { missingIn } from './missing-positions.js';
import { parsingFor } from './parsing.js';
import { Signal } from './signal.js';

/** The own reader of a lane that is behind: from its position, at its own pace, until it has caught up with the shared reader. */
export class CatchUp {
  private stopped = false;
  private reader: PartitionReader | undefined;
  private readonly room = new Signal();

  constructor(
    private readonly owned: LanePartition,
    private readonly context: FeedContext,
    /** Asks the shared reader to take the lane back. */
    private readonly rejoin: () => boolean,
  ) {
    queueMicrotask(() => void this.run());
  }

  roomChanged(): void {
    this.room.notify();
  }

  stop(): void {
    this.stopped = true;
    this.room.notify();
    this.reader?.close().catch(() => undefined);
  }

  private async run(): Promise<void> {
    const { owned, context } = this;
    const label = `catching up of ${owned.lane.integration.name}`;
    // Something failed: from then on each event is parsed when it is read.
    let eager = false;
    while (!this.stopped) {
      try {
        if (!owned.lane.hasRoom) {
          await this.room.wait();
          continue;
        }
        if (this.rejoin()) break;
        this.reader ??= await context.eventLog.openReader(owned.partition, owned.taken, `catchup.${owned.lane.integration.id}.${context.engineId}`, context.readOptions);
        if (this.stopped) break;
        const batch = await this.reader.next();
        if (this.stopped) break;
        if (batch.records.length === 0) {
          if (batch.next > owned.taken) await context.passGap(owned, batch.next, missingIn(batch, owned.taken), () => this.stopped);
          continue;
        }
        const parsed = EventBatch.parse(batch, context.readForeign, eager ? 'at-once' : parsingFor([owned.lane]));
        if (parsed.unreadable.length > 0) await context.deadLetters.park(parsed.partition, parsed.unreadable, () => this.stopped);
        const first = firstOffset(parsed);
        const missing = missingIn(batch, owned.taken);
        if ((first > owned.taken || missing.length > 0) && !this.stopped) await context.passGap(owned, first, missing, () => this.stopped);
        if (this.stopped) break;
        owned.lane.offer(owned, parsed, wantedOf(owned.filter, parsed));
        context.reading.worked(label, owned.partition);
      } catch (error) {
        if (this.stopped) break;
        context.reading.failed(label, owned.partition, owned.taken, error);
        eager = true;
        await this.reader?.close().catch(() => undefined);
        this.reader = undefined;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
    await this.reader?.close().catch(() => undefined);
  }
}
