import { Inject, Injectable } from '@nestjs/common';
import { EVENT_LOG, type AppendOutcome } from '../../contracts/event-log.js';
import type { EventLog } from '../../contracts/event-log.js';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import { PRODUCER_KEYS, type ProducerKey } from '../../contracts/producer-keys.js';
import type { ProducerKeys } from '../../contracts/producer-keys.js';
import { encodeEnvelope, partitionKeyOf } from '../../model/event-envelope.js';
import type { CheckedEvent } from './event-check.js';

export type StoreOutcome =
  /** In the log, flushed. `duplicate` when an earlier event with the same key and content is what lies there. */
  | { type: 'stored'; id: string; partition: number; offset: number; duplicate: boolean }
  /** The key is taken by an event with other content. */
  | { type: 'conflict'; id: string }
  /** Not in the log as far as anybody knows; a resend is safe. */
  | { type: 'retry'; code: RetryCode; reason: string; retryAfterMs: number };
export type RetryCode = Extract<AppendOutcome, { type: 'unavailable' }>['code'] | 'duplicates-unknown';

type Retry = Extract<StoreOutcome, { type: 'retry' }>;
type Settled = ProducerKey | Retry;

const RETRY_MS = 5000;

/** An event whose key this request has claimed; whoever comes with the same key waits for `settle`. */
interface Claim {
  at: number;
  event: CheckedEvent;
  settle: (end: Settled) => void;
}

/**
 * Appends checked events, each key once: looks the keys up, appends what is new in one call, remembers the keys of what was appended. In this order a crash can repeat an event and never
 * lose one. Two requests with the same key at the same time: the second waits for the end of the first.
 */
@Injectable()
export class DurableAppend {
  private readonly inFlight = new Map<string, Promise<Settled>>();

  constructor(
    @Inject(EVENT_LOG) private readonly eventLog: EventLog,
    @Inject(PRODUCER_KEYS) private readonly producerKeys: ProducerKeys,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** One outcome an event, in the order given; answers after the flush. Never throws for data or an unreachable store. */
  async store(events: readonly CheckedEvent[]): Promise<StoreOutcome[]> {
    const outcomes = new Array<StoreOutcome>(events.length);
    const claims: Claim[] = [];
    const waiting: { at: number; event: CheckedEvent; end: Promise<Settled> }[] = [];
    for (const [at, event] of events.entries()) {
      const key = event.duplicateKey?.key;
      if (key === undefined) {
        claims.push({ at, event, settle: () => undefined });
        continue;
      }
      const earlier = this.inFlight.get(key);
      if (earlier) waiting.push({ at, event, end: earlier });
      else claims.push({ at, event, settle: this.claim(key) });
    }
    // Nobody waits while holding a claim, so two requests cannot wait for each other.
    await this.appendClaimed(claims, outcomes);
    for (const { at, event, end } of waiting) outcomes[at] = asResend(event, await end);
    return outcomes;
  }

  private claim(key: string): (end: Settled) => void {
    const { promise, resolve } = deferred<Settled>();
    this.inFlight.set(key, promise);
    return (end) => {
      this.inFlight.delete(key);
      resolve(end);
    };
  }

  private async appendClaimed(claims: readonly Claim[], outcomes: StoreOutcome[]): Promise<void> {
    const end = (claim: Claim, outcome: StoreOutcome, settled: Settled) => {
      outcomes[claim.at] = outcome;
      claim.settle(settled);
    };
    const fail = (open: readonly Claim[], retry: Retry) => open.forEach((claim) => end(claim, retry, retry));
    const found = await this.find(claims);
    const fresh: Claim[] = [];
    for (const claim of claims) {
      const key = claim.event.duplicateKey?.key;
      if (key === undefined) fresh.push(claim);
      else if (found === undefined) fail([claim], { type: 'retry', code: 'duplicates-unknown', reason: 'the store of producer keys cannot be read, so it is not known whether this event came before', retryAfterMs: RETRY_MS });
      else {
        const known = found.get(key);
        if (known) end(claim, asResend(claim.event, known), known);
        else fresh.push(claim);
      }
    }
    if (fresh.length === 0) return;

    const appended = await this.append(fresh);
    const stored: { claim: Claim; outcome: StoreOutcome; key: ProducerKey | undefined }[] = [];
    for (const [index, claim] of fresh.entries()) {
      const result = appended[index] ?? noAnswer('the event log gave no answer for this event');
      if (result.type === 'unavailable') {
        fail([claim], { type: 'retry', code: result.code, reason: result.reason, retryAfterMs: result.retryAfterMs });
        continue;
      }
      const { event, duplicateKey } = claim.event;
      const { partition, offset } = result;
      stored.push({ claim, outcome: { type: 'stored', id: event.id, partition, offset, duplicate: false }, key: duplicateKey && { ...duplicateKey, eventId: event.id, partition, offset } });
    }
    await this.remember(stored.flatMap(({ key }) => (key ? [key] : [])));
    for (const { claim, outcome, key } of stored) end(claim, outcome, key ?? noKey);
  }

  /** What is remembered of the keys; undefined when that cannot be known now. */
  private async find(claims: readonly Claim[]): Promise<Map<string, ProducerKey> | undefined> {
    const keys = claims.flatMap(({ event }) => (event.duplicateKey ? [event.duplicateKey.key] : []));
    if (keys.length === 0) return new Map();
    try {
      return await this.producerKeys.find(keys);
    } catch (error) {
      this.log.warn({ err: error, keys: keys.length }, 'producer keys cannot be read; producers are asked to send again');
      return undefined;
    }
  }

  private async append(claims: readonly Claim[]): Promise<AppendOutcome[]> {
    try {
      return await this.eventLog.append(claims.map(({ event }) => ({ key: partitionKeyOf(event.event), value: encodeEnvelope(event) })));
    } catch (error) {
      // The contract has no exceptions here. What was stored is not known, so producers send again: an event may come twice under its id, none is lost.
      this.log.error({ err: error, events: claims.length }, 'the event log broke its contract while appending');
      return claims.map(() => noAnswer('the event log failed; it is not known whether this event is stored'));
    }
  }

  private async remember(keys: readonly ProducerKey[]): Promise<void> {
    if (keys.length === 0) return;
    try {
      await this.producerKeys.remember(keys);
    } catch (error) {
      this.log.warn({ err: error, keys: keys.length }, 'producer keys of stored events could not be remembered; a resend would be stored once more');
    }
  }
}

/** The settled end of an event that has no key: nobody can wait for it. */
const noKey: Settled = { type: 'retry', code: 'duplicates-unknown', reason: '', retryAfterMs: 0 };

function asResend(event: CheckedEvent, first: Settled): StoreOutcome {
  if ('type' in first) return first;
  if (first.contentHash !== event.duplicateKey?.contentHash) return { type: 'conflict', id: first.eventId };
  return { type: 'stored', id: first.eventId, partition: first.partition, offset: first.offset, duplicate: true };
}

function noAnswer(reason: string): AppendOutcome {
  return { type: 'unavailable', code: 'log-unreachable', reason, retryAfterMs: RETRY_MS };
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}
