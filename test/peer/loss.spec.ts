import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { appendFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { httpGround, syslogGround, type LossGround } from '../soak/loss-grounds.js';
import { LOSS_FAULTS, lossRun, type LossFault } from '../soak/loss-run.js';
import { HecIntake, hecIntakeMissing } from '../support/hec-intake.js';
import { OpenSearch, openSearchMissing } from '../support/opensearch.js';
import { describeWithPeer } from '../support/peers.js';
import { rsyslogMissing } from '../support/rsyslog.js';
import { syslogNgMissing } from '../support/syslog-ng.js';

/** Small in CI; `npm run soak:loss` strikes each fault 50 times and writes the table down. */
const times = Number(process.env['TIDEGATE_TEST_LOSS_TIMES'] ?? 1);
/** Wanted; on a loaded machine producers get less through, which is printed, and by which the bound goes. */
const rate = Number(process.env['TIDEGATE_TEST_LOSS_RATE'] ?? 300);
const resultFile = process.env['TIDEGATE_TEST_LOSS_FILE'];
const only = process.env['TIDEGATE_TEST_FAULT']?.split(',');
const faults = LOSS_FAULTS.filter((fault) => only === undefined || only.includes(fault));

const LIMIT_MS = 120_000 + times * 30_000;
const HEAD = ['| fault | times | events/s | way | accepted | stored | lost | stored again | target | at most | parts | evidence |', '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |'];

async function holds(ground: LossGround, fault: LossFault): Promise<void> {
  const { rows, seconds, outageMs, postedPerSecond, target, bound, boundIs } = await lossRun({ ground, fault, times, rate, seed: 20261128 });
  const lines = rows.map((row) => `| ${fault} | ${times} | ${postedPerSecond} | ${row.way} | ${row.accepted} | ${row.stored} | ${row.lost} | ${row.repeated} | ${target} | ${bound} | ${row.torn} | ${row.evidence} |`);
  const table = [
    `${fault}: ${times} times in ${seconds} s, ${outageMs} ms without a receiver; ${new Date().toISOString().slice(0, 10)}, load ${loadavg().map((load) => load.toFixed(1)).join(' ')}, ${cpus().length} cores, ${process.version}`,
    `at most ${boundIs}`,
    ...HEAD, ...lines,
  ].join('\n');
  console.log(table);
  if (resultFile !== undefined) appendFileSync(resultFile, `${table}\n\n`);
  for (const { way, accepted, lost, repeated, evidence, wantedEvidence } of rows) {
    expect([way, lost]).toEqual([way, 0]);
    expect(accepted).toBeGreaterThan(0);
    expect([way, repeated, repeated <= bound]).toEqual([way, repeated, true]);
    expect([way, evidence]).toEqual([way, wantedEvidence]);
  }
}

describeWithPeer('events on their way to real receivers', rsyslogMissing('relp') ?? rsyslogMissing('gtls') ?? syslogNgMissing(), () => {
  it.each(faults)('are not lost, whatever the way, and repeated within the bound: %s', async (fault) => {
    const ground = await syslogGround();
    try {
      await holds(ground, fault);
    } finally {
      await ground.stop();
    }
  }, LIMIT_MS);
});

describeWithPeer('events on their way to real intakes over HTTP', hecIntakeMissing() ?? openSearchMissing(), () => {
  let ground: LossGround;
  beforeAll(async () => {
    HecIntake.prepare();
    OpenSearch.prepare();
    ground = await httpGround();
  }, 900_000);
  afterAll(() => ground.stop());

  // In the small size http-intakes.spec.ts kills the intakes, and `kill-both` kills Tidegate.
  const own = faults.filter((fault) => only !== undefined || resultFile !== undefined || (fault !== 'kill' && fault !== 'kill-tidegate'));
  it.each(own)('are not lost, and repeated within the bound: %s', (fault) => holds(ground, fault), LIMIT_MS);
});
