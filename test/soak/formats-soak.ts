/**
 * A million random events through every format and back (`npm run soak:formats`). Other sizes by TIDEGATE_SOAK_EVENTS and TIDEGATE_SOAK_SEED; the output is kept under test/soak/results.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runFormats } from './formats-run.js';

const events = Number(process.env.TIDEGATE_SOAK_EVENTS ?? 1_000_000);
const seed = Number(process.env.TIDEGATE_SOAK_SEED ?? 20_250_304);
const began = performance.now();
const lines: string[] = [];
const say = (line: string): void => {
  console.log(line);
  lines.push(line);
};

say(`${events.toLocaleString('en-US')} random events through every format, seed ${seed}, Node ${process.version}`);
const outcome = runFormats({ seed, events, longShare: 1, splitEvery: 10, onBlock: (done) => done % 10_000 === 0 && say(`${done.toLocaleString('en-US')} events, ${seconds()} s`) });
for (const [outputType, records] of Object.entries(outcome.records)) {
  say(`${outputType.padEnd(6)} ${records.toLocaleString('en-US').padStart(10)} records equal to their projection, ${Math.round(outcome.octets[outputType as keyof typeof outcome.octets] / records)} octets on average`);
}
say(`every 10th event split beyond 2,048 octets: ${outcome.split.toLocaleString('en-US')} renderings in ${outcome.parts.toLocaleString('en-US')} parts, equal when joined; ${outcome.refused.toLocaleString('en-US')} with a value too long for any part, refused`);
say(`no difference, ${seconds()} s`);
const folder = join('test', 'soak', 'results');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'formats.txt'), `${lines.join('\n')}\n`);

function seconds(): number {
  return Math.round((performance.now() - began) / 1000);
}
