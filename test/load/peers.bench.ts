/**
 * Tidegate beside rsyslog and, where installed, syslog-ng, Fluent Bit and the OpenTelemetry Collector: one Kafka topic, one sink, interleaved rounds, the median of each.
 * A benchmark, not a test.
 *   npm run bench:peers [-- events] [rounds] [scenario, ...]
 * Fluent Bit is `fluent-bit` in PATH, or the path in TIDEGATE_TEST_BENCH_FLUENT_BIT: with the kafka input, the lua filter and the tcp, udp and syslog outputs.
 * The Collector is `otelcol-contrib` in PATH, or the path in TIDEGATE_TEST_BENCH_OTELCOL: with the kafka receiver, the batch and transform processors and the syslog exporter.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKafka } from '../support/kafka.js';
import { fluentBitPeer } from './peers/fluent-bit-peer.js';
import { otelPeer } from './peers/otel-peer.js';
import type { Peer, PeerContext, Scenario } from './peers/peer.js';
import { rsyslogPeer } from './peers/rsyslog-peer.js';
import { syslogNgPeer } from './peers/syslog-ng-peer.js';
import { verdicts, type Row } from './peers/targets.js';
import { TidegatePeer } from './peers/tidegate-peer.js';
import { machine, report } from './results.js';
import { Sink, type SinkCounts } from './support/sink.js';

const [events = '1000000', rounds = '3', ...wanted] = process.argv.slice(2);
const EVENTS = Math.ceil(Number(events) / 500) * 500;
const ROUNDS = Number(rounds);
/** A million events at 5,000 a second. */
const LIMIT_MS = Math.max(60_000, EVENTS / 5);
/** Over UDP nothing more comes when nothing came for so long. */
const QUIET_MS = 2000;
const TOPIC = 'tidegate.events';

const SCENARIOS: readonly Scenario[] = [
  { name: 'cef', format: 'cef', protocol: 'tcp', destinations: 1, start: '<' },
  { name: 'structured data', format: 'structured-data', protocol: 'tcp', destinations: 1, start: '<' },
  { name: 'json behind a header', format: 'json-header', protocol: 'tcp', destinations: 1, start: '<' },
  { name: 'json lines', format: 'json-lines', protocol: 'tcp', destinations: 1, start: '{' },
  { name: 'cef over udp', format: 'cef', protocol: 'udp', destinations: 1, start: '<' },
  { name: 'cef to 8', format: 'cef', protocol: 'tcp', destinations: 8, start: '<' },
];

const OTHERS: readonly Peer[] = [rsyslogPeer, syslogNgPeer, fluentBitPeer, otelPeer];

type Figures = Omit<Row, 'scenario' | 'peer'>;

async function once(peer: Peer, scenario: Scenario, context: Omit<PeerContext, 'ports'>): Promise<Figures> {
  const sink = await Sink.start({ start: scenario.start, ...(scenario.protocol === 'tcp' ? { tcpPorts: scenario.destinations } : { udpPorts: scenario.destinations }) });
  const running = await peer.start(scenario, { ...context, ports: sink.portList });
  try {
    const counts = scenario.protocol === 'tcp' ? await sink.reaches(EVENTS, LIMIT_MS) : await quiet(sink);
    const seconds = (counts.lastUs - counts.firstUs) / 1e6;
    const came = Math.min(EVENTS, ...counts.messages);
    const bad = counts.bad.reduce((sum, count) => sum + count, 0);
    if (bad > 0) throw new Error(`${bad} messages were torn or forged`);
    return { 'events/s': Math.round(came / seconds), 'CPU s per million': Math.round((running.cpu() / EVENTS) * 1e7) / 10, 'peak RSS MB': running.peak(), 'came %': Math.round((came / EVENTS) * 1000) / 10 };
  } catch (error) {
    throw new Error(`${peer.name}, ${scenario.name}: ${error instanceof Error ? error.message : String(error)}\n${running.said()}`, { cause: error });
  } finally {
    await running.stop();
    sink.end();
  }
}

async function quiet(sink: Sink): Promise<SinkCounts> {
  const giveUpAt = performance.now() + LIMIT_MS;
  for (;;) {
    const counts = await sink.counts();
    const silentMs = counts.lastUs === 0 ? 0 : Date.now() - counts.lastUs / 1000;
    if (counts.messages.every((count) => count >= EVENTS) || silentMs > QUIET_MS) return counts;
    if (performance.now() > giveUpAt) throw new Error(`nothing came within ${LIMIT_MS / 1000} s`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const directory = mkdtempSync(join(tmpdir(), 'tidegate-bench-peers-'));
const about: Record<string, unknown> = { ...machine(), events: EVENTS, rounds: ROUNDS, kafka: 'one broker, 12 partitions, on the same cores', note: 'interleaved rounds, medians; forwarder, broker and sink share the cores; Tidegate with seals, signature checks, filters, cursors, status, ledger and metrics; a run of few events counts the seconds of the compiler at its start as well' };
const kafka = await startKafka();
const rows: Row[] = [];
/** Of the others: a peer that fails has no row, and the page says why. */
const failures: string[] = [];
try {
  const tidegate = await TidegatePeer.open(join(directory, 'tidegate'), kafka.brokers);
  try {
    const without: string[] = [];
    const peers = [tidegate, ...OTHERS.filter((peer) => {
      const reason = peer.missing();
      if (reason !== undefined) without.push(`${peer.name}: ${reason}`);
      return reason === undefined;
    })];
    about['without'] = without;
    for (const line of without) console.warn(`without ${line}`);
    console.log(`filling the topic with ${EVENTS} events`);
    await tidegate.fill(EVENTS);
    for (const scenario of SCENARIOS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
      const found = new Map<string, Figures[]>();
      for (let round = 1; round <= ROUNDS; round += 1) {
        for (const peer of peers.filter((each) => each.takes(scenario))) {
          const figures = await once(peer, scenario, { kafka, topic: TOPIC, directory, run: `${peer.name} ${scenario.name} ${round}`, fromNow: false }).catch((error: unknown) => {
            if (peer === tidegate) throw error;
            failures.push(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
            return undefined;
          });
          if (figures === undefined) continue;
          console.log(`${scenario.name}, round ${round}, ${peer.name}: ${JSON.stringify(figures)}`);
          found.set(peer.name, [...(found.get(peer.name) ?? []), figures]);
        }
      }
      for (const [peer, each] of found) {
        const middle = (figure: keyof Figures) => median(each.map((figures) => figures[figure]));
        rows.push({ scenario: scenario.name, peer, 'events/s': middle('events/s'), 'CPU s per million': middle('CPU s per million'), 'peak RSS MB': middle('peak RSS MB'), 'came %': middle('came %') });
      }
    }
  } finally {
    await tidegate.close();
  }
} finally {
  await kafka.stop();
  rmSync(directory, { recursive: true, force: true });
}
const judged = verdicts(rows);
report('peers', { ...about, failures, loadAfter: machine()['loadBefore'], verdicts: judged }, rows.map((row) => ({ ...row })));
console.table(judged);
