import type { LanePartition } from './lane-partition.js';

/** Where a lane gets the events of one partition from: the reader that all lanes share, or the one of a replay. */
export interface Feed {
  readonly partition: number;
  /** Begins (again) to read for a lane, from where it stands (`taken`). */
  attach(lane: LanePartition): void;
  /** Stops reading for it; it may be attached again. */
  detach(lane: LanePartition): void;
  /** The lane has room again. */
  roomChanged(lane: LanePartition): void;
  hasLive(lane: LanePartition): boolean;
}
