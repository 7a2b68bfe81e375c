import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Dialer, DialOutcome, DialRequest, ResolveOutcome, TlsSettings } from '../../contracts/dialer.js';
import type { Failure, Stage, StageReport } from '../../model/failure.js';
import { cancelledFailure, connectFailure, failure, handshakeFailure, lookupFailure, peerName, type Peer } from '../../model/network-failure.js';
import { AddressPolicy } from './address-policy.js';
import { certificateFailure, describeCertificate } from './certificate-check.js';
import { DialRate } from './dial-rate.js';
import { connectFirst, interleaved } from './happy-eyeballs.js';
import { TimeLimit } from './time-limit.js';
import { TlsCredentials } from './tls-credentials.js';

export interface FoundAddress {
  address: string;
  family: number;
}

export interface DialerOptions {
  /** How a name becomes addresses; the system's resolver (hosts file, search domains, DNS) when absent. */
  lookup?: (host: string) => Promise<FoundAddress[]>;
  /** Head start of one address over the next (RFC 8305, 5). */
  attemptDelayMs?: number;
  /** Longest time of `resolve` alone. */
  resolveTimeoutMs?: number;
}

type Report = DialRequest['onStage'];

/**
 * resolve -> policy -> connect -> TLS. Nothing is remembered between dials but TLS contexts: each dial asks the resolver again.
 *
 * Ownership: on `connected` the socket belongs to the caller, who must end or destroy it. It already has a listener for 'error' that does nothing, so it
 * can never bring the process down; an error that fell between the end of the dial and the caller's own listener shows as `socket.errored` / `socket.destroyed`.
 * It is paused (nothing was read from it); TCP_NODELAY and keep-alive (30 s) are on. On `failed` nothing is left open.
 */
export class NetworkDialer implements Dialer {
  private readonly policy: AddressPolicy;
  private readonly credentials = new TlsCredentials();
  private readonly rate: DialRate;
  /** Look-ups under way: the system's resolver blocks a thread of few, so a name whose servers are silent must not be asked twice at a time. */
  private readonly lookups = new Map<string, Promise<FoundAddress[]>>();

  /** @param settings without `connectionsPerSecond` connections are not limited @throws Error when a CIDR block cannot be read */
  constructor(settings: { denyCidrs: readonly string[]; connectionsPerSecond?: number }, private readonly options: DialerOptions = {}) {
    this.policy = new AddressPolicy(settings.denyCidrs);
    this.rate = new DialRate(settings.connectionsPerSecond ?? 0);
  }

  async dial(request: DialRequest): Promise<DialOutcome> {
    const limit = new TimeLimit(request.connectTimeoutMs, request.signal);
    try {
      return await this.dialWithin(request, limit);
    } catch (error) {
      return { type: 'failed', failure: connectFailure(error, { host: request.host, port: request.port }) };
    } finally {
      limit.dispose();
    }
  }

  async resolve(request: Pick<DialRequest, 'host' | 'signal' | 'onStage'>): Promise<ResolveOutcome> {
    const limit = new TimeLimit(this.options.resolveTimeoutMs ?? 10_000, request.signal);
    try {
      return await this.resolveWithin(bareHost(request.host), limit, request.onStage);
    } finally {
      limit.dispose();
    }
  }

  private async dialWithin(request: DialRequest, limit: TimeLimit): Promise<DialOutcome> {
    const host = bareHost(request.host);
    const peer: Peer = { host, port: request.port, tls: request.tls && { clientCertificate: request.tls.certificate !== undefined } };
    const resolved = await this.resolveWithin(host, limit, request.onStage);
    if (resolved.type === 'failed') return resolved;

    // After the look-up, or those that waited for it would all begin at once.
    const waitedFrom = performance.now();
    const mayBegin = await limit.pausedFor(this.rate.turn(`${bareHost(request.name ?? host).toLowerCase()}|${request.port}`, request.signal));
    if (!mayBegin) return failedStage(request.onStage, waitedFrom, cancelledFailure('connect', peer));
    const connectAt = performance.now();
    const connected = await connectFirst(resolved.addresses, request.port, this.options.attemptDelayMs ?? 250, limit);
    if (connected.type !== 'connected') {
      const why = connected.type === 'ended' ? endedFailure('connect', { ...peer, address: resolved.addresses.join(', ') }, limit) : allFailed(connected.errors, peer);
      return failedStage(request.onStage, connectAt, why);
    }
    const { socket, address } = connected;
    peer.address = address;
    report(request.onStage, 'connect', connectAt, `connected to ${peerName(peer)}`);
    if (!request.tls) return { type: 'connected', socket, address };

    const tlsAt = performance.now();
    const secured = await this.secure(socket, request.tls, peer, limit);
    if (secured.type === 'failed') {
      // The TLS socket owns the TCP socket's handle once it exists, and was destroyed by `secure`.
      if (!socket.destroyed && !secured.tlsBegan) socket.destroy();
      return failedStage(request.onStage, tlsAt, secured.failure);
    }
    report(request.onStage, 'tls', tlsAt, secured.detail);
    return { type: 'connected', socket: secured.socket, address };
  }

  private async resolveWithin(host: string, limit: TimeLimit, onStage: Report): Promise<ResolveOutcome> {
    const startedAt = performance.now();
    const found = await this.addressesOf(host, limit);
    if (!Array.isArray(found)) return failedStage(onStage, startedAt, found);
    report(onStage, 'resolve', startedAt, isIP(host) ? `${host} is an address` : `${host} is ${found.map((entry) => entry.address).join(', ')}`);

    const policyAt = performance.now();
    const allowed = found.filter((entry) => this.policy.allows(entry.address));
    const addresses = interleaved(allowed);
    const [address] = addresses;
    if (address === undefined) {
      const denied = found.map((entry) => entry.address).join(', ');
      return failedStage(onStage, policyAt, failure('address-not-allowed', 'policy', `${host} leads to ${denied}, which outgoing connections may not reach`, 'Use another receiver, or take the address out of the setting network.denyCidrs.', true));
    }
    report(onStage, 'policy', policyAt, `${addresses.join(', ')} allowed`);
    return { type: 'resolved', address, family: isIP(address) === 6 ? 6 : 4, addresses };
  }

  private async addressesOf(host: string, limit: TimeLimit): Promise<FoundAddress[] | Failure> {
    const peer = { host, port: 0 };
    if (limit.ended) return endedFailure('resolve', peer, limit);
    const family = isIP(host);
    if (family !== 0) return [{ address: host, family }];
    const outcome = await limit.race(this.lookUp(host));
    if ('ended' in outcome) return endedFailure('resolve', peer, limit);
    if ('error' in outcome) return lookupFailure(outcome.error, host);
    const usable = outcome.value.filter((entry) => isIP(entry.address.replace(/%.*$/, '')) !== 0);
    return usable.length > 0 ? usable : lookupFailure({ code: 'ENODATA' }, host);
  }

  private lookUp(host: string): Promise<FoundAddress[]> {
    const underWay = this.lookups.get(host);
    if (underWay) return underWay;
    const ask = this.options.lookup ?? ((name: string) => systemLookup(name, { all: true, verbatim: true }));
    const asked = ask(host).finally(() => this.lookups.delete(host));
    this.lookups.set(host, asked);
    return asked;
  }

  private secure(socket: Socket, settings: TlsSettings, peer: Peer, limit: TimeLimit): Promise<{ type: 'secured'; socket: TLSSocket; detail: string } | { type: 'failed'; failure: Failure; tlsBegan: boolean }> {
    const credentials = this.credentials.contextFor(settings);
    if (credentials.type === 'failed') return Promise.resolve({ ...credentials, tlsBegan: false });
    const name = settings.serverName ?? peer.host;
    return new Promise((resolve) => {
      const secure = connectTls({
        socket,
        secureContext: credentials.context,
        // SNI carries names only (RFC 6066, 3).
        servername: isIP(name) ? '' : name,
        // The certificate is judged below by certificateFailure, which can say what is wrong with it; nothing is written before.
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
      });
      let settled = false;
      const settle = (failed: Failure | null) => {
        if (settled) return;
        settled = true;
        forget();
        secure.off('close', onClose);
        if (failed) {
          secure.destroy();
          resolve({ type: 'failed', failure: failed, tlsBegan: true });
        } else {
          const certificate = secure.getPeerCertificate();
          const trust = settings.fingerprint !== undefined ? 'fingerprint as pinned' : settings.verify ? 'verified' : 'NOT VERIFIED by choice';
          resolve({ type: 'secured', socket: secure, detail: `${secure.getProtocol() ?? 'TLS'} ${secure.getCipher().standardName}, ${describeCertificate(certificate)}, ${trust}` });
        }
      };
      const onClose = () => settle(handshakeFailure({ code: 'ECONNRESET' }, peer, socket.bytesRead));
      const forget = limit.onEnd(() => queueMicrotask(() => settle(endedFailure('tls', peer, limit))));
      // Stays on for good: the socket never has an unhandled error, also after it was handed over.
      secure.on('error', (error) => settle(handshakeFailure(error, peer, socket.bytesRead)));
      secure.once('close', onClose);
      secure.once('secureConnect', () => settle(certificateFailure(secure, settings, peer)));
    });
  }
}

/** IPv6 may come in brackets, as in URLs. */
function bareHost(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

/** One failure for all addresses: the first one's, with the others named. */
function allFailed(errors: readonly { address: string; error: unknown }[], peer: Peer): Failure {
  const failures = errors.map(({ address, error }) => connectFailure(error, { ...peer, address }));
  const [first] = failures;
  if (!first) return connectFailure(null, peer);
  return failures.length === 1 ? first : { ...first, cause: failures.map((each) => each.cause).join('; ') };
}

function endedFailure(stage: Stage, peer: Peer, limit: TimeLimit): Failure {
  if (limit.ended === 'cancelled') return cancelledFailure(stage, peer);
  const ms = limit.limitMs;
  switch (stage) {
    case 'resolve':
      return failure('name-lookup-failed', 'resolve', `the look-up of ${peer.host} got no answer within ${ms} ms`, 'Check that the DNS servers of this machine answer.');
    case 'tls':
      return failure('connect-timeout', 'tls', `${peerName(peer)} accepted the connection but did not finish the TLS handshake within ${ms} ms`, 'Check that this port speaks TLS: a listener for plain syslog stays silent like this; then whether the receiver is overloaded.');
    case 'policy':
    case 'connect':
    case 'send':
    case 'close':
      return failure('connect-timeout', stage, `connect to ${peerName(peer)} got no answer within ${ms} ms`, 'Check that a firewall lets this machine reach the receiver, and that the address is right.');
  }
}

function report(onStage: Report, stage: Stage, startedAt: number, detail: string, ok = true): void {
  const entry: StageReport = { stage, ok, ms: performance.now() - startedAt, detail };
  onStage?.(entry);
}

function failedStage(onStage: Report, startedAt: number, failed: Failure): { type: 'failed'; failure: Failure } {
  report(onStage, failed.stage, startedAt, failed.cause, false);
  return { type: 'failed', failure: failed };
}
