import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FaultyProxy } from '../support/faulty-proxy.js';
import { mulberry32 } from '../support/kill-run.js';
import { freePort } from '../support/free-port.js';
import { producerEvents } from '../support/service.js';
import { ServiceProcess } from '../support/service-process.js';
import type { LossGround, LossWay } from './loss-grounds.js';

/**
 * `kill`: SIGKILL of the receivers. `kill-tidegate`: of Tidegate alone. `kill-both`: of all of them at the same moment. `stall`: SIGSTOP of the receivers, later SIGCONT.
 * `silence`: open connections carry nothing more and are not ended. `cut`: each connection is reset in the middle of a frame or request.
 */
export const LOSS_FAULTS = ['kill', 'kill-tidegate', 'kill-both', 'stall', 'silence', 'cut'] as const;
export type LossFault = (typeof LOSS_FAULTS)[number];

export interface LossRunOptions {
  ground: LossGround;
  fault: LossFault;
  times: number;
  /** Events a second that producers want to post. */
  rate: number;
  /** Of the moments and the lengths. */
  seed: number;
  settleLimitMs?: number;
}

export interface LossRow {
  way: string;
  accepted: number;
  stored: number;
  lost: number;
  /** Stored again: copies beyond the first. Where the receiver keeps one copy an id: sent again. */
  repeated: number;
  /** Records that are a part of an event; the whole one is counted apart. */
  torn: number;
  evidence: string;
  wantedEvidence: string;
}

export interface LossRunResult {
  rows: LossRow[];
  seconds: number;
  outageMs: number;
  /** Reached while Tidegate ran, on average. */
  postedPerSecond: number;
  /**
   * What was not proven yet when it was struck, the least that a fault can cost: rate x (seal interval + rewind window) of streams, one request over HTTP. The rate is the
   * one that was reached just then: what was accepted in that time before each strike.
   */
  target: number;
  /** What may be repeated at most, for all faults of the run. */
  bound: number;
  /** How it is made, in words. */
  boundIs: string;
}

const SEND_TIMEOUT_MS = 2000;
const HEARTBEAT_MS = 250;
/** Default of `engine.commitIntervalMs`. Tidegate killed goes on from cursors that are so old at most. */
const CURSOR_AGE_MS = 1000 + HEARTBEAT_MS;
const RETRY_MAX_MS = 500;
const BATCHES_PER_SECOND = 10;
const MOST_TRIES = 2000;
/** Longest wait for all ways to have worked off what waited. */
const PROGRESS_LIMIT_MS = 120_000;
const PROGRESS_TOLD = 10;

/**
 * The whole product as a process, an integration for each way to real receivers, events at a steady rate, and a fault struck again and again: each time only after
 * what came before the last one is delivered with evidence and the cursors that say so are saved. So what is repeated is what one fault costs.
 */
export async function lossRun({ ground, fault, times, rate, seed, settleLimitMs = 60_000 }: LossRunOptions): Promise<LossRunResult> {
  const begun = performance.now();
  const random = mulberry32(seed);
  const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-loss-'));
  const prefix = `loss-${fault}-`;
  const { receivers } = ground;
  const { ways, arrivals } = await ground.begin(prefix);
  const proxies: FaultyProxy[] = [];
  const service = new ServiceProcess(dataDir, await freePort(), { TIDEGATE_ENGINE_HEARTBEAT_MS: String(HEARTBEAT_MS) });
  const ids = new Map<string, string>();
  /** By partition: the position after the last event that was accepted. */
  const ends = new Map<number, number>();
  let accepted = 0;
  let over = false;
  let outageMs = 0;
  let downMs = 0;
  let postingMs = 0;
  const struck: number[] = [];
  /** How much was accepted by when, in order. */
  const course: Array<{ at: number; accepted: number }> = [];
  const evidence = new Map<string, string>();
  const post = async () => {
    const batch = Math.max(1, Math.round(rate / BATCHES_PER_SECOND));
    // A producer that had to wait does not make up for it: what comes in a moment is never more than the rate.
    for (let due = performance.now(); !over; due = Math.max(due + 1000 / BATCHES_PER_SECOND, performance.now())) {
      await pause(due - performance.now());
      for (const { partition, offset } of await untilAccepted(service, producerEvents(prefix.slice(0, -1), accepted + batch, 50).slice(accepted))) {
        ends.set(partition, Math.max(ends.get(partition) ?? 0, offset + 1));
      }
      accepted += batch;
      course.push({ at: performance.now(), accepted });
    }
  };
  try {
    await service.start(60_000);
    for (const way of ways) ids.set(way.name, await service.client.integrate(await settingsOf(way)));
    const postingAt = performance.now();
    const posting = post();
    // A fault of the run itself must not be an unhandled one while it waits elsewhere.
    posting.catch(() => undefined);
    await progress();
    for (let time = 0; time < times; time++) {
      await pause(random() * 1500);
      const struckAt = performance.now();
      struck.push(struckAt);
      const upAt = await strike();
      // While Tidegate is down nothing is accepted.
      downMs += upAt - struckAt;
      outageMs += performance.now() - upAt;
      await progress();
      // A full run takes minutes: how far it is.
      if ((time + 1) % PROGRESS_TOLD === 0) process.stderr.write(`${Math.round((performance.now() - begun) / 1000)} s: ${fault} struck ${time + 1} times, ${accepted} accepted\n`);
    }
    over = true;
    await posting;
    postingMs = performance.now() - postingAt;
    const giveUpAt = performance.now() + settleLimitMs;
    do {
      await pause(500);
      await arrivals.look();
    } while (ways.some(({ name }) => arrivals.of(name).copies.size < accepted) && performance.now() < giveUpAt);
    // What still comes now could only be repeats; they are counted, too.
    await pause(1500);
    await arrivals.look();
    const { items } = await service.client.ok<{ items: Array<{ name: string; status: { evidence: string | null } }> }>('GET', '/api/v1/integrations?pageSize=100');
    for (const { name, status } of items) evidence.set(name, status.evidence ?? 'none');
  } finally {
    over = true;
    for (const { pid } of receivers) if (pid !== undefined) process.kill(pid, 'SIGCONT');
    await service.end();
    for (const proxy of proxies) await proxy.stop();
    await arrivals.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
  const postedPerSecond = (accepted * 1000) / (postingMs - downMs);
  const rows = ways.map(({ name, evidence: wantedEvidence }): LossRow => {
    const { copies, torn, repeated } = arrivals.of(name);
    return { way: name, accepted, stored: copies.size, lost: accepted - copies.size, repeated, torn, evidence: evidence.get(name) ?? 'none', wantedEvidence };
  });
  return { rows, seconds: Math.round((performance.now() - begun) / 1000), outageMs: Math.round(outageMs), postedPerSecond: Math.round(postedPerSecond), ...limits() };

  async function settingsOf({ name, port, scheme, settings, connection }: LossWay): Promise<Record<string, unknown>> {
    let through = port;
    if (fault === 'silence' || fault === 'cut') {
      const proxy = await FaultyProxy.start(port);
      proxies.push(proxy);
      through = proxy.port;
    }
    return {
      name, serverUrl: `${scheme === undefined ? '' : `${scheme}://`}127.0.0.1:${through}`, filter: { types: ['account.*'] }, ...settings,
      connection: { retryInitialMs: 50, retryMaxMs: RETRY_MAX_MS, sendTimeoutMs: SEND_TIMEOUT_MS, ...connection },
    };
  }

  /** Ends when something new was accepted, and the saved cursors of every way are behind all that was accepted by then. */
  async function progress(): Promise<void> {
    const giveUpAt = performance.now() + PROGRESS_LIMIT_MS;
    const before = accepted;
    let wanted: Map<number, number> | undefined;
    let behind: string[] = [];
    while (performance.now() < giveUpAt) {
      await pause(200);
      if (accepted === before) continue;
      wanted ??= new Map(ends);
      // One that has just started may not answer yet.
      const stands = await Promise.all(ways.map(async ({ name }) => ({ name, saved: await savedOf(name).catch(() => new Map<number, number>()) })));
      behind = stands.flatMap(({ name, saved }) => ([...(wanted ?? [])].every(([partition, end]) => (saved.get(partition) ?? 0) >= end) ? [] : [name]));
      if (behind.length === 0) return;
    }
    throw new Error(`no progress in ${PROGRESS_LIMIT_MS} ms: ${accepted} accepted, ${behind.join(', ') || 'nothing'} behind; ${service.said}`);
  }

  async function savedOf(name: string): Promise<Map<number, number>> {
    const { positions } = await service.client.ok<{ positions: Array<{ partition: number; position: number }> }>('GET', `/api/v1/integrations/${ids.get(name) ?? ''}/status`);
    return new Map(positions.map(({ partition, position }) => [partition, position]));
  }

  function limits(): Pick<LossRunResult, 'target' | 'bound' | 'boundIs'> {
    const { ms, lateMs, events, probeEvents, why } = ground.unproven;
    const ageMs = fault === 'kill-tidegate' || fault === 'kill-both' ? CURSOR_AGE_MS : 0;
    // Of a receiver that says nothing it is known after the send timeout only; a stream is written on meanwhile, a request is not.
    const silentMs = ms > 0 && (fault === 'stall' || fault === 'silence') ? SEND_TIMEOUT_MS : 0;
    const probes = probeEvents === 0 ? 0 : Math.ceil(outageMs / SEND_TIMEOUT_MS);
    const within = (beforeMs: number, afterMs: number) => struck.reduce((sum, at) => sum + acceptedBy(at + afterMs) - acceptedBy(at - beforeMs), 0);
    const perStrike = within(ms + ageMs, silentMs);
    const late = Math.ceil((perStrike * lateMs) / Math.max(1, struck.length * (ms + ageMs + silentMs)));
    const terms = [
      ...(ms + ageMs + silentMs > 0 ? [`${perStrike} accepted within ${ms + ageMs} ms before${silentMs > 0 ? ` and ${silentMs} ms after` : ''} a strike`] : []),
      ...(events > 0 ? [`${times} x ${events}`] : []), ...(late > 0 ? [String(late)] : []), ...(probes > 0 ? [`${probes} x ${probeEvents}`] : []),
    ];
    const reasons = [
      why, ...(ageMs > 0 ? [`age of saved cursors (${ageMs} ms)`] : []), ...(silentMs > 0 ? ['send timeout'] : []), ...(late > 0 ? ['once a late answer'] : []),
      ...(probes > 0 ? ['a probe for each send timeout in which receivers were away'] : []),
    ];
    return { target: within(ms, 0) + times * events, bound: perStrike + times * events + late + probes * probeEvents, boundIs: `${terms.join(' + ')}: ${reasons.join(', ')}` };
  }

  function acceptedBy(at: number): number {
    return course.findLast((step) => step.at <= at)?.accepted ?? 0;
  }

  /** Ends when what was broken works again. @returns since when Tidegate ran: performance.now() */
  async function strike(): Promise<number> {
    let upAt = performance.now();
    const startAgain = async () => {
      await service.start(60_000);
      upAt = performance.now();
    };
    switch (fault) {
      case 'kill':
        await Promise.all(receivers.map(async (receiver) => {
          await receiver.kill();
          await pause(random() * 300);
          await receiver.launch();
        }));
        break;
      case 'kill-tidegate':
        await service.end('SIGKILL');
        await startAgain();
        break;
      case 'kill-both':
        await Promise.all([service.end('SIGKILL'), ...receivers.map((receiver) => receiver.kill())]);
        await Promise.all([startAgain(), ...receivers.map((receiver) => receiver.launch())]);
        break;
      case 'stall':
        for (const { pid } of receivers) if (pid !== undefined) process.kill(pid, 'SIGSTOP');
        await pause(300 + random() * 2000);
        for (const { pid } of receivers) if (pid !== undefined) process.kill(pid, 'SIGCONT');
        break;
      case 'silence':
        for (const proxy of proxies) proxy.silence();
        break;
      case 'cut':
        await Promise.all(proxies.map((proxy) => proxy.cut(random() * 300)));
    }
    return upAt;
  }
}

/** Repeats what was not accepted as a whole, with the same ids. @returns where the events lie */
async function untilAccepted(service: ServiceProcess, events: Array<Record<string, unknown>>): Promise<Array<{ partition: number; offset: number }>> {
  for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
    try {
      const { body } = await service.client.call<{ items?: Array<{ status: string; partition: number; offset: number }> }>('POST', '/api/v1/events', events);
      if (body.items?.length === events.length && body.items.every(({ status }) => status === 'accepted')) return body.items;
    } catch {
      // Killed, or starting.
    }
    await pause(50);
  }
  throw new Error(`a batch was not accepted in ${MOST_TRIES} tries`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
