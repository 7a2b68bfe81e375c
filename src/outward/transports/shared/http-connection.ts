import { Agent, request, type ClientRequest, type ClientRequestArgs, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { DialRequest } from '../../../contracts/dialer.js';
import type { HttpTarget, OpenContext, Target } from '../../../contracts/transport.js';
import type { Failure } from '../../../model/failure.js';
import { cancelledFailure, errorCodeOf, failure, liveFailure, peerName, type Peer } from '../../../model/network-failure.js';

/** An idle connection is let go after so long, before the receiver does: servers commonly wait 5 s or more, and a request that meets their end would fail. */
const IDLE_MS = 4000;
/** An answer is read up to so many octets; those of `_bulk` are the largest, about 200 an event. */
const ANSWER_BYTES = 16_777_216;

const compressed = promisify(gzip);

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** From the start of the request to the end of the answer. */
  ms: number;
}

export interface HttpRequest {
  /** With its query. */
  path: string;
  headers: Readonly<Record<string, string>>;
  body: Buffer;
  /** Send the body compressed with gzip. */
  compress?: boolean;
}

export type ExchangeOutcome = { type: 'answered'; answer: HttpAnswer } | { type: 'failed'; failure: Failure };

/**
 * The connection of one session to an HTTP receiver: requests one after the other over one kept-alive connection, made by the dialer and so bound by its
 * policy. HTTP itself is Node's. Redirects are answers like any other; nothing is retried.
 */
export class HttpConnection {
  private readonly agent: DialledAgent;
  private readonly closing = new AbortController();
  private readonly lifetimeMs: number;
  private first: Socket | undefined;
  private dialledAt = performance.now();
  private idle: NodeJS.Timeout | undefined;
  private peer: Peer;

  constructor(private readonly target: Target, private readonly http: HttpTarget, private readonly context: OpenContext) {
    this.peer = { host: target.host, port: target.port, tls: target.tls && { clientCertificate: target.tls.certificate !== undefined } };
    // Jitter keeps many links from being renewed in the same moment.
    this.lifetimeMs = target.linkLifetimeMs > 0 ? target.linkLifetimeMs * (0.8 + 0.4 * Math.random()) : Infinity;
    this.agent = new DialledAgent(() => this.take());
  }

  /** The receiver for messages. */
  get name(): string {
    return peerName(this.peer);
  }

  /** Dials, so that a receiver that cannot be reached is known before anything is handed over. Null when it is connected. */
  async open(onStage?: DialRequest['onStage']): Promise<Failure | null> {
    const dialled = await this.dial(onStage);
    if (dialled.type === 'failed') return dialled.failure;
    if (this.closing.signal.aborted || this.context.signal?.aborted) {
      dialled.socket.destroy();
      return cancelledFailure('connect', this.peer);
    }
    this.first = dialled.socket;
    return null;
  }

  /** POSTs one body. Never throws. @param limitMs longest time from the connection being there to the end of the answer */
  async exchange(wanted: HttpRequest, limitMs = this.target.sendTimeoutMs): Promise<ExchangeOutcome> {
    clearTimeout(this.idle);
    const startedAt = performance.now();
    if (wanted.compress !== true) return this.post(wanted, limitMs, startedAt);
    // Beside the event loop: other integrations go on meanwhile.
    const body = await compressed(wanted.body);
    return this.post({ ...wanted, body, headers: { ...wanted.headers, 'content-encoding': 'gzip' } }, limitMs, startedAt);
  }

  private post({ path, headers, body }: HttpRequest, limitMs: number, startedAt: number): Promise<ExchangeOutcome> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      let answered = false;
      let settled = false;
      const settle = (outcome: ExchangeOutcome) => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        this.waitIdle();
        resolve(outcome);
      };
      const outgoing = request({
        agent: this.agent, method: 'POST', path, setHost: false,
        headers: { host: hostHeader(this.target, this.http.secure), 'user-agent': 'Tidegate', accept: '*/*', 'content-length': String(body.byteLength), ...headers },
      });
      outgoing.once('socket', () => {
        timer = setTimeout(() => outgoing.destroy(new AnswerMissing(limitMs)), limitMs);
      });
      const fail = (error: unknown) => settle({ type: 'failed', failure: this.failureOf(error, { octetsWritten: body.byteLength, ageMs: performance.now() - startedAt }) });
      outgoing.once('error', fail);
      // Asked for by nobody; the connection speaks something else from here on.
      const switched = ({ socket }: IncomingMessage) => {
        socket.destroy();
        fail(new ProtocolSwitched('101'));
      };
      outgoing.once('upgrade', switched);
      // A connection may end without an answer and without an error.
      outgoing.once('close', () => {
        if (!answered) fail(Object.assign(new Error('closed before the answer'), { code: 'ECONNRESET' }));
      });
      outgoing.once('response', (response) => {
        // Without the header that names the other protocol it comes as an answer.
        if (response.statusCode === 101) return switched(response);
        answered = true;
        void readAnswer(response, outgoing).then(
          (text) => settle({ type: 'answered', answer: { status: response.statusCode ?? 0, headers: response.headers, text, ms: performance.now() - startedAt } }),
          fail,
        );
      });
      outgoing.end(body);
    });
  }

  /** Replaces the connection when its lifetime is over; to be called between two requests. */
  renewIfDue(): void {
    if (performance.now() - this.dialledAt >= this.lifetimeMs) this.agent.letGo();
  }

  /** Ends everything at once; a request under way fails as cancelled. */
  close(): void {
    clearTimeout(this.idle);
    this.closing.abort();
    this.first?.destroy();
    this.first = undefined;
    this.agent.destroy();
  }

  /** The connection for the next request: the one made by `open`, while it lives, else a new one. */
  private async take(): Promise<Socket> {
    const { first } = this;
    this.first = undefined;
    if (first && !first.destroyed && first.readyState === 'open') return first;
    first?.destroy();
    const dialled = await this.dial();
    if (dialled.type === 'failed') throw new DialFailed(dialled.failure);
    if (this.closing.signal.aborted) {
      dialled.socket.destroy();
      throw new DialFailed(cancelledFailure('send', this.peer));
    }
    return dialled.socket;
  }

  private async dial(onStage?: DialRequest['onStage']) {
    const { target, http, context } = this;
    if (http.secure && target.tls === undefined) return { type: 'failed' as const, failure: failure('settings-invalid', 'tls', 'the target has no TLS settings', 'Set the TLS section of the integration.', true) };
    const dialled = await context.dialer.dial({
      host: target.host,
      port: target.port,
      tls: http.secure && target.tls ? { ...target.tls, serverName: target.tls.serverName ?? target.host.replace(/^\[|\]$/g, '') } : undefined,
      connectTimeoutMs: target.connectTimeoutMs,
      signal: context.signal === undefined ? this.closing.signal : AbortSignal.any([context.signal, this.closing.signal]),
      onStage,
    });
    if (dialled.type === 'connected') {
      this.dialledAt = performance.now();
      this.peer = { ...this.peer, address: dialled.address };
    }
    return dialled;
  }

  private waitIdle(): void {
    clearTimeout(this.idle);
    if (this.closing.signal.aborted) return;
    this.idle = setTimeout(() => this.agent.letGo(), IDLE_MS);
    this.idle.unref();
  }

  private failureOf(error: unknown, facts: { octetsWritten: number; ageMs: number }): Failure {
    if (this.closing.signal.aborted) return cancelledFailure('send', this.peer);
    if (error instanceof DialFailed) return error.failure;
    if (error instanceof AnswerMissing) return failure('answer-timeout', 'send', `${this.name} did not answer within ${error.limitMs} ms`, 'The receiver is overloaded or hangs: check its load and its log; what it did not confirm is sent again. connection.sendTimeoutMs allows more time.');
    if (error instanceof AnswerTooLarge) return failure('answer-unexpected', 'send', `${this.name} answered with more than ${ANSWER_BYTES} octets`, 'Check that the server URL leads to the receiver itself.', true);
    if (error instanceof ProtocolSwitched) return failure('answer-unexpected', 'send', `${this.name} changed to another protocol (HTTP 101) instead of an answer`, 'Check that the server URL leads to an intake by POST, and to no WebSocket.', true);
    const code = errorCodeOf(error);
    if (code.startsWith('HPE_')) return failure('answer-unexpected', 'send', `${this.name} does not answer in HTTP/1.1 (${code})`, 'Check port and scheme of the server URL: a port that wants TLS answers http:// like this.', true);
    const broken = liveFailure(error, this.peer, facts);
    return broken.code === 'peer-reset' || broken.code === 'peer-closed' ? { ...broken, fix: 'The receiver, a proxy or a balancer in between stopped or dropped the connection before it answered: see its log. What it did not confirm is sent again.' } : broken;
  }
}

/** Hands out dialled connections, one at a time, and keeps one for the next request. */
class DialledAgent extends Agent {
  constructor(private readonly dial: () => Promise<Socket>) {
    super({ keepAlive: true, maxSockets: 1, maxFreeSockets: 1 });
  }

  override createConnection(_options: ClientRequestArgs, callback?: (error: Error | null, stream: Duplex) => void): undefined {
    this.dial().then(
      (socket) => callback?.(null, socket),
      // Node looks at the error first; the type has no form for "no stream".
      (error: Error) => (callback as ((error: Error) => void) | undefined)?.(error),
    );
  }

  /** Ends the connection that waits for the next request, if there is one. */
  letGo(): void {
    for (const sockets of Object.values(this.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }
}

class DialFailed extends Error {
  constructor(readonly failure: Failure) {
    super(failure.cause);
  }
}

class AnswerMissing extends Error {
  constructor(readonly limitMs: number) {
    super('no answer');
  }
}

class AnswerTooLarge extends Error {}

class ProtocolSwitched extends Error {}

function readAnswer(response: IncomingMessage, outgoing: ClientRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let octets = 0;
    response.on('data', (part: Buffer) => {
      octets += part.byteLength;
      if (octets > ANSWER_BYTES) outgoing.destroy(new AnswerTooLarge('too large'));
      else parts.push(part);
    });
    response.once('end', () => resolve(Buffer.concat(parts).toString('utf8')));
    response.once('error', reject);
    response.once('close', () => reject(Object.assign(new Error('closed within the answer'), { code: 'ECONNRESET' })));
  });
}

/** RFC 9110, 7.2: without the port where it is the scheme's own. */
function hostHeader({ host, port }: Target, secure: boolean): string {
  const bare = host.replace(/^\[|\]$/g, '');
  const name = bare.includes(':') ? `[${bare}]` : bare;
  return port === (secure ? 443 : 80) ? name : `${name}:${port}`;
}
