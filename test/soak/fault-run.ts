import { Arrivals } from '../support/arrivals.js';
import { mulberry32 } from '../support/kill-run.js';
import { producerEvents } from '../support/service.js';
import type { ServiceProcess } from '../support/service-process.js';
import { enginesOwnAll, Stack } from '../support/stack.js';

/** What a fault acts upon: an API, three engines in two pools, Kafka, the document server. It bears faults one after the other. */
export class Topology {
  private constructor(readonly stack: Stack, readonly api: ServiceProcess, readonly engines: readonly ServiceProcess[]) {}

  static async open(brokers: Fault['brokers']): Promise<Topology> {
    const stack = await Stack.start({ brokers, partitions: PARTITIONS });
    try {
      const api = await stack.api();
      const engines = [await stack.engine('one'), await stack.engine('two'), await stack.engine('far', 'remote')];
      await enginesOwnAll(api.client, { default: ['one', 'two'], remote: ['far'] }, PARTITIONS);
      return new Topology(stack, api, engines);
    } catch (error) {
      await stack.stop();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.stack.stop();
  }
}

/** What a strike works with. */
export interface Struck extends Pick<Topology, 'stack' | 'api' | 'engines'> {
  random: () => number;
}

/** One kind of fault. It is struck `times` times, spread over the load; the load goes on meanwhile. */
export interface Fault {
  brokers: 1 | 3;
  /** Ends when what was broken runs again. */
  strike(struck: Struck, time: number): Promise<void>;
}

export interface FaultRunOptions {
  topology: Topology;
  /** Of the fault: its events have ids of their own. */
  name: string;
  fault: Fault;
  events: number;
  times: number;
  /** Of the moments and of what is chosen. */
  seed: number;
  batch?: number;
  /** Longest wait for the last event after the load. */
  settleLimitMs?: number;
}

export interface FaultRunResult {
  accepted: number;
  /** Different events at each integration. */
  delivered: number[];
  /** Accepted events that an integration did not get, over all of them. */
  lost: string[];
  repeated: number;
  disordered: number;
  torn: number;
  strikes: number;
  /** Requests of the producer that were not answered with every event accepted, and were sent again. */
  retried: number;
  seconds: number;
}

const PARTITIONS = 6;
const PROGRESS_EVENTS = 20_000;
const SUBJECTS = 50;
const POOLS = ['default', 'default', 'default', 'remote', 'remote'];

/** A producer posts events in batches and repeats what was not accepted, with the same ids, while the fault is struck; five integrations in two pools must get every accepted event. */
export async function faultRun({ topology: { stack, api, engines }, name, fault, events, times, seed, batch = 250, settleLimitMs = 150_000 }: FaultRunOptions): Promise<FaultRunResult> {
  const begun = performance.now();
  const seconds = (): number => Math.round((performance.now() - begun) / 1000);
  const random = mulberry32(seed);
  const prefix = `fault-${name}`;
  const receivers = await Promise.all(POOLS.map(() => Arrivals.start(`${prefix}-`)));
  const integrations: string[] = [];
  const accepted = new Set<string>();
  let retried = 0;
  let strikes = 0;
  try {
    await enginesOwnAll(api.client, { default: ['one', 'two'], remote: ['far'] }, PARTITIONS);
    for (const [at, { receiver }] of receivers.entries()) {
      integrations.push(await api.client.integrate({
        name: `${name} ${at}`, serverUrl: `tcp://127.0.0.1:${receiver.port}`, outputType: 'json', enginePool: POOLS[at] ?? 'default',
        connection: { retryInitialMs: 50, retryMaxMs: 500, settleMs: 100, sealIntervalMs: 500 }, filter: { types: ['account.*'] },
      }));
    }
    const all = producerEvents(prefix, events, SUBJECTS);
    const moments = Array.from({ length: times }, (_, time) => Math.floor(((time + 0.2 + random() * 0.6) * events) / times));
    let striking: Promise<void> = Promise.resolve();
    let failed: Error | undefined;
    for (let at = 0; at < all.length; at += batch) {
      while ((moments[0] ?? Number.POSITIVE_INFINITY) < at + batch) {
        moments.shift();
        // One after the other, beside the load.
        striking = striking.then(() => fault.strike({ stack, api, engines, random }, strikes++)).catch((error: unknown) => {
          failed ??= error instanceof Error ? error : new Error(String(error));
        });
      }
      retried += await publish(api, all.slice(at, at + batch), accepted);
      // A full run takes minutes: how far it is.
      if (Math.floor((at + batch) / PROGRESS_EVENTS) > Math.floor(at / PROGRESS_EVENTS)) process.stderr.write(`${seconds()} s: accepted ${accepted.size}, struck ${strikes}, delivered ${receivers.map((one) => one.distinct).join(' ')}\n`);
    }
    await striking;
    if (failed) throw failed;
    const limitAt = performance.now() + settleLimitMs;
    while (receivers.some((one) => one.distinct < accepted.size) && performance.now() < limitAt) await pause(100);
    // What still comes could only be repeats.
    await pause(1500);
    if (receivers.some((one) => one.distinct < accepted.size)) await tellState(api, engines);
    for (const id of integrations) await api.client.ok('DELETE', `/api/v1/integrations/${id}`);
  } finally {
    for (const { receiver } of receivers) await receiver.stop();
  }
  const sum = (of: (one: Arrivals) => number) => receivers.reduce((total, one) => total + of(one), 0);
  return {
    accepted: accepted.size,
    delivered: receivers.map((one) => one.distinct),
    lost: receivers.flatMap((one, at) => [...accepted].filter((id) => !one.has(id)).map((id) => `${at}: ${id}`)),
    repeated: sum((one) => one.repeated),
    disordered: sum((one) => one.disordered),
    torn: sum((one) => one.torn),
    strikes,
    retried,
    seconds: seconds(),
  };
}

/** Something is missing: who has which partitions, where each integration stands, and what the engines said last. */
async function tellState(api: ServiceProcess, engines: readonly ServiceProcess[]): Promise<void> {
  for (const path of ['/api/v1/engines', '/api/v1/integrations']) process.stderr.write(`${path} ${JSON.stringify((await api.client.call('GET', path)).body)}\n`);
  for (const engine of engines) process.stderr.write(`an engine said last: ${engine.said}\n`);
}

/** Ends when every event of the batch was accepted; how often it had to be sent again. */
async function publish(api: ServiceProcess, events: Array<Record<string, unknown>>, accepted: Set<string>): Promise<number> {
  for (let tries = 0; ; tries++) {
    try {
      const { body } = await api.client.call<{ items?: Array<{ id: string; status: string; reason?: string }> }>('POST', '/api/v1/events', events);
      const taken = (body.items ?? []).filter(({ status }) => status === 'accepted');
      for (const { id } of taken) accepted.add(id);
      if (taken.length === events.length) return tries;
      const rejected = body.items?.find(({ status }) => status === 'rejected');
      if (rejected) throw new Refused(rejected.reason ?? 'no reason');
    } catch (error) {
      if (error instanceof Refused) throw error;
    }
    if (tries > 1000) throw new Error('a batch was not accepted in 1000 tries');
    await pause(100);
  }
}

class Refused extends Error {}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One row of the table that is printed. */
export function row(name: string, { accepted, delivered, lost, repeated, disordered, torn, strikes, retried, seconds }: FaultRunResult): string {
  return `| ${name} | ${strikes} | ${accepted} | ${delivered.join(' ')} | ${lost.length} | ${repeated} | ${disordered} | ${torn} | ${retried} | ${seconds} |`;
}

export const TABLE_HEAD = '| fault | times | accepted | delivered to each of 5 | lost | repeated | out of order | torn | resent by the producer | s |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |';
