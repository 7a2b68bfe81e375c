import { Inject, Injectable } from '@nestjs/common';
import { EVENT_LOG, type AppendOutcome } from '../../contracts/event-log.js';
import type { EventLog } from '../../contracts/event-log.js';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import { PRODUCER_KEYS, type ProducerKey } from '../../contracts/producer-keys.js';
import type { ProducerKeys } from '../../contracts/producer-keys.js';
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

const RETRY_MS = 5000;

/** All that one call of `store` has claimed; `done` when each claim has its end. */
interface Flight {
  done: Promise<void>;
}

/** An event on its way to the log. While it has a key, whoever comes with the same key waits for its end. */
interface Claim {
  at: number;
  event: CheckedEvent;
  flight: Flight;
  end?: ProducerKey | Retry;
}

/**
 * Appends checked events, each key once: looks the keys up, appends what is new in one call, remembers the keys of what was appended. In this order a crash can repeat an event and never
 * lose one. Two calls with the same key at the same time: the second waits for the end of the first.
 */
@Injectable()
export class DurableAppend {
  private readonly inFlight = new Map<string, Claim>();

  constructor(
    @Inject(EVENT_LOG) private readonly eventLog: EventLog,
    @Inject(PRODUCER_KEYS) private readonly producerKeys: ProducerKeys,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** One outcome an event, in the order given; answers after the flush. Never throws for data or an unreachable store. */
  async store(events: readonly CheckedEvent[]): Promise<StoreOutcome[]> {
    const outcomes = new Array<StoreOutcome>(events.length);
    const { promise: done, resolve: land } = deferred();
    const flight: Flight = { done };
    const claims: Claim[] = [];
    const waiting: { at: number; event: CheckedEvent; earlier: Claim }[] = [];
    for (const [at, event] of events.entries()) {
      const key = event.duplicateKey?.key;
      const earlier = key === undefined ? undefined : this.inFlight.get(key);
      if (earlier) {
        waiting.push({ at, event, earlier });
        continue;
      }
      const claim: Claim = { at, event, flight };
      claims.push(claim);
      if (key !== undefined) this.inFlight.set(key, claim);
    }
    // Nobody waits while holding a claim, so two calls cannot wait for each other.
    try {
      await this.appendClaimed(claims, outcomes);
    } finally {
      for (const { event } of claims) if (event.duplicateKey) this.inFlight.delete(event.duplicateKey.key);
      land();
    }
    for (const { at, event, earlier } of waiting) {
      await earlier.flight.done;
      outcomes[at] = asResend(event, earlier.end ?? DUPLICATES_UNKNOWN);
    }
    return outcomes;
  }

  /** Gives each claim its outcome and its end. */
  private async appendClaimed(claims: readonly Claim[], outcomes: StoreOutcome[]): Promise<void> {
    const found = await this.find(claims);
    const fresh: Claim[] = [];
    for (const claim of claims) {
      const key = claim.event.duplicateKey?.key;
      const known = key === undefined ? undefined : found ? found.get(key) : DUPLICATES_UNKNOWN;
      if (!known) {
        fresh.push(claim);
        continue;
      }
      claim.end = known;
      outcomes[claim.at] = asResend(claim.event, known);
    }
    if (fresh.length === 0) return;

    const appended = await this.append(fresh);
    const keys: ProducerKey[] = [];
    for (const [index, claim] of fresh.entries()) {
      const result = appended[index] ?? noAnswer('the event log gave no answer for this event');
      if (result.type === 'unavailable') {
        claim.end = { type: 'retry', code: result.code, reason: result.reason, retryAfterMs: result.retryAfterMs };
        outcomes[claim.at] = claim.end;
        continue;
      }
      const { partition, offset } = result;
      const { id, duplicateKey } = claim.event;
      outcomes[claim.at] = { type: 'stored', id, partition, offset, duplicate: false };
      if (!duplicateKey) continue;
      claim.end = { key: duplicateKey.key, contentHash: duplicateKey.contentHash, eventId: id, partition, offset };
      keys.push(claim.end);
    }
    await this.remember(keys);
  }

  /** What is remembered of the keys; undefined when that cannot be known now. */
  private async find(claims: readonly Claim[]): Promise<Map<string, ProducerKey> | undefined> {
    const keys: string[] = [];
    for (const { event } of claims) if (event.duplicateKey) keys.push(event.duplicateKey.key);
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
      return await this.eventLog.append(claims.map(({ event }) => ({ key: event.partitionKey, value: event.record })));
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

const DUPLICATES_UNKNOWN: Retry = { type: 'retry', code: 'duplicates-unknown', reason: 'the store of producer keys cannot be read, so it is not known whether this event came before', retryAfterMs: RETRY_MS };

function asResend(event: CheckedEvent, first: ProducerKey | Retry): StoreOutcome {
  if ('type' in first) return first;
  if (first.contentHash !== event.duplicateKey?.contentHash) return { type: 'conflict', id: first.eventId };
  return { type: 'stored', id: first.eventId, partition: first.partition, offset: first.offset, duplicate: true };
}

function noAnswer(reason: string): AppendOutcome {
  return { type: 'unavailable', code: 'log-unreachable', reason, retryAfterMs: RETRY_MS };
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
