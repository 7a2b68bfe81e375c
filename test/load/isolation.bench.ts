/**
 * Latency of 96 healthy integrations with and without four bad ones beside them (dead, reads 1 KB/s, takes connections and never answers, resets always):
 * interleaved pairs, the ratio of the pairs, and beside it the ratio of two equal runs. A benchmark, not a test.
 *   npm run bench:isolation
 */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sampleEvent } from '../../src/model/sample-events.js';
import { BAD_WAYS, startBadReceiver, type BadReceiver } from '../support/bad-receivers.js';
import { freePort } from '../support/free-port.js';
import { ServiceProcess } from '../support/service-process.js';
import { machine, report } from './results.js';

const HEALTHY = Number(process.env['TIDEGATE_TEST_BENCH_INTEGRATIONS'] ?? 96);
const PAIRS = Number(process.env['TIDEGATE_TEST_BENCH_PAIRS'] ?? 5);
/** 100 events a second to 96 destinations are 9,600 deliveries a second: the process is busy and not full. */
const RATE = Number(process.env['TIDEGATE_TEST_BENCH_RATE'] ?? 100);
const SECONDS = Number(process.env['TIDEGATE_TEST_BENCH_SECONDS'] ?? 15);
const WARM_UP_SECONDS = 5;
const TICK_MS = 20;
const SINK = fileURLToPath(new URL('./sink.js', import.meta.url));

interface Latency {
  p50: number;
  p99: number;
  timed: number;
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}

function median(values: readonly number[]): number {
  return quantile([...values].sort((a, b) => a - b), 0.5);
}

async function run(withBad: boolean): Promise<Latency> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-isolation-'));
  const sink = fork(SINK, [String(HEALTHY)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ports = await new Promise<number[]>((resolve) => sink.once('message', (message) => resolve(message as number[])));
  const ask = (what: string) => new Promise<{ latencies: number[] }>((resolve) => {
    sink.once('message', (message) => resolve(message as { latencies: number[] }));
    sink.send(what);
  });
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
    for (const [at, port] of ports.entries()) await service.client.integrate({ name: `good ${at}`, serverUrl: `tcp://127.0.0.1:${port}`, outputType: 'cef', filter });
    await post(service, WARM_UP_SECONDS);
    await ask('time');
    await post(service, SECONDS);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const { latencies } = await ask('counts');
    const expected = HEALTHY * RATE * SECONDS;
    // A line may be torn between two reads of the sink, so a few of them go untimed.
    if (latencies.length < expected * 0.9) throw new Error(`only ${latencies.length} of ${expected} messages were timed`);
    latencies.sort((a, b) => a - b);
    return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), timed: latencies.length };
  } finally {
    await service.end();
    sink.kill();
    for (const receiver of bad) await receiver.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** One event a request at the steady rate; each is timed from its own `occurredAt`. */
async function post(service: ServiceProcess, seconds: number): Promise<void> {
  const { receivedAt: _ours, message: _template, id: _id, ...event } = sampleEvent('account.provisioned');
  const posting: Array<Promise<unknown>> = [];
  const begun = performance.now();
  for (let sent = 0; sent < RATE * seconds; ) {
    const due = Math.min(RATE * seconds, Math.floor(((performance.now() - begun) / 1000) * RATE) + 1);
    for (; sent < due; sent++) posting.push(service.client.ok('POST', '/api/v1/events', { ...event, occurredAt: new Date().toISOString() }));
    await new Promise((resolve) => setTimeout(resolve, TICK_MS / 4));
  }
  await Promise.all(posting);
}

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
  ratios.p50.push(beside.p50 / Math.max(1, without.p50));
  ratios.p99.push(beside.p99 / Math.max(1, without.p99));
  if (before) {
    ratios.equalP50.push(without.p50 / Math.max(1, before.p50));
    ratios.equalP99.push(without.p99 / Math.max(1, before.p99));
  }
  before = without;
  rows.push({ pair, 'p50 ms without': without.p50, 'p50 ms with': beside.p50, 'p99 ms without': without.p99, 'p99 ms with': beside.p99, timed: beside.timed });
  console.log(rows.at(-1));
}
const rounded = (value: number) => Math.round(value * 100) / 100;
rows.push({ pair: 'median ratio with/without (at most 1.05 and 1.25)', 'p50 ms with': rounded(median(ratios.p50)), 'p99 ms with': rounded(median(ratios.p99)) });
rows.push({ pair: 'median ratio of two equal runs', 'p50 ms with': rounded(median(ratios.equalP50)), 'p99 ms with': rounded(median(ratios.equalP99)) });
report('isolation', { ...machine(), healthy: HEALTHY, bad: BAD_WAYS.join(', '), eventsPerSecond: RATE, seconds: SECONDS, note: 'producer, service, sinks and bad receivers share the cores; times in whole milliseconds' }, rows);
