import type { Stage } from '../../model/failure.js';
import type { OutgoingMessage } from './outgoing-message.js';

/** What a message passes on its way to a channel: those of every connection, then the login (mail) and the receiver's answer. */
export const CHANNEL_STAGES = ['resolve', 'policy', 'connect', 'tls', 'login', 'send', 'answer'] as const satisfies ReadonlyArray<Stage | 'login' | 'answer'>;
export type ChannelStage = (typeof CHANNEL_STAGES)[number];

/** Why a message did not go through, for a machine (`code`, `stage`) and for a person (`cause`, `fix`). */
export interface ChannelFailure {
  code: string;
  stage: ChannelStage;
  cause: string;
  fix: string;
  /** Waiting cannot heal it: a person must act. It is tried again all the same, slowly. */
  needsPerson: boolean;
  /** The receiver says when it may be tried again. */
  retryAfterMs?: number;
}

export interface ChannelStageReport {
  stage: ChannelStage;
  ok: boolean;
  ms: number;
  detail: string;
}

export type ChannelOutcome = { type: 'sent'; detail: string } | { type: 'failed'; failure: ChannelFailure };

export interface SendContext {
  signal?: AbortSignal;
  /** Longest time for all stages together. */
  timeoutMs: number;
  onStage?: (report: ChannelStageReport) => void;
}

/** One kind of channel. Reports and never retries; never throws for what a receiver does. */
export interface ChannelSender<Settings> {
  send(settings: Settings, message: OutgoingMessage, context: SendContext): Promise<ChannelOutcome>;
}
