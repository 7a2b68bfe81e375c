import type { DialRequest } from '../../../contracts/dialer.js';
import type { OpenContext, Target } from '../../../contracts/transport.js';
import type { Failure } from '../../../model/failure.js';
import { failure, refusedAfterHandshake, type Peer } from '../../../model/network-failure.js';
import { afterPoll } from './bell.js';
import { StreamLink } from './stream-link.js';

const SHORTEST_REFUSAL_MS = 5;
const LONGEST_REFUSAL_MS = 300;

export type LinkOutcome = { type: 'open'; link: StreamLink } | { type: 'failed'; failure: Failure };

/**
 * Makes the connections of one session. The first dial looks the name up; later ones of the session go to the same address until the link lifetime is over
 * or a dial failed, so that a seal each second does not mean a look-up each second.
 */
export class StreamConnector {
  /** Shortest time that a TCP connect took: about one round trip, milliseconds. */
  roundTripMs = Infinity;
  private address: string | undefined;
  private lookedUpAt = 0;
  private readonly lifetimeMs: number;

  constructor(private readonly target: Target, private readonly context: OpenContext) {
    // Jitter keeps many links from being renewed in the same moment.
    this.lifetimeMs = target.linkLifetimeMs > 0 ? target.linkLifetimeMs * (0.8 + 0.4 * Math.random()) : Infinity;
  }

  /** Milliseconds until the connection should be replaced by one to a freshly looked-up address; Infinity for never. */
  get lifetimeLeftMs(): number {
    return this.lifetimeMs - (performance.now() - this.lookedUpAt);
  }

  /**
   * The first connection of a session. Over TLS it is watched for a round trip: a TLS 1.3 server refuses a client certificate (or the lack of one) only after
   * the handshake counts as done here (RFC 8446, 4.4.2.4), and octets written before its alert is read would turn the alert into a bare reset.
   */
  async first(onStage?: DialRequest['onStage']): Promise<LinkOutcome> {
    const outcome = await this.connect(onStage);
    if (outcome.type === 'failed' || outcome.link.peer.tls === undefined) return outcome;
    await new Promise((resolve) => setTimeout(resolve, Math.min(LONGEST_REFUSAL_MS, SHORTEST_REFUSAL_MS + 2 * this.roundTripMs)));
    await afterPoll();
    const { trouble } = outcome.link;
    if (trouble === null) return outcome;
    const failed = trouble.stage === 'send' ? refusedAfterHandshake(trouble, outcome.link.peer) : trouble;
    onStage?.({ stage: failed.stage, ok: false, ms: 0, detail: failed.cause });
    return { type: 'failed', failure: failed };
  }

  async connect(onStage?: DialRequest['onStage'], signal?: AbortSignal): Promise<LinkOutcome> {
    const { target } = this;
    const { tls } = target;
    if (target.protocol === 'tls' && tls === undefined) return { type: 'failed', failure: failure('settings-invalid', 'tls', 'the target has no TLS settings', 'Set the TLS section of the integration.', true) };
    const known = this.lifetimeLeftMs > 0 ? this.address : undefined;
    const startedAt = performance.now();
    let connectMs: number | undefined;
    const dialled = await this.context.dialer.dial({
      host: known ?? target.host,
      name: target.host,
      port: target.port,
      tls: tls && { ...tls, serverName: tls.serverName ?? target.host.replace(/^\[|\]$/g, '') },
      connectTimeoutMs: target.connectTimeoutMs,
      signal: signal ?? this.context.signal,
      onStage: (report) => {
        if (report.stage === 'connect' && report.ok) connectMs = report.ms;
        onStage?.(report);
      },
    });
    if (dialled.type === 'failed') {
      this.address = undefined;
      return dialled;
    }
    this.roundTripMs = Math.min(this.roundTripMs, connectMs ?? performance.now() - startedAt);
    if (known === undefined) {
      this.address = dialled.address;
      this.lookedUpAt = performance.now();
    }
    const peer: Peer = { host: target.host, port: target.port, address: dialled.address, tls: tls && { clientCertificate: tls.certificate !== undefined } };
    return { type: 'open', link: new StreamLink(dialled.socket, peer, target.sendTimeoutMs) };
  }
}
