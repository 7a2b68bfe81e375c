import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Failure, StageReport } from '../model/failure.js';

/** TLS settings with the secrets opened. PEM texts. */
export interface TlsSettings {
  /** Trust anchors; the system store when absent. */
  ca?: string;
  certificate?: string;
  key?: string;
  /** Name to verify and to send as SNI; the host when absent. */
  serverName?: string;
  /** SHA-256 of the peer's certificate, hex with or without colons: pins it, instead of a chain. */
  fingerprint?: string;
  /** False only when an administrator said so (audited, shown). */
  verify: boolean;
}

export interface DialRequest {
  host: string;
  port: number;
  /** The destination's name as an administrator gave it, where `host` is an address that it was looked up to be: connections to one name and port are counted together. */
  name?: string;
  /** Absent: plain TCP. Never falls back from TLS to plain. */
  tls?: TlsSettings;
  /** From the moment at which the connection may begin: how long it waits for its turn is not in it. */
  connectTimeoutMs: number;
  /** Ends it at once, also while it waits for its turn. */
  signal?: AbortSignal;
  /** Called for each stage as it ends. */
  onStage?: (report: StageReport) => void;
}

export type DialOutcome = { type: 'connected'; socket: Socket | TLSSocket; address: string } | { type: 'failed'; failure: Failure };

export type ResolveOutcome = { type: 'resolved'; address: string; family: 4 | 6; addresses: string[] } | { type: 'failed'; failure: Failure };

/**
 * Every outgoing connection goes through here: resolve -> policy -> connect -> TLS, with a time for each stage. Names are looked up at every dial. Only so many begin within a second to one
 * name and port (`network.connectionsPerSecond`); the others wait their turn.
 * Never throws; sorts errors by code. The caller owns the socket (error listener already needed when the promise ends, see the implementation).
 */
export interface Dialer {
  dial(request: DialRequest): Promise<DialOutcome>;
  /** Resolve and policy only, for datagrams. */
  resolve(request: Pick<DialRequest, 'host' | 'signal' | 'onStage'>): Promise<ResolveOutcome>;
}
export const DIALER = Symbol('Dialer');
