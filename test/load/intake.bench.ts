/**
 * How many events a second the producers' door accepts durably, over HTTP on loopback, in batches of 500 events of about 700 octets: checked, masked, known by id, in the embedded log with a flush.
 * The sender is a process of its own; the CPU time is that of the accepting process alone. A benchmark, not a test: nothing is asserted but that every event was accepted.
 *   npx swc src test -d .cache/bench --config-file .swcrc && node .cache/bench/test/load/intake.bench.js [seconds] [connections] [batch]
 */
import { fork } from 'node:child_process';
import { Agent, request } from 'node:http';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { openTestIntake } from '../support/intake.js';

interface Work {
  url: string;
  seconds: number;
  connections: number;
  batch: number;
}
interface Result {
  events: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
  refused: number;
}

const TYPES = ['account.provisioned', 'audit.user.update', 'account.owner.changed', 'request.state.changed'] as const;

/** One event as an identity system sends it, about 700 octets. */
function eventOf(number: number): object {
  const type = TYPES[number % TYPES.length] ?? 'audit.user.update';
  const kind = type === 'request.state.changed' ? 'request' : type === 'audit.user.update' ? 'user' : 'account';
  return {
    id: `bench-${process.pid}-${number}`, type, occurredAt: new Date(Date.now() - 1000).toISOString(), actor: { kind: 'user', id: 'u-1001', name: 'ann.keller', ip: '192.0.2.10' },
    subject: { kind, id: `s-${number % 5000}`, name: `svc-backup-${number % 5000}`, domain: 'corp.example.com' }, objects: [{ kind: 'request', id: 'REQ-2041', name: 'REQ-2041' }, { kind: 'template', id: 'tpl-9', name: 'Service account' }],
    correlationId: `REQ-${number}`, attributes: { domain: 'corp.example.com', request: 'REQ-2041', template: 'Service account', owner: 'bob.ortiz', department: 'Finance and Controlling', costCenter: 'CC-4711', location: number % 50 === 0 ? 'Zürich' : 'Berlin', apiToken: 'abc' },
    changes: [{ field: 'state', old: 'requested', new: 'active' }, { field: 'owner', old: null, new: 'bob.ortiz' }],
  };
}

function post(agent: Agent, url: string, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/api/v1/events`, { method: 'POST', agent, headers: { 'content-type': 'application/json', 'content-length': body.length } }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', reject);
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

/** The sending process: each connection sends its next batch when the last one was answered; bodies are made before, so that the sender is not the limit. */
async function send({ url, seconds, connections, batch }: Work): Promise<Result> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let number = 0;
  const bodies: Buffer[] = [];
  const most = Math.ceil((60_000 * seconds) / batch);
  for (let each = 0; each < most; each += 1) bodies.push(Buffer.from(JSON.stringify(Array.from({ length: batch }, () => eventOf((number += 1))))));
  for (let warm = 0; warm < 20; warm += 1) await post(agent, url, bodies.pop() ?? Buffer.alloc(0));
  process.send?.('started');
  const latencies: number[] = [];
  let refused = 0;
  const startedAt = performance.now();
  const until = startedAt + seconds * 1000;
  const connection = async () => {
    for (let body = bodies.pop(); body && performance.now() < until; body = bodies.pop()) {
      const sentAt = performance.now();
      if ((await post(agent, url, body)) !== 202) refused += 1;
      latencies.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: connections }, connection));
  agent.destroy();
  latencies.sort((one, other) => one - other);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0;
  return { events: (latencies.length - refused) * batch, seconds: (performance.now() - startedAt) / 1000, p50Ms: at(0.5), p99Ms: at(0.99), refused };
}

async function measure(work: Omit<Work, 'url'>): Promise<void> {
  const intake = await openTestIntake({ http: { requestBytes: 52_428_800 }, intake: { batchItems: 10_000 } });
  const child = fork(fileURLToPath(import.meta.url), [], { env: { ...process.env, TIDEGATE_BENCH_WORK: JSON.stringify({ ...work, url: intake.url }) } });
  let cpu = process.cpuUsage();
  const result = await new Promise<Result>((resolve, reject) => {
    child.on('message', (message) => {
      if (message === 'started') cpu = process.cpuUsage();
      else resolve(message as Result);
    });
    child.once('exit', (code) => reject(new Error(`the sender ended with ${code}`)));
  });
  const used = process.cpuUsage(cpu);
  console.log(
    `batch ${work.batch}, ${work.connections} connections: ${Math.round(result.events / result.seconds).toLocaleString('en')} events/s accepted durably, ${((used.user + used.system) / result.events).toFixed(1)} us CPU an event, `
    + `answer p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms, ${result.events} events, ${result.refused} requests refused, peak RSS ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`,
  );
  await intake.close();
}

const work = process.env.TIDEGATE_BENCH_WORK;
if (work !== undefined) {
  process.send?.(await send(JSON.parse(work) as Work), () => process.disconnect());
} else {
  const [seconds = 5, connections = 8, batch = 500] = process.argv.slice(2).map(Number);
  console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}, ${Buffer.byteLength(JSON.stringify(eventOf(1)))} octets an event`);
  await measure({ seconds, connections, batch });
}
