/**
 * What one process on the embedded stores holds resident while it serves ten integrations, one of them dead with a backlog of its own, at a steady rate for an hour. A benchmark, not a test.
 * The backlog is made by a rush, and the process started again behind it: at a steady rate it would have gathered for an hour and a half. TIDEGATE_TEST_BENCH_AFTER_RUSH=1 goes on in the process that had the rush.
 *   npm run bench:memory [-- minutes] [events waiting] [events a second]
 * As in the container: with what the Dockerfile says to malloc. TIDEGATE_TEST_BENCH_PLAIN=1 leaves that out, as `npm start` does.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/free-port.js';
import { ServiceProcess } from '../support/service-process.js';
import { machine, report } from './results.js';
import { benchEvent, BENCH_TYPES } from './support/bench-events.js';
import { cpuSeconds, memoryOf } from './support/process-figures.js';
import { Sink } from './support/sink.js';
import { producersEnd, rush, steady } from './support/steady.js';

const [MINUTES = 60, WAITING = 1_000_000, RATE = 200] = process.argv.slice(2).map(Number);
const INTEGRATIONS = 10;
/** The table has about so many rows of the steady phase. */
const ROWS = 12;

const MALLOC = process.env['TIDEGATE_TEST_BENCH_PLAIN'] === undefined ? Object.fromEntries([...readFileSync('Dockerfile', 'utf8').matchAll(/\b(MALLOC_\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value])) : {};

const AFTER_RUSH = process.env['TIDEGATE_TEST_BENCH_AFTER_RUSH'] !== undefined;

interface Reading {
  minute: number;
  resident: number;
  own: number;
  cpuPercent: number;
}

/** MiB an hour, by the method of least squares. */
function slope(readings: readonly Reading[]): number {
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [minute, resident] = [mean(readings.map((one) => one.minute)), mean(readings.map((one) => one.resident))];
  const [over, under] = readings.reduce(([a, b], one) => [a + (one.minute - minute) * (one.resident - resident), b + (one.minute - minute) ** 2], [0, 0]);
  return under === 0 ? 0 : Math.round((over / under) * 60 * 10) / 10;
}

const about = {
  ...machine(), minutes: MINUTES, waiting: WAITING, 'events/s': RATE, integrations: `${INTEGRATIONS - 1} that take all, and a dead one for which everything waits`,
  malloc: Object.entries(MALLOC).map((pair) => pair.join('=')).join(' ') || 'as the system has it',
  process: AFTER_RUSH ? 'the one that had the rush' : 'started again after the rush',
  note: 'one process on the embedded stores, one event a request, CEF over TCP, sealed; every event was read by the nine',
};
const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-bench-'));
const sink = await Sink.start({ tcpPorts: INTEGRATIONS - 1, start: '<' });
const service = new ServiceProcess(dataDir, await freePort(), MALLOC);
const rows: Array<Record<string, number | string>> = [];
try {
  await service.start();
  const ports = [...sink.portList, await freePort()];
  for (const [index, port] of ports.entries()) await service.client.integrate({ name: `sink ${index}`, serverUrl: `tcp://127.0.0.1:${port}`, outputType: 'cef', filter: { types: [...BENCH_TYPES, 'account.*'] } });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await rush(service.port, WAITING, benchEvent);
  await sink.reaches(WAITING, 600_000);
  const atRush = memoryOf(service.pid);
  rows.push({ when: `after the rush of ${WAITING.toLocaleString('en')} events`, 'RSS MB': atRush.resident, 'own memory MB': atRush.own, 'peak RSS MB': atRush.peak, 'CPU %': '-' });
  if (!AFTER_RUSH) {
    await service.end();
    await service.start();
  }
  const readings: Reading[] = [];
  for (let minute = 1; minute <= MINUTES; minute++) {
    const before = cpuSeconds(service.pid);
    await steady(service.port, RATE, 60);
    const { resident, own } = memoryOf(service.pid);
    readings.push({ minute, resident, own, cpuPercent: Math.round(((cpuSeconds(service.pid) - before) / 60) * 100) });
    console.log(JSON.stringify(readings.at(-1)));
  }
  await sink.reaches(WAITING + MINUTES * 60 * RATE, 60_000);
  const step = Math.max(1, Math.round(MINUTES / ROWS));
  for (const { minute, resident, own, cpuPercent } of readings.filter((one) => one.minute === 1 || one.minute % step === 0)) rows.push({ when: `minute ${minute}`, 'RSS MB': resident, 'own memory MB': own, 'peak RSS MB': '-', 'CPU %': cpuPercent });
  rows.push({ when: 'most of the steady phase', 'RSS MB': Math.max(...readings.map(({ resident }) => resident)), 'own memory MB': Math.max(...readings.map(({ own }) => own)), 'peak RSS MB': '-', 'CPU %': '-' });
  rows.push({ when: 'growth an hour, of the last three quarters', 'RSS MB': slope(readings.slice(Math.floor(readings.length / 4))), 'own memory MB': '-', 'peak RSS MB': '-', 'CPU %': '-' });
} finally {
  await service.end();
  sink.end();
  rmSync(dataDir, { recursive: true, force: true });
}
report('memory', about, rows);
producersEnd();
