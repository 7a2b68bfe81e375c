/**
 * The whole outward walk of one process on the embedded stores: events in by HTTP in batches of 500, out over TCP with seals to the sink in C. A benchmark, not a test.
 *   npm run bench:outward
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ADMIN_PASSWORD } from '../support/service.js';
import { freePort } from '../support/free-port.js';
import { ServiceProcess } from '../support/service-process.js';
import { machine, report } from './results.js';
import { BENCH_TYPES, benchEvent } from './support/bench-events.js';
import { cpuSeconds, memoryOf, quantile, threadSeconds } from './support/process-figures.js';
import { Sink } from './support/sink.js';

const EVENTS = Number(process.env['TIDEGATE_TEST_BENCH_EVENTS'] ?? 100_000);
const BATCH = 500;
/** Sent before the clock starts: the first seconds of a process are its compiler's. */
const WARM_EVENTS = 20_000;
const PRODUCERS = 4;
/** A reader of the table may want one row alone: `1:cef,10:cef`. */
const RUNS = (process.env['TIDEGATE_TEST_BENCH_RUNS'] ?? '0:cef,1:syslog,1:json,1:cef,10:cef').split(',').map((run) => run.split(':'));

const agent = new Agent({ keepAlive: true, maxSockets: PRODUCERS });

/** Bodies are made before, so that the producer costs little. */
function bodies(from: number, events: number): Buffer[] {
  return Array.from({ length: events / BATCH }, (_, batch) => Buffer.from(JSON.stringify(Array.from({ length: BATCH }, (__, index) => benchEvent(from + batch * BATCH + index))))).reverse();
}

function post(port: number, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', path: '/api/v1/events', method: 'POST', agent, auth: `admin:${ADMIN_PASSWORD}`, headers: { 'content-type': 'application/json', 'content-length': body.length } }, (response) => {
      response.resume();
      response.once('end', () => (response.statusCode === 202 ? resolve() : reject(new Error(`the intake answered ${response.statusCode}`))));
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

/** Each producer sends its next batch when the last one was answered. Gives the times of the answers, sorted. */
async function produce(port: number, waiting: Buffer[]): Promise<number[]> {
  const answers: number[] = [];
  const producer = async () => {
    for (let body = waiting.pop(); body; body = waiting.pop()) {
      const sentAt = performance.now();
      await post(port, body);
      answers.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: PRODUCERS }, producer));
  return answers.sort((a, b) => a - b);
}

async function run(integrations: number, outputType: string): Promise<Record<string, number | string>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-bench-'));
  const sink = await Sink.start({ tcpPorts: integrations, start: '<' });
  const service = new ServiceProcess(dataDir, await freePort());
  try {
    await service.start();
    for (const [index, port] of sink.portList.entries()) await service.client.integrate({ name: `sink ${index}`, serverUrl: `tcp://127.0.0.1:${port}`, outputType, filter: { types: BENCH_TYPES } });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await produce(service.port, bodies(EVENTS, WARM_EVENTS));
    await sink.reaches(WARM_EVENTS, 300_000);
    const waiting = bodies(0, EVENTS);
    const cpuBefore = cpuSeconds(service.pid);
    const mainBefore = threadSeconds(service.pid)['main'] ?? 0;
    const begun = performance.now();
    const answers = await produce(service.port, waiting);
    const accepted = performance.now();
    const counts = await sink.reaches(WARM_EVENTS + EVENTS, 300_000);
    const ended = performance.now();
    if (counts.bad.some((bad) => bad > 0)) throw new Error(`the sink met messages that are torn or forged: ${counts.bad.join(', ')}`);
    const cpu = cpuSeconds(service.pid) - cpuBefore;
    const main = (threadSeconds(service.pid)['main'] ?? 0) - mainBefore;
    const perEvent = (seconds: number) => Math.round((seconds / EVENTS) * 1e7) / 10;
    return {
      integrations,
      outputType,
      'accepted/s': Math.round(EVENTS / ((accepted - begun) / 1000)),
      'delivered/s each': integrations === 0 ? '-' : Math.round(EVENTS / ((ended - begun) / 1000)),
      'CPU us an event': perEvent(cpu),
      'main thread us': perEvent(main),
      'answer p50 ms': Math.round(quantile(answers, 0.5)),
      'answer p99 ms': Math.round(quantile(answers, 0.99)),
      'peak RSS MB': memoryOf(service.pid).peak,
      'own memory MB': memoryOf(service.pid).own,
    };
  } finally {
    await service.end();
    sink.end();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

const about = { ...machine(), events: EVENTS, batch: BATCH, producers: PRODUCERS, note: 'producer, service and sink share the cores; validation, masking, audit and evidence are on' };
const rows: Array<Record<string, number | string>> = [];
for (const [integrations, outputType] of RUNS) rows.push(await run(Number(integrations), outputType ?? 'cef'));
report('outward', about, rows);
agent.destroy();
