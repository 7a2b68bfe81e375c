import { createSocket, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import type { Chunk, OpenContext, OpenOutcome, RejectedMessage, SendOutcome, Target, Transport, TransportSession } from '../../../contracts/transport.js';
import type { Failure } from '../../../model/failure.js';
import { connectFailure, errorCodeOf, failure, peerName, type Peer } from '../../../model/network-failure.js';
import { SettleQueue } from '../shared/settle-queue.js';

/** The largest IPv4 datagram (RFC 5426, 3.2): 65,535 less the IP and UDP headers. */
const LARGEST_DATAGRAM = 65_507;
/** Datagrams handed to the system at a time; the next group waits for their callbacks. */
const DATAGRAMS_AT_A_TIME = 64;
/** The system has no buffer at the moment: wait this long, again and again within the send timeout. */
const NO_BUFFER_WAIT_MS = 5;
/** A name is looked up again after so long, at the next send. */
const LOOKUP_AGAIN_MS = 60_000;
const REFUSAL_REMEMBERED_MS = 60_000;
const NO_OCTETS = new Uint8Array();

/**
 * RFC 5426: one message a datagram, without framing. The socket is connected, so that an ICMP "port unreachable" comes back as an error.
 * A chunk is safe when the quiet period passed without one; whether anything arrived cannot be known.
 */
export class UdpTransport implements Transport {
  readonly protocol = 'udp';
  readonly unit = 'message';
  readonly reaches = 'sent';
  readonly caveat = 'UDP gives no answer: it can only be shown that the message was sent, not that it arrived. Use tcp or tls where proof matters.';

  /** Addresses that refused lately, so that the next session of the same name tries another of its addresses. */
  private readonly refusedAt = new Map<string, number>();

  async open(target: Target, context: OpenContext): Promise<OpenOutcome> {
    const { dialer, signal, onStage } = context;
    const resolved = await dialer.resolve({ host: target.host, signal, onStage });
    if (resolved.type === 'failed') return resolved;
    const startedAt = performance.now();
    const address = this.choose(resolved.addresses, target.port);
    const connected = await connectSocket(address, target);
    if (connected.type === 'failed') {
      onStage?.({ stage: 'connect', ok: false, ms: performance.now() - startedAt, detail: connected.failure.cause });
      return connected;
    }
    if (signal?.aborted) {
      closeSocket(connected.socket);
      return { type: 'failed', failure: failure('cancelled', 'connect', `opening ${peerName({ host: target.host, port: target.port })} was cancelled`, 'Nothing to repair: it was asked to stop.') };
    }
    onStage?.({ stage: 'connect', ok: true, ms: performance.now() - startedAt, detail: `datagrams go to ${peerName({ ...target, tls: undefined, address })}; UDP makes no connection` });
    return { type: 'open', session: new UdpSession(target, context, connected.socket, address, (refused) => this.remember(refused, target.port)) };
  }

  /** UDP cannot race addresses as TCP does. IPv4 goes first, since `localhost` and many names have an IPv6 address where no datagram is taken; then whoever did not refuse. */
  private choose(addresses: readonly string[], port: number): string {
    const [first = '', ...others] = [...addresses].sort((a, b) => isIP(a) - isIP(b));
    const recently = performance.now() - REFUSAL_REMEMBERED_MS;
    return [first, ...others].find((address) => (this.refusedAt.get(`${address}|${port}`) ?? -Infinity) < recently) ?? first;
  }

  private remember(address: string, port: number): void {
    if (this.refusedAt.size >= 1000) this.refusedAt.clear();
    this.refusedAt.set(`${address}|${port}`, performance.now());
  }
}

class UdpSession implements TransportSession {
  private readonly settled: SettleQueue;
  private over: Failure | 'closed' | null = null;
  private lookedUpAt = performance.now();
  private sendReported = false;
  private readonly onAbort = () => this.fail(failure('cancelled', 'send', `sending to ${peerName(this.peer())} was cancelled`, 'Nothing to repair: it was asked to stop.'));

  constructor(private readonly target: Target, private readonly context: OpenContext, private socket: Socket, private address: string, private readonly onRefused: (address: string) => void) {
    this.settled = new SettleQueue((upToChunk, evidence) => context.listener.safe(upToChunk, evidence));
    this.watch(socket);
    context.signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  async send(chunk: Chunk): Promise<SendOutcome> {
    if (this.over !== null) return this.refusal();
    if (performance.now() - this.lookedUpAt >= LOOKUP_AGAIN_MS) await this.lookUpAgain();
    const startedAt = performance.now();
    const rejected: RejectedMessage[] = [];
    for (let from = 0; from < chunk.buffers.length; from += DATAGRAMS_AT_A_TIME) {
      for (const { index, error } of await this.sendGroup(chunk.buffers, from, Math.min(from + DATAGRAMS_AT_A_TIME, chunk.buffers.length))) {
        const end = await this.sendOne(chunk.buffers[index] ?? NO_OCTETS, index, error);
        if (end !== null) rejected.push(end);
      }
      if (this.over !== null) return this.refusal();
    }
    if (!this.sendReported) {
      this.sendReported = true;
      this.context.onStage?.({ stage: 'send', ok: rejected.length === 0, ms: performance.now() - startedAt, detail: rejected[0]?.reason ?? `${chunk.events} events in ${chunk.buffers.length} datagrams, ${chunk.bytes} octets` });
    }
    this.settled.add(chunk.number, 'sent', this.target.settleMs);
    return rejected.length > 0 ? { type: 'taken', rejected } : { type: 'taken' };
  }

  async close(graceMs: number): Promise<void> {
    if (this.over !== null) return;
    const startedAt = performance.now();
    await this.settled.drained(graceMs);
    if (this.over !== null) return;
    this.end('closed');
    this.context.onStage?.({ stage: 'close', ok: true, ms: performance.now() - startedAt, detail: 'no refusal came back; UDP can show no more' });
  }

  /** Hands datagrams over without a promise for each. Answers those that were not taken, in order, with what the system said; undefined where it was not asked. */
  private sendGroup(messages: readonly Uint8Array[], from: number, to: number): Promise<Array<{ index: number; error: Error | undefined }>> {
    return new Promise((resolve) => {
      const failed: Array<{ index: number; error: Error | undefined }> = [];
      let open = to - from;
      const ended = (index: number, taken: boolean, error?: Error): void => {
        if (!taken) failed.push({ index, error });
        open -= 1;
        if (open === 0) resolve(failed.sort((a, b) => a.index - b.index));
      };
      for (let index = from; index < to; index++) {
        const message = messages[index] ?? NO_OCTETS;
        if (message.byteLength > LARGEST_DATAGRAM || this.over !== null) ended(index, false);
        else this.socket.send(message, (error) => ended(index, error === null, error ?? undefined));
      }
    });
  }

  /** One datagram, that the system did not take at first where an error is given. Null when it took it, or when the session is over. */
  private async sendOne(message: Uint8Array, index: number, before: Error | undefined): Promise<RejectedMessage | null> {
    if (message.byteLength > LARGEST_DATAGRAM) return tooLong(index, message.byteLength, `a datagram holds at most ${LARGEST_DATAGRAM}`);
    const giveUpAt = performance.now() + this.target.sendTimeoutMs;
    for (let known = before; ; known = undefined) {
      if (this.over !== null) return null;
      const error = known ?? (await new Promise<Error | null>((resolve) => this.socket.send(message, (sendError) => resolve(sendError))));
      if (error === null) return null;
      const code = errorCodeOf(error);
      if (code === 'EMSGSIZE') return tooLong(index, message.byteLength, 'the system refused the datagram (EMSGSIZE)');
      if ((code === 'ENOBUFS' || code === 'EAGAIN' || code === 'ENOMEM') && performance.now() < giveUpAt) {
        await new Promise((resolve) => setTimeout(resolve, NO_BUFFER_WAIT_MS));
        continue;
      }
      this.fail({ ...connectFailure(error, this.peer()), stage: 'send' });
      return null;
    }
  }

  /** The name may lead elsewhere by now. An answer that fails or is the same changes nothing: the old address is as good as before. */
  private async lookUpAgain(): Promise<void> {
    this.lookedUpAt = performance.now();
    if (isIP(this.target.host)) return;
    const resolved = await this.context.dialer.resolve({ host: this.target.host, signal: this.context.signal });
    if (resolved.type === 'failed' || resolved.addresses.includes(this.address) || this.over !== null) return;
    const connected = await connectSocket(resolved.address, this.target);
    if (connected.type === 'failed') return;
    if (this.over !== null) return closeSocket(connected.socket);
    closeSocket(this.socket);
    this.socket = connected.socket;
    this.address = resolved.address;
    this.watch(connected.socket);
  }

  /** ICMP "unreachable" arrives as an error of the connected socket, after the send that caused it. */
  private watch(socket: Socket): void {
    socket.on('error', (error) => {
      if (socket === this.socket) this.fail({ ...connectFailure(error, this.peer()), stage: 'send' });
    });
    // Nobody answers over syslog/UDP; what comes is dropped.
    socket.on('message', () => {});
  }

  private fail(why: Failure): void {
    if (this.over !== null) return;
    if (why.code === 'connection-refused') this.onRefused(this.address);
    this.end(why);
    this.context.onStage?.({ stage: why.stage, ok: false, ms: 0, detail: why.cause });
    this.context.listener.failed(why);
  }

  private end(how: Failure | 'closed'): void {
    this.over = how;
    this.settled.stop();
    this.context.signal?.removeEventListener('abort', this.onAbort);
    closeSocket(this.socket);
  }

  private refusal(): SendOutcome {
    if (this.over !== null && this.over !== 'closed') return { type: 'failed', failure: this.over };
    return { type: 'failed', failure: failure('cancelled', 'send', 'the session was closed', 'Nothing to repair: it was asked to stop.') };
  }

  private peer(): Peer {
    return { host: this.target.host, port: this.target.port, address: this.address };
  }
}

function tooLong(index: number, octets: number, why: string): RejectedMessage {
  return { index, code: 'message-too-long', reason: `the message has ${octets} octets, ${why}` };
}

/** A datagram socket bound to the peer, with an error listener from the first moment on. */
function connectSocket(address: string, target: Target): Promise<{ type: 'connected'; socket: Socket } | { type: 'failed'; failure: Failure }> {
  return new Promise((resolve) => {
    const socket = createSocket(isIP(address.replace(/%.*$/, '')) === 6 ? 'udp6' : 'udp4');
    const onError = (error: unknown) => {
      closeSocket(socket);
      resolve({ type: 'failed', failure: connectFailure(error, { host: target.host, port: target.port, address }) });
    };
    socket.once('error', onError);
    socket.on('error', () => {});
    try {
      socket.connect(target.port, address, () => {
        socket.off('error', onError);
        const own = socket.address();
        // Nobody listens on a port of this machine, and the system gave us that very port: every datagram would come back to ourselves.
        if (own.port === target.port && own.address === address) return onError({ code: 'ECONNREFUSED' });
        resolve({ type: 'connected', socket });
      });
    } catch (error) {
      onError(error);
    }
  });
}

function closeSocket(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // Already closed: that is what was wanted.
  }
}
