/**
 * Latency of 96 healthy integrations with and without four bad ones beside them (dead, reads 1 KB/s, takes connections and never answers, resets always):
 * interleaved pairs, the ratio of the pairs, and beside it the ratio of two equal runs. A benchmark, not a test.
 *   npm run bench:isolation
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BAD_WAYS, startBadReceiver, type BadReceiver } from '../support/bad-receivers.js';
import { freePort } from '../support/free-port.js';
import { ServiceProcess } from '../support/service-process.js';
import { machine, report } from './results.js';
import { quantile } from './support/process-figures.js';
import { Sink } from './support/sink.js';
import { producersEnd, steady } from './support/steady.js';

const HEALTHY = Number(process.env['TIDEGATE_TEST_BENCH_INTEGRATIONS'] ?? 96);
const PAIRS = Number(process.env['TIDEGATE_TEST_BENCH_PAIRS'] ?? 5);
/** 100 events a second to 96 destinations are 9,600 deliveries a second: the process is busy and not full. */
const RATE = Number(process.env['TIDEGATE_TEST_BENCH_RATE'] ?? 100);
const SECONDS = Number(process.env['TIDEGATE_TEST_BENCH_SECONDS'] ?? 15);
const WARM_UP_SECONDS = 5;

interface Latency {
  p50: number;
  p99: number;
  timed: number;
}

function median(values: readonly number[]): number {
  return quantile([...values].sort((a, b) => a - b), 0.5);
}

async function run(withBad: boolean): Promise<Latency> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-isolation-'));
  const sink = await Sink.start({ tcpPorts: HEALTHY, start: '<' });
  const service = new ServiceProcess(dataDir, await freePort());
  const bad: BadReceiver[] = [];
  try {
    await service.start(60_000);
    const filter = { types: ['account.*'] };
    if (withBad) {
      for (const way of BAD_WAYS) {
        const receiver = await startBadReceiver(way);
        bad.push(receiver);
        await service.client.integrate({ name: way, serverUrl: `tcp://127.0.0.1:${receiver.port}`, outputType: 'cef', filter });
      }
    }
    for (const [at, port] of sink.portList.entries()) await service.client.integrate({ name: `good ${at}`, serverUrl: `tcp://127.0.0.1:${port}`, outputType: 'cef', filter });
    await steady(service.port, RATE, WARM_UP_SECONDS);
    await sink.time();
    const accepted = await steady(service.port, RATE, SECONDS);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const latencies = (await sink.arrivals()).filter(({ sentUs }) => accepted.has(sentUs)).map(({ sentUs, readUs }) => (readUs - sentUs) / 1000).sort((a, b) => a - b);
    const expected = HEALTHY * accepted.size;
    if (latencies.length < expected) throw new Error(`only ${latencies.length} of ${expected} messages were read`);
    return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), timed: latencies.length };
  } finally {
    await service.end();
    sink.end();
    for (const receiver of bad) await receiver.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

const rounded = (value: number) => Math.round(value * 100) / 100;
const rows: Array<Record<string, number | string>> = [];
const ratios = { p50: [] as number[], p99: [] as number[], equalP50: [] as number[], equalP99: [] as number[] };
let before: Latency | undefined;
for (let pair = 1; pair <= PAIRS; pair++) {
  // Which of the two goes first changes from pair to pair.
  const order = pair % 2 === 1 ? [false, true] : [true, false];
  const measured = new Map<boolean, Latency>();
  for (const withBad of order) measured.set(withBad, await run(withBad));
  const without = measured.get(false);
  const beside = measured.get(true);
  if (!without || !beside) throw new Error('a run is missing');
  ratios.p50.push(beside.p50 / without.p50);
  ratios.p99.push(beside.p99 / without.p99);
  if (before) {
    ratios.equalP50.push(without.p50 / before.p50);
    ratios.equalP99.push(without.p99 / before.p99);
  }
  before = without;
  rows.push({ pair, 'p50 ms without': rounded(without.p50), 'p50 ms with': rounded(beside.p50), 'p99 ms without': rounded(without.p99), 'p99 ms with': rounded(beside.p99), timed: beside.timed });
  console.log(rows.at(-1));
}
rows.push({ pair: 'median ratio with/without (at most 1.05 and 1.25)', 'p50 ms with': rounded(median(ratios.p50)), 'p99 ms with': rounded(median(ratios.p99)) });
rows.push({ pair: 'median ratio of two equal runs', 'p50 ms with': rounded(median(ratios.equalP50)), 'p99 ms with': rounded(median(ratios.equalP99)) });
report('isolation', { ...machine(), healthy: HEALTHY, bad: BAD_WAYS.join(', '), eventsPerSecond: RATE, seconds: SECONDS, note: 'producer, service, sinks and bad receivers share the cores; from the send of the request to the read' }, rows);
producersEnd();
