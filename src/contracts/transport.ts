import type { Failure, StageReport } from '../model/failure.js';
import type { Framing, HttpBody, Protocol } from '../model/integration.js';
import type { Dialer, TlsSettings } from './dialer.js';

/** The rung of the evidence ladder: sent = handed to the operating system; read = the receiver's process read every byte; accepted, stored, found = it said so. */
export type Evidence = 'sent' | 'read' | 'accepted' | 'stored' | 'found';

/** How a receiver over HTTP is spoken to; secrets open. */
export interface HttpTarget {
  /** https: `tls` of the target holds. Never falls back. */
  secure: boolean;
  /** Path of the server URL, with its query; empty for the root. */
  path: string;
  /** Sent with every request; the names in lower case. */
  headers: Readonly<Record<string, string>>;
  gzip: boolean;
  /** Protocol http: what a request holds. */
  body: HttpBody;
  signature?: { header: string; secret: string };
  /** Protocol elastic-bulk: index or data stream. */
  index?: string;
  /** Protocol splunk-hec: the request channel, where the administrator set one. With `acknowledgements` each session has one of its own. */
  channel?: string;
  /** Protocol splunk-hec: wait for the indexer's acknowledgement. */
  acknowledgements?: { pollMs: number; timeoutMs: number };
}

/** Where and how to send; secrets already opened. */
export interface Target {
  /** Whose settings these are, and which version of them (`<integration id>:<version>`): what a transport learns about them is of no use to others. */
  of?: string;
  host: string;
  port: number;
  protocol: Protocol;
  framing: Framing;
  tls?: TlsSettings;
  /** For the protocols over HTTP. */
  http?: HttpTarget;
  connectTimeoutMs: number;
  /** A write that makes no progress, or a request without its answer, for so long fails the session. */
  sendTimeoutMs: number;
  /** Quiet period: what was written so long ago without a failure counts as safe where the receiver cannot prove more. */
  settleMs: number;
  /** A stream connection is replaced after about so long (jitter +-20 %), 0 = never: balancers and new addresses. */
  linkLifetimeMs: number;
  /** Seal interval of stream connections: half-close and wait for the peer's own FIN; 0 = no seals. */
  sealIntervalMs: number;
  /** RELP: messages sent ahead of their acknowledgements. */
  relpWindow?: number;
}

/**
 * What the lane hands over in one go. `stream` transports write the buffers as they are (already framed); `message` transports have one buffer a message.
 * Over HTTP a chunk is a request: `send` resolves with its answer, so one is under way at a time and the order stays.
 * `number` grows by one from 1 within a session: `safe` speaks of it.
 */
export interface Chunk {
  number: number;
  buffers: Uint8Array[];
  /** Events in it (a stream buffer may hold many). */
  events: number;
  bytes: number;
  /** Called by a `stream` transport when the operating system has taken all of them: from then on the memory of the buffers holds something else. A transport that reads them later does not call it. */
  written?: () => void;
}

/** One message of a `message` chunk that can never be sent: it becomes a dead letter. */
export interface RejectedMessage {
  index: number;
  code: 'message-too-long' | 'refused-by-receiver';
  reason: string;
}

export type SendOutcome = { type: 'taken'; rejected?: RejectedMessage[] } | { type: 'failed'; failure: Failure };

export interface SessionListener {
  /** Everything up to and including this chunk needs never be sent again; with which evidence. Numbers only grow. */
  safe(upToChunk: number, evidence: Evidence): void;
  /** The session is over (once): everything after the last `safe` is to be sent again on a new one. Also told when `send` answers `failed`. */
  failed(failure: Failure): void;
}

export interface TransportSession {
  /** Resolves when there is room for the next chunk (back-pressure), not when it is delivered. One at a time. Never throws. */
  send(chunk: Chunk): Promise<SendOutcome>;
  /** Ends in order: gets what evidence it can within `graceMs` (calling `safe`), then closes. Never throws; `failed` is not called for what it does itself. */
  close(graceMs: number): Promise<void>;
}

export type OpenOutcome = { type: 'open'; session: TransportSession } | { type: 'failed'; failure: Failure };

/** What a receiver gets of some messages. */
export interface Wire {
  octets: Uint8Array;
  /** Where it is a request; credentials are not in it. `octets` is its body, before compression. */
  request?: { method: 'POST'; path: string; contentType: string };
}

export interface OpenContext {
  dialer: Dialer;
  listener: SessionListener;
  signal?: AbortSignal;
  /** Stage reports for the Test button. */
  onStage?: (report: StageReport) => void;
}

/**
 * Bytes to a receiver. A leaf: it reports and never retries; the engine's lane decides. Plain class, built with `new`.
 */
export interface Transport {
  readonly protocol: Protocol;
  /** Whether a chunk's buffers are parts of one stream or a message each. */
  readonly unit: 'stream' | 'message';
  /** Best evidence that it can show. */
  readonly reaches: Evidence;
  /** What this receiver was found to allow, where a transport learns it (a receiver that never answers a half-close: `sent`). */
  reachesAt?(target: Pick<Target, 'host' | 'port'>): Evidence;
  /** Plain words for the Test button's answer when only `sent` can be shown. */
  readonly caveat?: string;
  /**
   * What one chunk of these messages is on the wire, for the preview; absent where that is the messages as they are. What a receiver gets of a run of messages is as long as what it gets of
   * each alone, numbers that grow aside. Pure.
   */
  wire?(target: Target, messages: readonly Uint8Array[]): Wire;
  open(target: Target, context: OpenContext): Promise<OpenOutcome>;
}
