import { createHash } from 'node:crypto';
import { createServer as createPlainServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import type { Chunk } from '../../src/contracts/transport.js';

export type HttpKind = 'http' | 'splunk-hec' | 'elastic-bulk';

export interface SeenRequest {
  path: string;
  headers: IncomingHttpHeaders;
  /** After decompression. */
  body: Buffer;
  /** Texts of the events in it. */
  texts: string[];
}

/** What a stand-in says instead of yes. `hang` never answers, `reset` cuts the connection. */
export type Answer = { status: number; body?: unknown; headers?: Record<string, string> } | 'hang' | 'reset';

export interface HttpReceiverOptions {
  kind: HttpKind;
  port?: number;
  tls?: TlsOptions;
  /** Waits so long before each answer. */
  delayMs?: number;
  /** Injected faults: an answer in place of its own, or undefined for the ordinary one. */
  answer?: (request: SeenRequest) => Answer | undefined;
}

/** A stand-in for intakes over HTTP on 127.0.0.1, for injected faults: keeps the texts of what it said yes to. The real ones are in test/peer. */
export class HttpReceiver {
  readonly requests: SeenRequest[] = [];
  readonly texts: string[] = [];
  accepted = 0;
  /** Receipts of splunk-hec, counted by channel. Those in `withheld` are never acknowledged. */
  readonly withheld = new Set<number>();
  answer: HttpReceiverOptions['answer'];
  private readonly ids = new Set<string>();
  private readonly sockets = new Set<Socket>();
  private readonly listeners = new Set<(message: { text: string }) => void>();
  private receipts = new Map<string, number>();

  private constructor(private readonly options: HttpReceiverOptions, private readonly server: Server) {
    this.answer = options.answer;
    server.on('connection', (socket: Socket) => {
      this.accepted++;
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
      socket.on('error', () => {});
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.serve(request, response));
  }

  static async start(options: HttpReceiverOptions): Promise<HttpReceiver> {
    const server = options.tls ? createTlsServer(options.tls) : createPlainServer();
    const receiver = new HttpReceiver(options, server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    return receiver;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.sockets.size;
  }

  onMessage(listener: (message: { text: string }) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async waitFor(count: number, limitMs = 10_000): Promise<void> {
    const giveUpAt = performance.now() + limitMs;
    while (this.texts.length < count) {
      if (performance.now() > giveUpAt) throw new Error(`${this.texts.length} of ${count} messages within ${limitMs} ms, ${this.requests.length} requests`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Ends the open connections in order and waits until the other side knows. */
  async dropConnections(): Promise<void> {
    for (const socket of this.sockets) socket.end();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  /** As after a restart of the indexer: its channels are gone, and each counts anew. */
  forgetChannels(): void {
    this.receipts.clear();
  }

  async crash(): Promise<void> {
    for (const socket of this.sockets) socket.resetAndDestroy();
    await this.stop();
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (this.server.listening) await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private async serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    try {
      for await (const part of incoming) parts.push(part as Buffer);
    } catch {
      return;
    }
    const raw = Buffer.concat(parts);
    const body = incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
    const path = incoming.url ?? '';
    const isPoll = path.endsWith('/ack');
    const request: SeenRequest = { path, headers: incoming.headers, body, texts: isPoll ? [] : textsOf(this.options.kind, body) };
    this.requests.push(request);
    if ((this.options.delayMs ?? 0) > 0) await new Promise((resolve) => setTimeout(resolve, this.options.delayMs));
    const answer = this.answer?.(request) ?? (isPoll ? this.acks(request) : this.take(request));
    if (answer === 'hang') return;
    if (answer === 'reset') return void incoming.socket.resetAndDestroy();
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}));
  }

  private take({ texts, body, headers }: SeenRequest): Exclude<Answer, string> {
    if (this.options.kind !== 'elastic-bulk') {
      for (const text of texts) this.keep(text);
      const ackId = this.receipts.get(channelOf(headers)) ?? 0;
      this.receipts.set(channelOf(headers), ackId + 1);
      return { status: 200, body: this.options.kind === 'http' ? { ok: true } : { text: 'Success', code: 0, ackId } };
    }
    const items = bulkIds(body).map((id, index) => {
      if (this.ids.has(id)) return { create: { _id: id, status: 409 } };
      this.ids.add(id);
      this.keep(texts[index] ?? '');
      return { create: { _id: id, status: 201 } };
    });
    return { status: 200, body: { errors: items.some(({ create }) => create.status !== 201), items } };
  }

  private acks({ body, headers }: SeenRequest): Exclude<Answer, string> {
    const { acks } = JSON.parse(body.toString()) as { acks: number[] };
    return { status: 200, body: { acks: Object.fromEntries(acks.map((id) => [id, id < (this.receipts.get(channelOf(headers)) ?? 0) && !this.withheld.has(id)])) } };
  }

  private keep(text: string): void {
    this.texts.push(text);
    for (const listener of this.listeners) listener({ text });
  }
}

/** A text as an event in the envelope of a kind. */
export function wrapped(kind: HttpKind, text: string): Buffer {
  switch (kind) {
    case 'http':
      return Buffer.from(`${JSON.stringify({ text })}\n`);
    case 'splunk-hec':
      return Buffer.from(`${JSON.stringify({ event: { text } })}\n`);
    case 'elastic-bulk':
      return Buffer.from(`${JSON.stringify({ create: { _id: createHash('sha256').update(text).digest('hex').slice(0, 32) } })}\n${JSON.stringify({ text })}\n`);
  }
}

export function chunkOf(kind: HttpKind, number: number, texts: readonly string[]): Chunk {
  const buffers = texts.map((text) => wrapped(kind, text));
  return { number, buffers, events: texts.length, bytes: buffers.reduce((sum, buffer) => sum + buffer.length, 0) };
}

function channelOf(headers: IncomingHttpHeaders): string {
  return String(headers['x-splunk-request-channel']);
}

function textsOf(kind: HttpKind, body: Buffer): string[] {
  const text = body.toString('utf8');
  const values = (text.startsWith('[') ? (JSON.parse(text) as unknown[]) : text.split('\n').slice(0, -1).map((line) => JSON.parse(line) as unknown)) as Array<Record<string, unknown>>;
  if (kind === 'elastic-bulk') return values.filter((_, index) => index % 2 === 1).map((value) => String(value['text']));
  return values.map((value) => String(kind === 'splunk-hec' ? (value['event'] as { text: string }).text : value['text']));
}

function bulkIds(body: Buffer): string[] {
  return body.toString('utf8').split('\n').slice(0, -1).filter((_, index) => index % 2 === 0).map((line) => (JSON.parse(line) as { create: { _id: string } }).create._id);
}
