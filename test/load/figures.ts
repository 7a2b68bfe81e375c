/**
 * Makes docs/reference/figures.md from the result files of the benchmarks and of the loss runs. Nothing is measured here and nothing is written by hand.
 *   npm run docs:figures
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Verdict } from './peers/targets.js';

interface Results {
  machine: Record<string, unknown> & { verdicts?: Verdict[] };
  rows: Array<Record<string, string | number>>;
}

/** A target of the product that one result file answers by itself. */
interface OwnTarget {
  target: string;
  wanted: string;
  /** The measured value and whether it is enough; undefined when the file does not tell. */
  judge: (rows: Results['rows'], machine: Results['machine']) => { reached: string; met: boolean } | undefined;
}

interface Section {
  title: string;
  file: string;
  command: string;
  says: string;
  targets: readonly OwnTarget[];
}

/** Events a second where the targets were set: a number of events a second says nothing by itself about another machine. */
const YARDSTICK = { accepted: 20_000, rsyslogCef: 59_900 };
const YARDSTICK_RATIO = YARDSTICK.accepted / YARDSTICK.rsyslogCef;

const SECTIONS: readonly Section[] = [
  {
    title: 'Latency', file: 'latency', command: 'npm run bench:latency',
    says: 'One event a request at a steady rate after a rush of 20,000 events; the time from the 202 at the producer to the read at the sink (negative: the sink had it first), and from the send of the request.',
    targets: [{
      target: 'p99 accepted to read, 200 events/s, 10 integrations, embedded', wanted: '<= 25 ms',
      judge: (rows) => judgeAll(rows, 'p99 ms', (ms) => ms <= 25, 'ms', Math.max),
    }],
  },
  {
    title: 'The outward walk of one process on the embedded stores', file: 'outward', command: 'npm run bench:outward',
    says: 'Batches of 500 from 4 producers; accepted is durable (flushed); delivered is read by every sink. With 0 integrations the intake is alone.',
    targets: [
      { target: 'events accepted durably a second, one process that also delivers to one integration', wanted: '>= 20,000', judge: (rows) => judgeAll(rows.filter((row) => row['integrations'] === 1 && row['outputType'] === 'cef'), 'accepted/s', (rate) => rate >= 20_000, 'events/s', Math.min) },
      { target: 'events accepted durably a second, intake alone', wanted: '>= 20,000', judge: (rows) => judgeAll(rows.filter((row) => row['integrations'] === 0), 'accepted/s', (rate) => rate >= 20_000, 'events/s', Math.min) },
      { target: `the same, by the speed of the machine: beside the events that rsyslog forwards as CEF on it (${YARDSTICK.accepted.toLocaleString('en')} beside ${YARDSTICK.rsyslogCef.toLocaleString('en')} where the target was set)`, wanted: `>= ${YARDSTICK_RATIO.toFixed(2)} x`, judge: (rows, machine) => besideRsyslog(rows.filter((row) => row['integrations'] === 0), machine) },
      { target: 'resident memory with 10 integrations, at the peak of the rush', wanted: '<= 250 MB', judge: (rows) => judgeAll(rows.filter((row) => row['integrations'] === 10), 'peak RSS MB', (mb) => mb <= 250, 'MB', Math.max) },
    ],
  },
  {
    title: 'On Apache Kafka', file: 'kafka', command: 'npm run bench:kafka',
    says: 'An engine of its own on a topic of 12 partitions: events that had gathered, then one event a request at a steady rate, with and without a dead integration for which the backlog waits.',
    targets: [
      { target: 'p99 accepted to read, 200 events/s, 10 integrations, Kafka', wanted: '<= 50 ms', judge: (rows) => judgeAll(rows.filter(({ what }) => String(what).includes('events/s, alone')), 'p99 ms', (ms) => ms <= 50, 'ms', Math.max) },
      { target: 'resident memory with 10 integrations beside a dead one with a million events waiting', wanted: '<= 250 MB', judge: (rows) => judgeAll(rows.filter(({ what }) => String(what).includes('beside a dead one with')), 'peak RSS MB', (mb) => mb <= 250, 'MB', Math.max) },
    ],
  },
  {
    title: 'Memory at a steady rate', file: 'memory', command: 'npm run bench:memory',
    says: 'One process on the embedded stores, as in the container: a rush, then (in a process that was started again, where the heading says so) a steady rate to nine integrations beside a dead one for which everything waits.',
    targets: [
      { target: 'resident memory with 10 integrations, one of them dead with a million events waiting, at 200 events/s', wanted: '<= 250 MB', judge: (rows) => judgeAll(rows.filter(({ when }) => String(when).startsWith('most')), 'RSS MB', (mb) => mb <= 250, 'MB', Math.max) },
      { target: 'its growth an hour', wanted: '<= 10 MB', judge: (rows) => judgeAll(rows.filter(({ when }) => String(when).startsWith('growth')), 'RSS MB', (mb) => mb <= 10, 'MB', Math.max) },
    ],
  },
  { title: 'Beside the peers', file: 'peers', command: 'npm run bench:peers', says: 'One topic, one sink in C, interleaved rounds, medians. Compare within the table; absolutes belong to the machine.', targets: [] },
  {
    title: 'Isolation', file: 'isolation', command: 'npm run bench:isolation',
    says: '96 healthy integrations with and without four bad ones beside them (dead, 1 KB/s, mute, resets always); interleaved pairs.',
    targets: [
      { target: '96 of 100 beside four bad ones, median ratio of p50', wanted: '<= 1.05', judge: (rows) => judgeAll(rows.filter(({ pair }) => String(pair).includes('with/without')), 'p50 ms with', (ratio) => ratio <= 1.05, 'x', Math.max) },
      { target: '96 of 100 beside four bad ones, median ratio of p99', wanted: '<= 1.25', judge: (rows) => judgeAll(rows.filter(({ pair }) => String(pair).includes('with/without')), 'p99 ms with', (ratio) => ratio <= 1.25, 'x', Math.max) },
    ],
  },
  {
    title: 'Many filters', file: 'filters', command: 'npm run bench:filters', says: 'A thousand integrations that each take a thousandth of the stream, beside one that takes all; the last row is of conditions that no index serves.',
    targets: [{ target: '1,000 integrations that take 1/1,000 each, CPU per event beside one that takes all', wanted: '<= 2 x', judge: (rows) => judgeAll(rows.filter(({ integrations }) => /^1,000(?!.*not indexed)/.test(String(integrations))), 'ratio to one', (ratio) => ratio <= 2, 'x', Math.max) }],
  },
  { title: 'Alerts', file: 'alerts', command: 'npm run bench:alerts', says: 'The inward walk, with as many stored alerts as the heading of the machine says.', targets: [] },
];
const LOSS: ReadonlyArray<{ title: string; file: string; says: string }> = [
  { title: 'Loss on the way to real receivers', file: 'loss.txt', says: 'rsyslog and syslog-ng over every way, HEC and `_bulk` at real intakes: killed, Tidegate killed alone and together with them, stopped, gone silent behind a proxy, cut in mid-frame, without room on the disk; `npm run soak:loss`.' },
  { title: 'Faults of the engines, full size', file: 'faults-full-size.txt', says: '`npm run soak:engines`, `soak:api`, `soak:zombie`, `soak:rebalance`, `soak:broker`, `soak:broker-of-three` and `soak:documents`.' },
  { title: 'Random events through every format', file: 'formats.txt', says: 'What parsers of other makes and the strict parsers of the tests (JSON by the published schema, ECS by the dictionary of @elastic/ecs 9.4.0) read, compared with the projections of `test/support/projections`; `npm run soak:formats`.' },
  { title: 'Mitigation under kills', file: 'mitigation.txt', says: '`npm run soak:mitigation` and `soak:bodies`.' },
  { title: 'Other loss runs', file: 'last-run.txt', says: '`npm run soak:kill` and the peer tests.' },
];
const PAGE = join('docs', 'reference', 'figures.md');

function judgeAll(rows: Results['rows'], figure: string, enough: (value: number) => boolean, unit: string, worst: (...values: number[]) => number): { reached: string; met: boolean } | undefined {
  const values = rows.map((row) => row[figure]).filter((value) => typeof value === 'number');
  if (values.length === 0) return undefined;
  const value = worst(...values);
  return { reached: `${value.toLocaleString('en')} ${unit}`, met: enough(value) };
}

/** Undefined where rsyslog was not measured on the same machine and day. */
function besideRsyslog(rows: Results['rows'], machine: Results['machine']): { reached: string; met: boolean } | undefined {
  const peers = resultsOf('peers');
  const accepted = rows[0]?.['accepted/s'];
  const forwarded = peers?.rows.find(({ scenario, peer }) => scenario === 'cef' && peer === 'rsyslog')?.['events/s'];
  const alike = ['cpu', 'cores', 'kernel', 'date'].every((fact) => peers?.machine[fact] === machine[fact]);
  if (!alike || typeof accepted !== 'number' || typeof forwarded !== 'number') return undefined;
  const ratio = accepted / forwarded;
  return { reached: `${ratio.toFixed(2)} x`, met: ratio >= YARDSTICK_RATIO };
}

function table(rows: ReadonlyArray<Record<string, string | number>>): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(names), line(names.map(() => '---')), ...rows.map((row) => line(names.map((name) => (typeof row[name] === 'number' ? row[name].toLocaleString('en') : (row[name] ?? '')))))].join('\n');
}

function machineOf({ machine }: Results): string {
  const { verdicts: _verdicts, ...facts } = machine;
  return Object.entries(facts).map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(', ') : String(value)}`).join('; ');
}

function resultsOf(file: string): Results | undefined {
  const path = join('test', 'load', 'results', `${file}.json`);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Results) : undefined;
}

function page(): string {
  const found = SECTIONS.map((section) => ({ section, results: resultsOf(section.file) }));
  const judged: Verdict[] = found.flatMap(({ section, results }) => [
    ...section.targets.map(({ target, wanted, judge }): Verdict => {
      const answer = results && judge(results.rows, results.machine);
      return { target, wanted, reached: answer?.reached ?? '-', met: answer === undefined ? 'not measured' : answer.met ? 'met' : 'missed' };
    }),
    ...(results?.machine.verdicts ?? []).filter(({ met }) => met !== 'not measured'),
  ]);
  return [
    '# Figures of speed and loss',
    '',
    'Made by `npm run docs:figures` from the result files under `test/load/results` and `test/soak/results`; each section names the command that measures it again.',
    'Loads before the runs are stated because a loaded machine makes wall times worse; CPU times and ratios within one interleaved run say more.',
    '',
    '## Targets',
    '',
    table(judged.map(({ target, wanted, reached, met }) => ({ target, wanted, reached, 'met or missed': met }))),
    ...found.flatMap(({ section, results }) => ['', `## ${section.title}`, '', `\`${section.command}\`. ${section.says}`, '', ...(results ? [machineOf(results), '', table(results.rows)] : ['Not measured yet.'])]),
    ...LOSS.flatMap(({ title, file, says }) => {
      const path = join('test', 'soak', 'results', file);
      return ['', `## ${title}`, '', says, '', ...(existsSync(path) ? ['```', readFileSync(path, 'utf8').trimEnd(), '```'] : ['Not measured yet.'])];
    }),
    '',
  ].join('\n');
}

writeFileSync(PAGE, page());
console.log(`written to ${PAGE}`);
