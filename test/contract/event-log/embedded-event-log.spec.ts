import { openTestEventLog } from '../../support/embedded-event-log.js';
import { eventLogContract, rangeOf, until } from './event-log.contract.js';

eventLogContract('embedded', async ({ partitions }) => {
  let ahead = 0;
  const opened = await openTestEventLog({ partitions, retentionMs: 86_400_000, retentionIntervalMs: 50, clock: { now: () => Date.now() + ahead } });
  return {
    get log() {
      return opened.log;
    },
    another: () => opened.another(),
    reopen: () => opened.reopen(),
    expire: async (partition) => {
      ahead = 3 * 86_400_000;
      // Only the newest batch stays: nothing more goes once the first position is the only batch's.
      let last = -1;
      await until(async () => {
        const { first } = await rangeOf(opened.log, partition);
        const settled = first > 0 && first === last;
        last = first;
        return settled;
      });
    },
    dispose: () => opened.dispose(),
  };
});
