/**
 * A million random events through every format and back through parsers of other makes (`npm run soak:formats`; needs go, java with mvn, and python3). Other sizes by TIDEGATE_SOAK_EVENTS,
 * TIDEGATE_SOAK_SEED; TIDEGATE_SOAK_SPLIT_EVERY and TIDEGATE_SOAK_JSON_EVERY say of every how many events the parts are compared, and Python reads what is JSON. The output is kept as test/soak/results/formats.txt, or where TIDEGATE_SOAK_FILE says.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { IndependentParsers } from '../support/independent-parsers.js';
import { type FormatsOutcome, runFormats } from './formats-run.js';

const events = Number(process.env.TIDEGATE_SOAK_EVENTS ?? 1_000_000);
const seed = Number(process.env.TIDEGATE_SOAK_SEED ?? 20_250_304);
const splitEvery = Number(process.env.TIDEGATE_SOAK_SPLIT_EVERY ?? 10);
const jsonEvery = Number(process.env.TIDEGATE_SOAK_JSON_EVERY ?? 10);
const file = process.env.TIDEGATE_SOAK_FILE ?? join('test', 'soak', 'results', 'formats.txt');
const WRITE_EVERY = 10_000;
/** The parsers of the tests read what go-syslog and ParCEFone read of every event, too, but not of every one. */
const OWN_EVERY = 10;

const began = performance.now();
const about = `npm run soak:formats, seed ${seed}, commit ${commit()}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}, load at start ${load()}`;
mkdirSync(dirname(file), { recursive: true });
const independent = await IndependentParsers.start();
const onBlock = (outcome: FormatsOutcome): void => {
  // A run that is stopped leaves what it has shown so far.
  if (outcome.events % WRITE_EVERY !== 0) return;
  writeFileSync(file, report(outcome));
  console.log(`${number(outcome.events)} events, ${seconds()} s, disagreements: ${outcome.disagreements}`);
};
const outcome = await runFormats({ seed, events, longShare: 0.3, splitEvery, independent, jsonEvery, ownEvery: OWN_EVERY, onBlock }).finally(() => independent.end());
writeFileSync(file, report(outcome));
console.log(report(outcome));
if (outcome.disagreements > 0) process.exitCode = 1;

function report({ events: done, compared, split, refused, disagreements, shown }: FormatsOutcome): string {
  const rows = [...compared].sort(([one], [other]) => one.localeCompare(other)).map(([key, { events: each, records, octets }]) => {
    const parted = key.indexOf(': ');
    return [key.slice(0, parted), key.slice(parted + 2), number(each), number(records), number(Math.round(octets / records))];
  });
  return `${[
    `${number(done)}${done === events ? '' : ` of ${number(events)}`} random events through every format and back: ${about}`,
    table([['format', 'read by', 'events', 'records', 'octets a record'], ...rows]),
    `"test parser": the strict parsers of test/support/parsers, written from the standards (JSON by the published schema, ECS by the dictionary of @elastic/ecs 9.4.0); of what another parser reads of every event, every ${OWN_EVERY}th. In turn each event stands in one format behind one header, too. Of every ${splitEvery}th event what is longer than 2,048 octets was split (${number(split)} renderings, compared when joined; ${number(refused)} with a value too long for any part, refused for that). Python reads every ${jsonEvery}th event.`,
    `disagreements: ${number(disagreements)}; ${seconds()} s, load at the end ${load()}`,
    ...shown,
  ].join('\n')}\n`;
}

function seconds(): number {
  return Math.round((performance.now() - began) / 1000);
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function load(): string {
  return loadavg().map((value) => value.toFixed(1)).join(' ');
}

function commit(): string {
  const git = (...options: string[]) => execFileSync('git', options, { encoding: 'utf8' }).trim();
  return `${git('rev-parse', '--short=12', 'HEAD')}${git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ' with changes'}`;
}

function table(rows: readonly string[][]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n');
}
