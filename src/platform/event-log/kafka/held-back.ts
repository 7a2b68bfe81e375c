import type { Batch } from 'kafkajs';
import type { PositionRun } from '../../../contracts/event-log.js';

/** What a fetch held beside the messages. kafkajs keeps it in a member that its types do not name (2.2.4, pinned; `event-log-kafka` among the peer tests looks after it). */
export function heldBack(batch: Batch): readonly PositionRun[] {
  const { messages, messagesWithinOffset: all } = batch as Batch & { messagesWithinOffset?: ReadonlyArray<{ offset: string }> };
  if (!all || all.length === messages.length) return NONE;
  const runs: PositionRun[] = [];
  let given = 0;
  for (const { offset } of all) {
    if (messages[given]?.offset === offset) given++;
    else addPosition(runs, Number(offset));
  }
  return runs;
}

const NONE: readonly PositionRun[] = [];

function addPosition(runs: PositionRun[], position: number): void {
  const last = runs.at(-1);
  if (last?.to === position) last.to++;
  else runs.push({ from: position, to: position + 1 });
}
