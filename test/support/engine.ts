import { systemClock } from '../../src/contracts/clock.js';
import type { Renderer } from '../../src/contracts/format.js';
import type { EventLog, OwnedPartition, ReadOptions } from '../../src/contracts/event-log.js';
import { silentLog } from '../../src/contracts/log.js';
import type { Chunk, OpenContext, OpenOutcome, SendOutcome, SessionListener, Target, Transport, TransportSession } from '../../src/contracts/transport.js';
import { encodeEnvelope } from '../../src/model/event-envelope.js';
import type { Failure } from '../../src/model/failure.js';
import { connectionSection, filterSection, outputSection, type Integration } from '../../src/model/integration.js';
import { sampleEvent } from '../../src/model/sample-events.js';
import type { UnreadableRecord } from '../../src/outward/delivery/event-batch.js';
import { compileFilter } from '../../src/outward/delivery/event-filter.js';
import { shapeOf } from '../../src/outward/delivery/shape.js';
import { targetOf } from '../../src/outward/delivery/target.js';
import type { DeadLetterSink, NewDeadLetter } from '../../src/outward/engine/dead-letter-store.js';
import type { FeedContext } from '../../src/outward/engine/feed-context.js';
import { Lane, type HealthChange, type LaneOptions } from '../../src/outward/engine/lane.js';
import { SharedFeed } from '../../src/outward/engine/shared-feed.js';
import { NetworkDialer } from '../../src/platform/network/dialer.js';

export const REFUSED: Failure = { code: 'connection-refused', stage: 'connect', cause: 'the peer refused', fix: 'start it', needsPerson: false };

/** A session whose every answer the test gives. */
export class ScriptedSession implements TransportSession {
  readonly chunks: Chunk[] = [];
  closed = false;

  constructor(
    private readonly script: ScriptedTransport,
    readonly listener: SessionListener,
  ) {}

  async send(chunk: Chunk): Promise<SendOutcome> {
    this.chunks.push(chunk);
    return this.script.onSend(this, chunk);
  }

  async close(graceMs: number): Promise<void> {
    if (this.closed) return;
    await this.script.onClose(this, graceMs);
    this.closed = true;
  }

  safe(upTo: number): void {
    if (!this.closed) this.listener.safe(upTo, 'read');
  }

  fail(failure: Failure = REFUSED): void {
    this.closed = true;
    this.listener.failed(failure);
  }
}

/** For interleavings that no real peer gives on demand. Takes everything and calls nothing safe unless told otherwise. */
export class ScriptedTransport implements Transport {
  readonly protocol = 'tcp';
  readonly reaches = 'read';
  readonly sessions: ScriptedSession[] = [];
  opens = 0;
  onOpen: () => Promise<Failure | undefined> = () => Promise.resolve(undefined);
  onSend: (session: ScriptedSession, chunk: Chunk) => Promise<SendOutcome> = () => Promise.resolve({ type: 'taken' });
  onClose: (session: ScriptedSession, graceMs: number) => Promise<void> = () => Promise.resolve();

  constructor(readonly unit: 'stream' | 'message' = 'stream') {}

  get session(): ScriptedSession {
    const last = this.sessions.at(-1);
    if (!last) throw new Error('no session was opened');
    return last;
  }

  async open(_target: Target, { listener }: OpenContext): Promise<OpenOutcome> {
    this.opens++;
    const failure = await this.onOpen();
    if (failure) return { type: 'failed', failure };
    const session = new ScriptedSession(this, listener);
    this.sessions.push(session);
    return { type: 'open', session };
  }
}

/** The positions in a chunk that `positionRenderer` made. */
export function positionsIn(chunk: Chunk): string[] {
  return Buffer.concat(chunk.buffers).toString('utf8').split('\n').filter((line) => line !== '');
}

/** Renders an event as its position, so that a test sees what was sent; events of the type `audit.bad.event` cannot be rendered. */
export const positionRenderer: Renderer = {
  render: (event, sequence) => (event.type === 'audit.bad.event' ? { type: 'reject', code: 'not-renderable', reason: 'bad by name' } : { type: 'rendered', text: sequence ?? 'none', shortened: false }),
};

/** Keeps dead letters in memory; `refuse` holds them back as a document store that is down does. */
export class MemoryDeadLetters implements DeadLetterSink {
  readonly stored = new Map<string, NewDeadLetter>();
  readonly parked = new Map<string, UnreadableRecord>();
  refuse = false;

  async store(letters: readonly NewDeadLetter[], abandoned: () => boolean): Promise<void> {
    if (!(await this.accepted(abandoned))) return;
    for (const letter of letters) this.stored.set(`${letter.integration.id}:${letter.partition}.${letter.offset}`, letter);
  }

  async park(partition: number, records: readonly UnreadableRecord[], abandoned: () => boolean): Promise<void> {
    if (!(await this.accepted(abandoned))) return;
    for (const record of records) this.parked.set(`${partition}.${record.offset}`, record);
  }

  private async accepted(abandoned: () => boolean): Promise<boolean> {
    while (this.refuse) {
      if (abandoned()) return false;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return true;
  }
}

export function testIntegration(id: string, more: Partial<Integration> = {}, connection: Partial<Integration['connection']> = {}): Integration {
  return {
    id, version: 1, name: id, createdAt: '2026-11-02T10:00:00.000Z', updatedAt: '2026-11-02T10:00:00.000Z', enginePool: 'default', serverUrl: '127.0.0.1', port: 514, protocol: 'tcp', framing: 'newline',
    outputType: 'json', header: 'none', enabled: true, output: outputSection.parse({}), filter: filterSection.parse({}), ...more,
    connection: { ...connectionSection.parse({}), retryInitialMs: 10, retryMaxMs: 100, settleMs: 20, sealIntervalMs: 100, sendTimeoutMs: 2000, ...connection },
  };
}

export type LaneChanges = Partial<Omit<LaneOptions, 'deadLetters'>> & { deadLetters?: MemoryDeadLetters };

export interface TestLane {
  lane: Lane;
  health: HealthChange[];
  deadLetters: MemoryDeadLetters;
}

/** A lane over the transport; everything else as in production, with small waits. */
export function testLane(integration: Integration, transport: Transport, more: LaneChanges = {}): TestLane {
  const health: HealthChange[] = [];
  const deadLetters = more.deadLetters ?? new MemoryDeadLetters();
  const shape = shapeOf(integration, 'host');
  const lane = new Lane({
    integration,
    path: { filter: compileFilter(integration.filter), transport, target: targetOf(integration), shape, renderer: positionRenderer, view: null },
    dialer: new NetworkDialer({ denyCidrs: [] }),
    clock: systemClock,
    random: () => 0.5,
    log: silentLog,
    queueBytes: 1_048_576,
    inFlightBytes: 16_777_216,
    faultRetryMs: 50,
    faultRetryMaxMs: 400,
    onHealth: (change) => health.push(change),
    ...more,
    deadLetters,
  });
  return { lane, health, deadLetters };
}

export function feedContext(eventLog: EventLog, more: Partial<FeedContext> = {}): FeedContext {
  return {
    eventLog,
    deadLetters: new MemoryDeadLetters(),
    readOptions: { maxRecords: 50, maxBytes: 65_536, maxWaitMs: 30 },
    reading: { failed: () => undefined, worked: () => undefined },
    engineId: 'engine',
    passGap: (owned, to) => {
      owned.taken = Math.max(owned.taken, to);
      owned.settle();
      return Promise.resolve();
    },
    ...more,
  };
}

/** A shared feed over the log, without the pool: the partition is owned until the feed stops. */
export async function openFeed(eventLog: EventLog, partition: number, from: number, context: FeedContext, options: ReadOptions = context.readOptions): Promise<SharedFeed> {
  const reader = await eventLog.openReader(partition, from, 'test', options);
  const owned: OwnedPartition = { partition, generation: 1, reader, commit: () => Promise.resolve() };
  return new SharedFeed(owned, from, context);
}

/** Appends events of the types, in order, under keys that all lie in one partition of a log with one partition. @returns their positions */
export async function appendTypes(log: EventLog, types: readonly string[], keyOf: (index: number) => string = () => 'subject'): Promise<string[]> {
  const outcomes = await log.append(
    types.map((type, index) => {
      const { type: _type, ...event } = sampleEvent('account.owner.changed');
      return { key: keyOf(index), value: encodeEnvelope({ event: { ...event, id: `event-${index}`, type }, producer: 'test', source: '/test' }) };
    }),
  );
  return outcomes.map((outcome) => {
    if (outcome.type !== 'appended') throw new Error(outcome.reason);
    return `${outcome.partition}.${outcome.offset}`;
  });
}

/** A generator of numbers from 0 to 1 with a seed (mulberry32), so that a random run can be had again. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until a condition holds. @throws after the limit, with what was expected */
export async function until(what: string, condition: () => boolean, limitMs = 10_000): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error(`not within ${limitMs} ms: ${what}`);
    await pause(2);
  }
}
