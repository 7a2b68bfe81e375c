/**
 * Tidegate on Apache Kafka: an engine of its own with 1, 10 and 100 integrations; ten that work off a backlog beside a dead one; and the latency of ten at a
 * steady rate, with and without a dead one for which that backlog waits, in interleaved pairs. A benchmark, not a test.
 *   npm run bench:kafka [-- backlog] [pairs] [seconds]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/free-port.js';
import { startKafka } from '../support/kafka.js';
import { TidegatePeer } from './peers/tidegate-peer.js';
import { machine, report } from './results.js';
import { quantile } from './support/process-figures.js';
import { Sink } from './support/sink.js';
import { producersEnd, steady } from './support/steady.js';

const [BACKLOG = 1_000_000, PAIRS = 5, SECONDS = 15] = process.argv.slice(2).map(Number);
const EVENTS = Math.min(BACKLOG, 100_000);
const RATE = 200;
const WARM_SECONDS = 5;
const INTEGRATIONS = 10;
const LIMIT_MS = 900_000;
const CEF = { format: 'cef', protocol: 'tcp' } as const;

type Row = Record<string, number | string>;
const round = (value: number, digits = 1) => Math.round(value * 10 ** digits) / 10 ** digits;
const median = (values: readonly number[]) => quantile([...values].sort((a, b) => a - b), 0.5);

/** Every event of the topic to each integration. */
async function workOff(peer: TidegatePeer, events: number, integrations: number, dead: boolean): Promise<Row> {
  const sink = await Sink.start({ start: '<', tcpPorts: integrations });
  const running = await peer.start(CEF, { ports: sink.portList, run: `work off ${integrations} ${dead ? 'and a dead one' : ''}`, fromNow: false, ...(dead ? { deadPort: await freePort() } : {}) });
  try {
    const { firstUs, lastUs } = await sink.reaches(events, LIMIT_MS);
    const seconds = (lastUs - firstUs) / 1e6;
    return {
      what: `${events.toLocaleString('en')} events that had gathered to each${dead ? ', beside a dead integration' : ''}`, integrations, 'events/s': Math.round(events / seconds), 'deliveries/s': Math.round((events * integrations) / seconds),
      'CPU s per million deliveries': round((running.cpu() / (events * integrations)) * 1e6), 'peak RSS MB': running.peak(),
    };
  } finally {
    await running.stop();
    sink.end();
  }
}

/** Milliseconds. */
interface Latency {
  /** From the 202 at the producer to the read at the sink; negative where the sink had it first. */
  accepted: { p50: number; p99: number };
  /** From the sending of the request: never near zero, so this is what is compared. */
  p50: number;
  p99: number;
  peakMb: number;
}

async function latency(peer: TidegatePeer, run: string, dead: boolean): Promise<Latency> {
  const sink = await Sink.start({ start: '<', tcpPorts: INTEGRATIONS });
  const running = await peer.start(CEF, { ports: sink.portList, run, fromNow: true, ...(dead ? { deadPort: await freePort() } : {}) });
  try {
    await steady(peer.port, RATE, WARM_SECONDS);
    await sink.time();
    const accepted = await steady(peer.port, RATE, SECONDS);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const arrivals = (await sink.arrivals()).filter(({ sentUs }) => accepted.has(sentUs));
    const expected = accepted.size * INTEGRATIONS;
    if (arrivals.length < expected) throw new Error(`${arrivals.length} of ${expected} events were read`);
    const quantiles = (times: number[]) => {
      times.sort((a, b) => a - b);
      return { p50: round(quantile(times, 0.5)), p99: round(quantile(times, 0.99)) };
    };
    return {
      accepted: quantiles(arrivals.map(({ sentUs, readUs }) => (readUs - (accepted.get(sentUs) ?? sentUs)) / 1000)),
      ...quantiles(arrivals.map(({ sentUs, readUs }) => (readUs - sentUs) / 1000)), peakMb: running.peak(),
    };
  } finally {
    await running.stop();
    sink.end();
  }
}

const directory = mkdtempSync(join(tmpdir(), 'tidegate-bench-kafka-'));
const about = { ...machine(), backlog: BACKLOG, pairs: PAIRS, seconds: SECONDS, kafka: 'one broker, 12 partitions, on the same cores', note: 'CEF over TCP, sealed; the engine is a process of its own and the one that is measured; broker, API, producer and sinks share the cores' };
const kafka = await startKafka();
const rows: Row[] = [];
try {
  const peer = await TidegatePeer.open(join(directory, 'tidegate'), kafka.brokers);
  try {
    await peer.fill(EVENTS);
    for (const integrations of [1, 10, 100]) console.log(rows[rows.push(await workOff(peer, EVENTS, integrations, false)) - 1]);
    await peer.fill(BACKLOG - EVENTS, EVENTS);
    console.log(rows[rows.push(await workOff(peer, BACKLOG, INTEGRATIONS, true)) - 1]);
    const ratios = { p50: [] as number[], p99: [] as number[], equalP50: [] as number[], equalP99: [] as number[] };
    const alone: Latency[] = [];
    const beside: Latency[] = [];
    for (let pair = 1; pair <= PAIRS; pair += 1) {
      // Which of the two goes first changes from pair to pair.
      const found = new Map<boolean, Latency>();
      for (const dead of pair % 2 === 1 ? [false, true] : [true, false]) found.set(dead, await latency(peer, `pair ${pair} ${dead ? 'with' : 'without'}`, dead));
      const [without, withDead, before] = [found.get(false), found.get(true), alone.at(-1)];
      if (!without || !withDead) throw new Error('a run is missing');
      ratios.p50.push(withDead.p50 / without.p50);
      ratios.p99.push(withDead.p99 / without.p99);
      if (before) {
        ratios.equalP50.push(without.p50 / before.p50);
        ratios.equalP99.push(without.p99 / before.p99);
      }
      alone.push(without);
      beside.push(withDead);
      console.log(`pair ${pair}:`, without, withDead);
    }
    for (const [what, all] of [['alone', alone], [`beside a dead one with ${BACKLOG.toLocaleString('en')} events waiting`, beside]] as const) {
      rows.push({ what: `${RATE} events/s, ${what}; medians`, integrations: INTEGRATIONS, 'accepted to read p50 ms': median(all.map((one) => one.accepted.p50)), 'p99 ms': median(all.map((one) => one.accepted.p99)), 'sent to read p50 ms': median(all.map(({ p50 }) => p50)), 'sent to read p99 ms': median(all.map(({ p99 }) => p99)), 'peak RSS MB': Math.max(...all.map(({ peakMb }) => peakMb)) });
    }
    if (PAIRS > 0) rows.push({ what: 'median ratio beside/alone (at most 1.05 and 1.25)', integrations: INTEGRATIONS, 'sent to read p50 ms': round(median(ratios.p50), 2), 'sent to read p99 ms': round(median(ratios.p99), 2) });
    if (PAIRS > 1) rows.push({ what: 'median ratio of two equal runs', integrations: INTEGRATIONS, 'sent to read p50 ms': round(median(ratios.equalP50), 2), 'sent to read p99 ms': round(median(ratios.equalP99), 2) });
  } finally {
    await peer.close();
  }
} finally {
  await kafka.stop();
  rmSync(directory, { recursive: true, force: true });
}
report('kafka', about, rows);
producersEnd();
