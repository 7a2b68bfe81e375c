/**
 * The whole outward walk of one process on the embedded stores: events in by HTTP, out over TCP to loopback sinks in a process of their own. A benchmark, not a test.
 *   npm run bench:outward
 */
import { fork, type ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sampleEvent } from '../../src/model/sample-events.js';
import { freePort, ServiceProcess } from '../support/service-process.js';
import { machine, report } from './results.js';

const EVENTS = Number(process.env['TIDEGATE_TEST_BENCH_EVENTS'] ?? 100_000);
const BATCH = 500;
const SINK = fileURLToPath(new URL('./sink.js', import.meta.url));

interface Sink {
  child: ChildProcess;
  ports: number[];
  counts(ask?: 'time'): Promise<{ messages: number[]; latencies: number[] }>;
}

async function startSink(count: number): Promise<Sink> {
  const child = fork(SINK, [String(count)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ports = await new Promise<number[]>((resolve) => child.once('message', (message) => resolve(message as number[])));
  return {
    child,
    ports,
    counts: (ask) =>
      new Promise((resolve) => {
        child.once('message', (message) => resolve(message as { messages: number[]; latencies: number[] }));
        child.send(ask ?? 'counts');
      }),
  };
}

/** About 700 octets of JSON each, 15 types in turn; `occurredAt` is now, so that the sink can tell the latency. */
function batchOf(from: number, size: number): Array<Record<string, unknown>> {
  const types = ['account.owner.changed', 'account.provisioned', 'account.renewal.required', 'account.secret.changed', 'group.external.disabled', 'user.synced.created', 'request.state.changed', 'audit.user.update'];
  return Array.from({ length: size }, (_, index) => {
    const { receivedAt: _ours, message: _template, ...event } = sampleEvent(types[(from + index) % types.length] ?? 'account.provisioned');
    return { ...event, id: `b-${from + index}`, occurredAt: new Date().toISOString(), attributes: { ...event.attributes, note: 'x'.repeat(160) } };
  });
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return (Number(fields[11]) + Number(fields[12])) / ticks;
}

function peakMegabytes(pid: number): number {
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}

async function run(integrations: number, outputType: string): Promise<Record<string, number | string>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-bench-'));
  const sink = await startSink(integrations);
  const service = new ServiceProcess(dataDir, await freePort());
  try {
    await service.start();
    for (const [index, port] of sink.ports.entries()) await service.client.integrate({ name: `sink ${index}`, serverUrl: `tcp://127.0.0.1:${port}`, outputType, filter: { types: ['account.*', 'group.*', 'user.*', 'request.*', 'audit.user.*'] } });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const cpuBefore = cpuSeconds(service.pid);
    const begun = performance.now();
    let next = 0;
    const producer = async () => {
      while (next < EVENTS) {
        const from = next;
        next += BATCH;
        const answer = await service.client.call('POST', '/api/v1/events', batchOf(from, BATCH));
        if (answer.status !== 202) throw new Error(`intake answered ${answer.status}`);
      }
    };
    await Promise.all([producer(), producer(), producer(), producer()]);
    const accepted = performance.now();
    for (;;) {
      const { messages } = await sink.counts();
      if (messages.every((count) => count >= EVENTS)) break;
      if (performance.now() - begun > 300_000) throw new Error(`after 300 s the sinks have ${messages.join(', ')} of ${EVENTS}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const ended = performance.now();
    const cpu = cpuSeconds(service.pid) - cpuBefore;
    // Latency at a steady 200 events/s, one event a request.
    await sink.counts('time');
    for (let sent = 0; sent < 1000; sent++) {
      const due = performance.now() + 5;
      void service.client.call('POST', '/api/v1/events', batchOf(EVENTS + sent, 1));
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const { latencies } = await sink.counts();
    // A line may be torn between two reads of the sink, so a few of them go untimed.
    if (latencies.length < 1000 * integrations * 0.9) throw new Error(`only ${latencies.length} of ${1000 * integrations} messages were timed`);
    latencies.sort((a, b) => a - b);
    return {
      integrations,
      outputType,
      'accepted/s': Math.round(EVENTS / ((accepted - begun) / 1000)),
      'delivered/s each': Math.round(EVENTS / ((ended - begun) / 1000)),
      'deliveries/s': Math.round((EVENTS * integrations) / ((ended - begun) / 1000)),
      'CPU s per million events': Math.round((cpu / EVENTS) * 1e6 * 10) / 10,
      'peak RSS MB': peakMegabytes(service.pid),
      'p50 ms': quantile(latencies, 0.5),
      'p99 ms': quantile(latencies, 0.99),
    };
  } finally {
    await service.end();
    sink.child.kill();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

const about = { ...machine(), events: EVENTS, batch: BATCH, note: 'producer, service and sinks share the cores; validation, masking, audit and evidence are on' };
const rows: Array<Record<string, number | string>> = [];
for (const outputType of ['syslog', 'json', 'cef']) rows.push(await run(1, outputType));
rows.push(await run(10, 'cef'));
report('outward', about, rows);
