/**
 * A process of its own on an embedded event log, over the compiled service (dist):
 *   write <directory> <writer>   appends for ever; one line `partition offset mark` for each record that was acknowledged
 *   fill <directory> <writer>    appends until it is refused, then says `refused <code>` and ends
 *   own <directory> <pool>       joins a pool; lines `assigned <partition> <generation>` and `revoked <partition>`
 * Lines are written synchronously, so that a kill loses none that was due.
 */
import { writeSync } from 'node:fs';
import { EmbeddedEventLog } from '../../dist/platform/event-log/embedded/embedded-event-log.js';

const [mode, directory, name] = process.argv.slice(2);
const say = (line) => writeSync(1, `${line}\n`);
const log = { debug() {}, info() {}, warn() {}, error: (facts, message) => say(`error ${message} ${JSON.stringify(facts)}`), child: () => log };
const eventLog = new EmbeddedEventLog({
  directory,
  partitions: 4,
  retentionMs: 3_600_000,
  retentionBytes: 1_073_741_824,
  fullBytes: 2_147_483_648,
  minFreeDiskBytes: 0,
  retentionIntervalMs: 3_600_000,
  producerKeyMs: 3_600_000,
  poolLeaseMs: 1500,
  revokeGraceMs: 1000,
  clock: { now: () => Date.now() },
  log,
});
await eventLog.open();
say('ready');

if (mode === 'write') {
  let call = 0;
  const write = async () => {
    for (;;) {
      const marks = Array.from({ length: 1 + (call % 40) }, (_, index) => `${name}-${process.pid}-${call}-${index}`);
      call++;
      const outcomes = await eventLog.append(marks.map((mark, index) => ({ key: `k${(call + index) % 50}`, value: Buffer.from(mark.padEnd(300 + ((call * 37) % 900), '.')) })));
      say(outcomes.map((outcome, index) => (outcome.type === 'appended' ? `${outcome.partition} ${outcome.offset} ${marks[index]}` : `error ${outcome.reason}`)).join('\n'));
    }
  };
  await Promise.all([write(), write(), write()]);
} else if (mode === 'fill') {
  let outcomes;
  for (let call = 0; !outcomes || outcomes[0].type === 'appended'; call++) {
    const marks = Array.from({ length: 20 }, (_, index) => `${name}-${process.pid}-${call}-${index}`);
    outcomes = await eventLog.append(marks.map((mark, index) => ({ key: `k${index}`, value: Buffer.from(mark.padEnd(700, '.')) })));
    say(outcomes.map((outcome, index) => (outcome.type === 'appended' ? `${outcome.partition} ${outcome.offset} ${marks[index]}` : `refused ${outcome.code}`)).join('\n'));
  }
  say((await eventLog.health()).ok ? 'well' : 'not well');
  await eventLog.close();
} else {
  await eventLog.join(name, {
    startAt: async (_, range) => range.next,
    assigned: async ({ partition, generation }) => say(`assigned ${partition} ${generation}`),
    revoked: async (partition) => say(`revoked ${partition}`),
  });
}
