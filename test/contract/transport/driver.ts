import type { Dialer } from '../../../src/contracts/dialer.js';
import type { Evidence, SendOutcome, Target, Transport, TransportSession } from '../../../src/contracts/transport.js';
import type { Failure, StageReport } from '../../../src/model/failure.js';
import { isHttpKind, type Framing } from '../../../src/model/integration.js';
import { wrapped } from '../../support/http-receiver.js';

/** What the engine's lane sees of one session. */
export class SeenSession {
  safeUpTo = 0;
  readonly safes: { upTo: number; evidence: Evidence }[] = [];
  readonly failures: Failure[] = [];
  readonly stages: StageReport[] = [];
  session!: TransportSession;

  readonly listener = {
    safe: (upTo: number, evidence: Evidence) => {
      this.safes.push({ upTo, evidence });
      this.safeUpTo = upTo;
    },
    failed: (failure: Failure) => void this.failures.push(failure),
  };
}

export async function until(condition: () => boolean, what: string, limitMs = 15_000): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error(`${what}: not within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

export async function openSession(transport: Transport, dialer: Dialer, target: Target, signal?: AbortSignal): Promise<SeenSession> {
  const seen = new SeenSession();
  const opened = await transport.open(target, { dialer, listener: seen.listener, signal, onStage: (report) => seen.stages.push(report) });
  if (opened.type === 'failed') throw new Error(`${opened.failure.code}: ${opened.failure.cause}`);
  seen.session = opened.session;
  return seen;
}

/** One message as it goes on the wire: framed for streams, bare for datagrams, in its envelope over HTTP. */
export function framed(message: string, transport: Transport, framing: Framing): Uint8Array {
  if (isHttpKind(transport.protocol)) return wrapped(transport.protocol, message);
  const bytes = Buffer.from(message);
  if (transport.unit === 'message') return bytes;
  return framing === 'newline' ? Buffer.concat([bytes, Buffer.from('\n')]) : Buffer.concat([Buffer.from(`${bytes.byteLength} `), bytes]);
}

export function sendTexts(seen: SeenSession, number: number, texts: readonly string[], transport: Transport, framing: Framing = 'newline'): Promise<SendOutcome> {
  const buffers = texts.map((text) => framed(text, transport, framing));
  return seen.session.send({ number, buffers, events: texts.length, bytes: buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0) });
}

export interface LaneReport {
  sessions: number;
  failures: Failure[];
  /** Messages handed over again after a failure. */
  resent: number;
  evidence: Set<Evidence>;
}

/**
 * The engine's lane in small: chunks in order, and after a failure a new session that resends everything after the last `safe`.
 * Ends when every chunk is safe. @throws Error when that takes longer than the limit
 */
export async function deliverAll(texts: readonly string[], chunkSize: number, transport: Transport, dialer: Dialer, target: Target, options: { limitMs: number; retryMs?: number; inFlightChunks?: number } = { limitMs: 60_000 }): Promise<LaneReport> {
  const chunks: string[][] = [];
  for (let from = 0; from < texts.length; from += chunkSize) chunks.push(texts.slice(from, from + chunkSize));
  const report: LaneReport = { sessions: 0, failures: [], resent: 0, evidence: new Set() };
  const giveUpAt = performance.now() + options.limitMs;
  const inFlight = options.inFlightChunks ?? 200;
  let done = 0;
  let reached = 0;
  while (done < chunks.length) {
    if (performance.now() > giveUpAt) throw new Error(`only ${done} of ${chunks.length} chunks are safe after ${options.limitMs} ms; last failure: ${JSON.stringify(report.failures.at(-1))}`);
    const seen = new SeenSession();
    const opened = await transport.open(target, { dialer, listener: seen.listener });
    if (opened.type === 'failed') {
      report.failures.push(opened.failure);
      await new Promise((resolve) => setTimeout(resolve, options.retryMs ?? 20));
      continue;
    }
    report.sessions++;
    const base = done;
    let sent = base;
    while (base + seen.safeUpTo < chunks.length && seen.failures.length === 0 && performance.now() < giveUpAt) {
      const chunk = chunks[sent];
      if (chunk !== undefined && sent - (base + seen.safeUpTo) < inFlight) {
        if (sent < reached) report.resent += chunk.length;
        const buffers = [Buffer.concat(chunk.map((text) => framed(text, transport, target.framing)))];
        const outcome = await opened.session.send({ number: sent - base + 1, buffers: transport.unit === 'stream' ? buffers : chunk.map((text) => framed(text, transport, target.framing)), events: chunk.length, bytes: buffers[0]?.byteLength ?? 0 });
        if (outcome.type === 'failed') break;
        sent++;
        reached = Math.max(reached, sent);
      } else {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
    done = base + seen.safeUpTo;
    for (const { evidence } of seen.safes) report.evidence.add(evidence);
    report.failures.push(...seen.failures);
    await opened.session.close(2000);
    if (seen.failures.length > 0) await new Promise((resolve) => setTimeout(resolve, options.retryMs ?? 20));
  }
  return report;
}

export function targetOf(transport: Transport, port: number, changes: Partial<Target> = {}): Target {
  const http: Target['http'] = isHttpKind(transport.protocol) ? { secure: changes.tls !== undefined, path: '', headers: {}, gzip: false, body: 'ndjson', index: 'events', ...(transport.protocol === 'splunk-hec' ? { acknowledgements: { pollMs: 20, timeoutMs: 5000 } } : {}) } : undefined;
  return { host: '127.0.0.1', port, protocol: transport.protocol, framing: 'newline', http, connectTimeoutMs: 5000, sendTimeoutMs: 5000, settleMs: 100, linkLifetimeMs: 0, sealIntervalMs: 300, ...changes };
}
