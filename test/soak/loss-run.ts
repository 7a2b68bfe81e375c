import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testCertificates } from '../support/certificates.js';
import { FaultyProxy } from '../support/faulty-proxy.js';
import { mulberry32 } from '../support/kill-run.js';
import { Rsyslog } from '../support/rsyslog.js';
import { producerEvents } from '../support/service.js';
import { freePort } from '../support/free-port.js';
import { ServiceProcess } from '../support/service-process.js';
import { StoredIds } from '../support/stored-ids.js';
import { SyslogNg } from '../support/syslog-ng.js';

/**
 * `kill`: SIGKILL of both receivers. `kill-both`: of Tidegate and of both receivers at the same moment. `stall`: SIGSTOP, later SIGCONT. `silence`: open connections
 * carry nothing more and are not ended. `cut`: each connection is reset in the middle of a frame.
 */
export const LOSS_FAULTS = ['kill', 'kill-both', 'stall', 'silence', 'cut'] as const;
export type LossFault = (typeof LOSS_FAULTS)[number];

export interface LossRunOptions {
  fault: LossFault;
  times: number;
  /** Events a second that producers post. */
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
  /** Stored again: copies beyond the first. */
  repeated: number;
  /** Records that are a part of an event; the whole one is counted apart. */
  torn: number;
  /** Rate x (seal interval + rewind window + longest retry wait + time in which events came and no receiver worked), summed over the faults. */
  bound: number;
  evidence: string;
}

const SEAL_MS = 1000;
const REWIND_MS = 200;
const SEND_TIMEOUT_MS = 2000;
/** Tidegate killed goes on from cursors that are so old at most: commit interval and heartbeat. */
const CURSOR_AGE_MS = 1250;
const RETRY_MAX_MS = 500;
const BATCHES_PER_SECOND = 10;
const MOST_TRIES = 2000;

/** The whole product as a process, seven integrations over every way to real receivers, events at a steady rate, and a fault struck again and again. */
export async function lossRun({ fault, times, rate, seed, settleLimitMs = 60_000 }: LossRunOptions): Promise<{ rows: LossRow[]; seconds: number; outageMs: number; postedPerSecond: number }> {
  const begun = performance.now();
  const random = mulberry32(seed);
  const { authority, server, client } = await testCertificates();
  const tls = { ca: authority.certificate, certificate: server.certificate, key: server.key };
  const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-loss-'));
  const rsyslog = await Rsyslog.start({ relp: true, tls: { driver: 'gtls', ...tls } });
  const syslogNg = await SyslogNg.start({ tls });
  const receivers = [rsyslog, syslogNg];
  const proxies: FaultyProxy[] = [];
  const service = new ServiceProcess(dataDir, await freePort(), { TIDEGATE_ENGINE_HEARTBEAT_MS: '250' });
  const stored = new StoredIds('loss-', () => receivers.flatMap((receiver) => receiver.files));
  const clientTls = { ca: authority.certificate, serverName: 'receiver.test', certificate: client.certificate, key: client.key };
  const ways: Array<{ name: string; port: number; settings: Record<string, unknown>; connection?: Record<string, unknown> }> = [
    { name: 'rsyslog-tcp-newline', port: rsyslog.ports.tcp, settings: { protocol: 'tcp', framing: 'newline' } },
    { name: 'rsyslog-tcp-octets', port: rsyslog.ports.tcp, settings: { protocol: 'tcp', framing: 'octet-counting' } },
    { name: 'rsyslog-tls', port: rsyslog.ports.tls, settings: { protocol: 'tls' }, connection: { tls: clientTls } },
    { name: 'rsyslog-relp', port: rsyslog.ports.relp, settings: { protocol: 'relp' } },
    { name: 'rsyslog-relp-tls', port: rsyslog.ports.relpTls, settings: { protocol: 'relp' }, connection: { tls: clientTls, relp: { tls: true } } },
    { name: 'syslog-ng-tcp-newline', port: syslogNg.ports.tcpNewline, settings: { protocol: 'tcp', framing: 'newline' } },
    { name: 'syslog-ng-tcp-octets', port: syslogNg.ports.tcpOctet, settings: { protocol: 'tcp', framing: 'octet-counting' } },
    { name: 'syslog-ng-tls', port: syslogNg.ports.tls, settings: { protocol: 'tls' }, connection: { tls: clientTls } },
  ];
  let accepted = 0;
  let over = false;
  let outageMs = 0;
  let postingMs = 0;
  const evidence = new Map<string, string>();
  const post = async () => {
    const batch = Math.max(1, Math.round(rate / BATCHES_PER_SECOND));
    for (let due = performance.now(); !over; due += 1000 / BATCHES_PER_SECOND) {
      await pause(due - performance.now());
      await untilAccepted(service, producerEvents('loss', accepted + batch, 50).slice(accepted));
      accepted += batch;
    }
  };
  try {
    await service.start(60_000);
    for (const way of ways) {
      let { port } = way;
      if (fault === 'silence' || fault === 'cut') {
        const proxy = await FaultyProxy.start(port);
        proxies.push(proxy);
        ({ port } = proxy);
      }
      await service.client.integrate({
        name: way.name, serverUrl: '127.0.0.1', port, outputType: 'json', output: { appName: way.name }, filter: { types: ['account.*'] }, ...way.settings,
        connection: { retryInitialMs: 50, retryMaxMs: RETRY_MAX_MS, sealIntervalMs: SEAL_MS, sendTimeoutMs: SEND_TIMEOUT_MS, ...way.connection },
      });
    }
    const postingAt = performance.now();
    const posting = post();
    for (let time = 0; time < times; time++) {
      await pause(600 + random() * 900);
      const struckAt = performance.now();
      await strike();
      // While Tidegate is down nothing is accepted that could come twice.
      if (fault !== 'kill-both') outageMs += performance.now() - struckAt;
    }
    await pause(500);
    over = true;
    await posting;
    postingMs = performance.now() - postingAt;
    const giveUpAt = performance.now() + settleLimitMs;
    do {
      await pause(250);
      await stored.look();
    } while (ways.some(({ name }) => stored.of(name).copies.size < accepted) && performance.now() < giveUpAt);
    // What still comes now could only be repeats; they are counted, too.
    await pause(1500);
    await stored.look();
    const { items } = await service.client.ok<{ items: Array<{ name: string; status: { evidence: string | null } }> }>('GET', '/api/v1/integrations?pageSize=100');
    for (const { name, status } of items) evidence.set(name, status.evidence ?? 'none');
  } finally {
    over = true;
    for (const { pid } of receivers) if (pid !== undefined) process.kill(pid, 'SIGCONT');
    await service.end();
    for (const proxy of proxies) await proxy.stop();
    for (const receiver of receivers) await receiver.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
  const bound = Math.ceil((rate * (times * (SEAL_MS + REWIND_MS + RETRY_MAX_MS + (fault === 'stall' || fault === 'silence' ? SEND_TIMEOUT_MS : 0) + (fault === 'kill-both' ? CURSOR_AGE_MS : 0)) + outageMs)) / 1000);
  const rows = ways.map(({ name }) => {
    const { copies, torn } = stored.of(name);
    let repeated = 0;
    for (const count of copies.values()) repeated += count - 1;
    return { way: name, accepted, stored: copies.size, lost: accepted - copies.size, repeated, torn, bound, evidence: evidence.get(name) ?? 'none' };
  });
  return { rows, seconds: Math.round((performance.now() - begun) / 1000), outageMs: Math.round(outageMs), postedPerSecond: Math.round((accepted * 1000) / postingMs) };

  /** Ends when what was broken works again. */
  async function strike(): Promise<void> {
    switch (fault) {
      case 'kill':
        await Promise.all(receivers.map(async (receiver) => {
          await receiver.kill();
          await pause(random() * 300);
          await receiver.launch();
        }));
        return;
      case 'kill-both':
        await Promise.all([service.end('SIGKILL'), ...receivers.map((receiver) => receiver.kill())]);
        await Promise.all([service.start(60_000), ...receivers.map((receiver) => receiver.launch())]);
        // The next strike must meet work: on a busy machine the first request takes as long as the pause between two.
        for (const [before, giveUpAt] = [accepted, performance.now() + 60_000]; accepted === before && performance.now() < giveUpAt; ) await pause(50);
        return;
      case 'stall':
        for (const { pid } of receivers) if (pid !== undefined) process.kill(pid, 'SIGSTOP');
        await pause(300 + random() * 2000);
        for (const { pid } of receivers) if (pid !== undefined) process.kill(pid, 'SIGCONT');
        return;
      case 'silence':
        for (const proxy of proxies) proxy.silence();
        return;
      case 'cut':
        await Promise.all(proxies.map((proxy) => proxy.cut(random() * 300)));
    }
  }
}

/** Repeats what was not accepted as a whole, with the same ids. */
async function untilAccepted(service: ServiceProcess, events: Array<Record<string, unknown>>): Promise<void> {
  for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
    try {
      const { body } = await service.client.call<{ items?: Array<{ status: string }> }>('POST', '/api/v1/events', events);
      if (body.items?.length === events.length && body.items.every(({ status }) => status === 'accepted' || status === 'duplicate')) return;
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
