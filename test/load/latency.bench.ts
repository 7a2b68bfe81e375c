/**
 * How long an event takes from the answer of the intake until the sink has read it, at a steady rate, one event a request, on the embedded stores. A benchmark, not a test.
 *   npm run bench:latency [-- seconds] [integrations] [events a second]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/free-port.js';
import { ServiceProcess } from '../support/service-process.js';
import { machine, report } from './results.js';
import { cpuSeconds, memoryOf, quantile } from './support/process-figures.js';
import { Sink } from './support/sink.js';
import { eventOf, producersEnd, rush, steady } from './support/steady.js';

const [SECONDS = 30, INTEGRATIONS = 10, RATE = 200] = process.argv.slice(2).map(Number);
const WARM_SECONDS = 5;
/** Events in batches of 500 before the steady phase, so that it meets a service that has worked. */
const RUSH_EVENTS = Number(process.env['TIDEGATE_TEST_BENCH_RUSH'] ?? 20_000);

async function measure(outputType: string): Promise<Record<string, number | string>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-bench-'));
  const sink = await Sink.start({ tcpPorts: INTEGRATIONS, start: '<' });
  const service = new ServiceProcess(dataDir, await freePort());
  try {
    await service.start();
    for (const [index, port] of sink.portList.entries()) await service.client.integrate({ name: `sink ${index}`, serverUrl: `tcp://127.0.0.1:${port}`, outputType, filter: { types: ['account.*'] } });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await rush(service.port, RUSH_EVENTS, (number) => eventOf(`rush-${number}`));
    await sink.reaches(RUSH_EVENTS, 120_000);
    await steady(service.port, RATE, WARM_SECONDS);
    await sink.time();
    const cpuBefore = cpuSeconds(service.pid);
    const accepted = await steady(service.port, RATE, SECONDS);
    const cpu = cpuSeconds(service.pid) - cpuBefore;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const arrivals = (await sink.arrivals()).filter(({ sentUs }) => accepted.has(sentUs));
    const expected = accepted.size * INTEGRATIONS;
    if (arrivals.length !== expected) throw new Error(`${arrivals.length} of ${expected} events were read`);
    const delivered = arrivals.map(({ sentUs, readUs }) => (readUs - (accepted.get(sentUs) ?? sentUs)) / 1000).sort((a, b) => a - b);
    const whole = arrivals.map(({ sentUs, readUs }) => (readUs - sentUs) / 1000).sort((a, b) => a - b);
    const round = (ms: number) => Math.round(ms * 10) / 10;
    if (process.env['TIDEGATE_TEST_BENCH_LATE'] !== undefined) for (const { port, sentUs, readUs } of arrivals) if (readUs - sentUs > 10_000) console.log(port, sentUs, readUs - sentUs, readUs - (accepted.get(sentUs) ?? 0));
    return {
      integrations: INTEGRATIONS,
      outputType,
      'events/s': RATE,
      'accepted to read p50 ms': round(quantile(delivered, 0.5)),
      'p90 ms': round(quantile(delivered, 0.9)),
      'p99 ms': round(quantile(delivered, 0.99)),
      'p99.9 ms': round(quantile(delivered, 0.999)),
      'most ms': round(delivered.at(-1) ?? 0),
      'sent to read p50 ms': round(quantile(whole, 0.5)),
      'sent to read p99 ms': round(quantile(whole, 0.99)),
      'CPU %': Math.round((cpu / SECONDS) * 100),
      'RSS MB': memoryOf(service.pid).resident,
    };
  } finally {
    await service.end();
    sink.end();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

const about = { ...machine(), seconds: SECONDS, note: 'producer, service and sinks share the cores; 10 integrations, sealed each second; accepted is the arrival of the 202 at the producer' };
const rows: Array<Record<string, number | string>> = [];
for (const outputType of ['cef', 'syslog']) rows.push(await measure(outputType));
report('latency', about, rows);
producersEnd();
