import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LoopbackReceiver } from '../../src/demo/loopback-receiver.js';
import { producerEvents } from './service.js';
import { freePort } from './free-port.js';
import { ServiceProcess } from './service-process.js';

export interface KillRunOptions {
  events: number;
  kills: number;
  batch: number;
  /** Fixed seed of the moments at which it is killed. */
  seed: number;
}

export interface KillRunResult {
  accepted: number;
  delivered: number;
  lost: string[];
  repeated: number;
  /** Records that are not one whole event. */
  torn: string[];
  /** Events that arrived more than once with differing content. */
  changed: string[];
  kills: number;
  ms: number;
}

interface Arrival {
  count: number;
  content: string;
}

/**
 * A producer posts events in batches while the service is killed by SIGKILL again and again; it repeats what got no answer, with the same ids.
 * Every accepted id must arrive; what arrives twice is the same event with the same id.
 */
export async function killRun({ events, kills, batch, seed }: KillRunOptions): Promise<KillRunResult> {
  const begun = performance.now();
  const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-kill-'));
  const receiver = await LoopbackReceiver.start({ protocol: 'tcp', keep: 0 });
  const arrivals = new Map<string, Arrival>();
  const torn: string[] = [];
  const changed: string[] = [];
  receiver.onMessage(({ text }) => {
    const event = parse(text);
    if (!event) {
      torn.push(text.slice(0, 200));
      return;
    }
    const { id, receivedAt: _ours, sequence: _position, ...content } = event;
    if (typeof id !== 'string' || !id.startsWith('kill-')) return;
    const written = JSON.stringify(content);
    const before = arrivals.get(id);
    if (before && before.content !== written) changed.push(id);
    arrivals.set(id, { count: (before?.count ?? 0) + 1, content: written });
  });
  const service = new ServiceProcess(dataDir, await freePort(), { TIDEGATE_ENGINE_HEARTBEAT_MS: '250' });
  const random = mulberry32(seed);
  const accepted = new Set<string>();
  let killed = 0;
  try {
    await service.start();
    await service.client.integrate({ name: 'kill', serverUrl: `tcp://127.0.0.1:${receiver.port}`, outputType: 'json', connection: { retryInitialMs: 50, retryMaxMs: 500 } });
    const all = producerEvents('kill', events, 50);
    const killAt = new Set(Array.from({ length: kills }, (_, n) => Math.floor(((n + 0.3 + random() * 0.6) * events) / (kills + 1))));
    for (let at = 0; at < all.length; at += batch) {
      const slice = all.slice(at, at + batch);
      const due = [...killAt].some((moment) => moment >= at && moment < at + batch);
      const sending = post(service, slice);
      if (due) {
        // Somewhere within the request, the append, the delivery or the saving of cursors.
        await new Promise((resolve) => setTimeout(resolve, random() * 40));
        await service.end('SIGKILL');
        killed++;
        take(accepted, await sending);
        await service.start();
        take(accepted, await untilAccepted(service, slice));
      } else {
        const answer = await sending;
        take(accepted, answer);
        if (!answer) take(accepted, await untilAccepted(service, slice));
      }
    }
    const limitAt = performance.now() + 120_000;
    while (arrivals.size < accepted.size && performance.now() < limitAt) await new Promise((resolve) => setTimeout(resolve, 100));
    // What still comes now could only be repeats; give them a moment so that they are counted.
    await new Promise((resolve) => setTimeout(resolve, 1500));
  } finally {
    await service.end();
    await receiver.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
  const lost = [...accepted].filter((id) => !arrivals.has(id));
  let repeated = 0;
  for (const { count } of arrivals.values()) repeated += count - 1;
  return { accepted: accepted.size, delivered: arrivals.size, lost, repeated, torn, changed, kills: killed, ms: Math.round(performance.now() - begun) };
}

/** The JSON event behind a syslog header. */
function parse(text: string): Record<string, unknown> | undefined {
  const at = text.indexOf('{');
  try {
    return at < 0 || !text.startsWith('<') ? undefined : (JSON.parse(text.slice(at)) as Record<string, unknown>);
  } catch {
    return undefined;
  }
}

/** Ids that were accepted; undefined when there was no answer at all. */
async function post(service: ServiceProcess, events: Array<Record<string, unknown>>): Promise<string[] | undefined> {
  try {
    const { body } = await service.client.call<{ items?: Array<{ id: string; status: string }> }>('POST', '/api/v1/events', events);
    return (body.items ?? []).filter((item) => item.status === 'accepted').map((item) => item.id);
  } catch {
    return undefined;
  }
}

async function untilAccepted(service: ServiceProcess, events: Array<Record<string, unknown>>): Promise<string[]> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const ids = await post(service, events);
    if (ids?.length === events.length) return ids;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('a batch was not accepted in 50 tries');
}

function take(accepted: Set<string>, ids: string[] | undefined): void {
  for (const id of ids ?? []) accepted.add(id);
}

/** A small seeded generator of 0 <= x < 1. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
