import { expect, it } from '@jest/globals';
import { appendFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { LOSS_FAULTS, lossRun, type LossFault } from '../soak/loss-run.js';
import { describeWithPeer } from '../support/peers.js';
import { rsyslogMissing } from '../support/rsyslog.js';
import { syslogNgMissing } from '../support/syslog-ng.js';

/** Small in CI; `npm run soak:loss` strikes each fault 50 times and writes the table down. */
const timesOf = (fault: LossFault) => Number(process.env['TIDEGATE_TEST_LOSS_TIMES'] ?? { kill: 3, 'kill-both': 1, stall: 2, silence: 2, cut: 2 }[fault]);
/** Wanted; on a loaded machine producers get less through, which is printed. */
const rate = Number(process.env['TIDEGATE_TEST_LOSS_RATE'] ?? 300);
const resultFile = process.env['TIDEGATE_TEST_LOSS_FILE'];
const only = process.env['TIDEGATE_TEST_FAULT'];

const LIMIT_MS = Number(process.env['TIDEGATE_TEST_LOSS_TIMES'] ?? 0) * 25_000;

describeWithPeer('events on their way to real receivers', rsyslogMissing('relp') ?? rsyslogMissing('gtls') ?? syslogNgMissing(), () => {
  const head = ['| fault | times | events/s | way | accepted | stored | lost | stored again | at most | parts | evidence |', '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |'];

  it.each(LOSS_FAULTS.filter((fault) => only === undefined || fault === only))('are not lost, whatever the way: %s', async (fault) => {
    const times = timesOf(fault);
    const { rows, seconds, outageMs, postedPerSecond } = await lossRun({ fault, times, rate, seed: 20261128 });
    const lines = rows.map((row) => `| ${fault} | ${times} | ${postedPerSecond} | ${row.way} | ${row.accepted} | ${row.stored} | ${row.lost} | ${row.repeated} | ${row.bound} | ${row.torn} | ${row.evidence} |`);
    const table = [`${fault}: ${times} times in ${seconds} s, ${outageMs} ms without a receiver; ${new Date().toISOString().slice(0, 10)}, load ${loadavg().map((load) => load.toFixed(1)).join(' ')}, ${cpus().length} cores, ${process.version}`, ...head, ...lines].join('\n');
    console.log(table);
    if (resultFile !== undefined) appendFileSync(resultFile, `${table}\n\n`);
    for (const { way, accepted, lost, repeated, bound, evidence } of rows) {
      expect([way, lost]).toEqual([way, 0]);
      expect(accepted).toBeGreaterThan(0);
      expect([way, repeated <= bound]).toEqual([way, true]);
      expect([way, evidence]).toEqual([way, way.includes('relp') ? 'accepted' : 'read']);
    }
  }, 120_000 + LIMIT_MS);
});
