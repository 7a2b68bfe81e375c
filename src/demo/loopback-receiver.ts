import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { createSecureContext, createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { Clock } from '../contracts/clock.js';
import { systemClock } from '../contracts/clock.js';
import type { Protocol } from '../model/integration.js';
import { FrameReader, type Frame, type ReceiverFraming } from './frame-reader.js';
import { RELP_SERVER_CLOSE, RelpConversation, type RelpFaults } from './relp-conversation.js';

export interface ReceivedMessage {
  text: string;
  bytes: Buffer;
  framing: Frame['framing'] | 'datagram' | 'relp';
  /** Counts from 1 in the order of acceptance; 0 for datagrams. */
  connection: number;
  /** Milliseconds since 1970. */
  receivedAt: number;
}

/** How the receiver misbehaves; each can be changed while it runs. */
export interface ReceiverFaults extends RelpFaults {
  /** Accepts but never reads: its buffers fill up. */
  neverReads: boolean;
  /** Never ends its side after the sender's half-close. */
  neverAnswersHalfClose: boolean;
  /** Waits so long after each read of at most 64 KiB. */
  readDelayMs: number;
  /** Ends the connection in order after so many octets; 0 never. */
  closesAfterBytes: number;
  /** Resets the connection after so many octets; 0 never. */
  resetsAfterBytes: number;
  /** Ends or resets each connection right after it was accepted. */
  onConnect: 'serve' | 'close' | 'reset';
}

export interface ReceiverOptions {
  protocol: Protocol;
  framing?: ReceiverFraming;
  /** 0 picks a free one. */
  port?: number;
  /** For protocol tls, and for relp over TLS: certificate and key of the receiver; `ca` with `requestCert` asks for a client certificate. */
  tls?: TlsOptions;
  faults?: Partial<ReceiverFaults>;
  /** Messages kept; beyond it the oldest are forgotten. */
  keep?: number;
  clock?: Clock;
}

const NO_FAULTS: ReceiverFaults = { neverReads: false, neverAnswersHalfClose: false, readDelayMs: 0, closesAfterBytes: 0, resetsAfterBytes: 0, onConnect: 'serve', neverAnswersMessages: false, refusesEachNth: 0, refusesSessions: false };

/** A syslog receiver on 127.0.0.1, for the demo and the tests: keeps what it got, and can misbehave in the ways that real ones do. */
export class LoopbackReceiver {
  readonly messages: ReceivedMessage[] = [];
  readonly faults: ReceiverFaults;
  /** Messages since the start, also those no longer kept. */
  received = 0;
  /** Connections accepted since the start. */
  accepted = 0;
  /** Octets read from connections. */
  octets = 0;
  /** Frames that had begun when their connection ended; they are not messages. */
  unfinishedFrames = 0;
  /** Common names of the client certificates shown, newest last. */
  readonly clientNames: string[] = [];
  /** What went wrong on connections (invalid frame headers, TLS alerts), newest last; at most 100. */
  readonly complaints: string[] = [];
  private readonly open = new Set<Socket>();
  /** The TCP sockets, which under TLS are not the ones in `open`. */
  private readonly raw = new Set<Socket>();
  private readonly listeners = new Set<(message: ReceivedMessage) => void>();
  private readonly clock: Clock;
  private server?: Server;
  private datagrams?: DatagramSocket;
  private stopped = false;

  private constructor(private readonly options: ReceiverOptions) {
    this.faults = { ...NO_FAULTS, ...options.faults };
    this.clock = options.clock ?? systemClock;
  }

  /** Listens when the promise ends. @throws Error when the port is taken or the TLS options cannot be used */
  static async start(options: ReceiverOptions): Promise<LoopbackReceiver> {
    const receiver = new LoopbackReceiver(options);
    await (options.protocol === 'udp' ? receiver.listenUdp() : receiver.listenStream());
    return receiver;
  }

  get port(): number {
    return this.datagrams ? this.datagrams.address().port : (this.server?.address() as AddressInfo).port;
  }

  /** Open connections. */
  get connections(): number {
    return this.open.size;
  }

  /** Texts of the kept messages, in the order of arrival. */
  get texts(): string[] {
    return this.messages.map((message) => message.text);
  }

  /** Calls back for each message. Returns the way to stop that. */
  onMessage(listener: (message: ReceivedMessage) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Resolves when so many messages were received in all. @throws Error after the time limit, with what was there */
  async waitFor(count: number, limitMs = 10_000): Promise<void> {
    await this.until(() => this.received >= count, limitMs, `${count} messages`);
  }

  /** Resolves when the condition holds. @throws Error after the time limit */
  async until(condition: () => boolean, limitMs: number, what: string): Promise<void> {
    const giveUpAt = performance.now() + limitMs;
    while (!condition()) {
      if (performance.now() > giveUpAt) throw new Error(`the receiver did not see ${what} within ${limitMs} ms: ${this.received} messages, ${this.octets} octets, ${this.accepted} connections; ${this.complaints.join('; ')}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Changes the behaviour; connections that were not read are read again when `neverReads` is taken back. */
  misbehave(faults: Partial<ReceiverFaults>): void {
    Object.assign(this.faults, faults);
    if (!this.faults.neverReads) for (const socket of this.open) socket.resume();
  }

  /** Ends all connections in order, and goes on listening. */
  closeConnections(): void {
    for (const socket of this.open) socket.destroy();
  }

  /** Tells all RELP senders that it ends their sessions, and does. */
  sayServerClose(): void {
    for (const socket of this.open) socket.end(RELP_SERVER_CLOSE);
  }

  /** Resets all connections, and goes on listening. */
  resetConnections(): void {
    for (const socket of this.raw) socket.resetAndDestroy();
  }

  /** Like a crash: resets every connection and stops listening at once. */
  async crash(): Promise<void> {
    this.stopped = true;
    this.resetConnections();
    await this.stop();
  }

  /** Ends every connection and stops listening. Idempotent. */
  async stop(): Promise<void> {
    this.stopped = true;
    for (const socket of [...this.open, ...this.raw]) socket.destroy();
    const { server, datagrams } = this;
    if (datagrams) {
      this.datagrams = undefined;
      await new Promise<void>((resolve) => datagrams.close(() => resolve()));
    }
    if (server?.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  private async listenUdp(): Promise<void> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4_194_304 });
    socket.on('message', (bytes) => {
      if (!this.faults.neverReads) this.keep(bytes, 'datagram', 0);
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(this.options.port ?? 0, '127.0.0.1', () => {
        socket.off('error', reject);
        socket.on('error', (error) => this.complain(error));
        resolve();
      });
    });
    this.datagrams = socket;
  }

  private async listenStream(): Promise<void> {
    // Wrong options are found here, not at the first connection.
    const encrypted = this.options.protocol === 'tls' || (this.options.protocol === 'relp' && this.options.tls !== undefined);
    if (encrypted) createSecureContext(this.options.tls);
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      this.raw.add(socket);
      socket.on('error', (error) => this.complain(error));
      socket.once('close', () => this.raw.delete(socket));
      if (encrypted) this.secure(socket);
      else this.accept(socket, socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.options.port ?? 0, '127.0.0.1', () => {
        server.off('error', reject);
        server.on('error', (error) => this.complain(error));
        resolve();
      });
    });
    this.server = server;
  }

  /** TLS around a stream, not around the handle of the TCP socket: so the TCP socket can be reset under it. */
  private secure(raw: Socket): void {
    const server = createTlsServer({ ...this.options.tls, allowHalfOpen: true }, (socket) => {
      const { subject } = socket.getPeerCertificate();
      if (typeof subject?.CN === 'string') this.clientNames.push(subject.CN);
      this.accept(socket, raw);
    });
    server.on('tlsClientError', (error: Error) => {
      this.complain(error);
      raw.destroy();
    });
    server.emit('connection', Duplex.from({ readable: raw, writable: raw }).on('error', () => {}));
  }

  private accept(socket: Socket, raw: Socket): void {
    const connection = ++this.accepted;
    socket.on('error', (error) => this.complain(error));
    if (this.stopped || this.faults.onConnect === 'close') return void socket.destroy();
    if (this.faults.onConnect === 'reset') return void raw.resetAndDestroy();
    this.open.add(socket);
    const frames = new FrameReader(this.options.framing ?? 'detect');
    const relp = this.options.protocol === 'relp' ? new RelpConversation(this.faults) : null;
    let octets = 0;
    socket.on('data', (data: Buffer) => {
      octets += data.byteLength;
      this.octets += data.byteLength;
      try {
        if (relp) this.converse(relp, data, socket, connection);
        else for (const frame of frames.push(data)) this.keep(frame.bytes, frame.framing, connection);
      } catch (error) {
        this.complain(error);
        return void socket.destroy();
      }
      this.disturb(socket, raw, octets);
    });
    socket.on('end', () => {
      if (!this.faults.neverAnswersHalfClose) socket.end();
    });
    socket.on('close', () => {
      if (frames.unfinished > 0) this.unfinishedFrames++;
      this.open.delete(socket);
    });
    if (!this.faults.neverReads) socket.resume();
  }

  private converse(relp: RelpConversation, data: Buffer, socket: Socket, connection: number): void {
    const { messages, answer, ended } = relp.push(data);
    for (const message of messages) this.keep(message, 'relp', connection);
    if (answer.byteLength > 0) socket.write(answer);
    if (ended) socket.end();
  }

  private disturb(socket: Socket, raw: Socket, octets: number): void {
    const { readDelayMs, closesAfterBytes, resetsAfterBytes, neverReads } = this.faults;
    if (closesAfterBytes > 0 && octets >= closesAfterBytes) return void socket.destroy();
    if (resetsAfterBytes > 0 && octets >= resetsAfterBytes) return void raw.resetAndDestroy();
    if (neverReads) return void socket.pause();
    if (readDelayMs > 0) {
      socket.pause();
      setTimeout(() => { if (!this.faults.neverReads) socket.resume(); }, readDelayMs);
    }
  }

  private keep(bytes: Buffer, framing: ReceivedMessage['framing'], connection: number): void {
    const message: ReceivedMessage = { text: bytes.toString('utf8'), bytes, framing, connection, receivedAt: this.clock.now() };
    this.received++;
    this.messages.push(message);
    if (this.messages.length > (this.options.keep ?? Infinity)) this.messages.shift();
    for (const listener of this.listeners) listener(message);
  }

  private complain(error: unknown): void {
    this.complaints.push(error instanceof Error ? error.message : String(error));
    if (this.complaints.length > 100) this.complaints.shift();
  }
}
