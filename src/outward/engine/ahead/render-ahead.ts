import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Renderer } from '../../../contracts/format.js';
import type { Log } from '../../../contracts/log.js';
import type { EventBatch } from '../../delivery/event-batch.js';
import { Rendering } from '../../delivery/rendering.js';
import type { Shape } from '../../delivery/shape.js';
import type { RenderedShape, RenderResult, RenderTask } from './render-task.js';

/** A shape that another thread can render as well: no mask and no envelope, which hold more than can be sent there. */
export interface PlainPath {
  shape: Shape;
  renderer: Renderer;
}

/** A shape, and of which types somebody wants events in it. */
export interface WantedPath extends PlainPath {
  wantsType: (type: string) => boolean;
}

/** For fewer events the way to another thread and back is not worth it. */
export const LEAST_EVENTS = 64;
/** So many batches wait for the thread at most; with more the caller renders by itself, so both are busy. */
const MOST_WAITING = 3;
/** Beyond so many shapes the caller renders on demand: most of it would be rendered for lanes that have no room. */
const MOST_SHAPES = 4;
/** The thread remembers shapes; integrations come and go. */
const MOST_KNOWN_SHAPES = 200;
const IDLE_MS = 30_000;
/** A batch takes some milliseconds. */
const STUCK_MS = 15_000;
/** A thread that ended by a fault is not begun again so soon. */
const REST_MS = 60_000;

/**
 * Renders the large batches of a backlog in a thread of its own, while the engine reads, checks seals and sends. It only saves work: an event that it did not render, for whatever reason, is rendered by
 * whoever sends it. The thread begins with the first large batch and ends when none came for half a minute.
 */
export class RenderAhead {
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, { resolve: (result: RenderResult | undefined) => void; timer: NodeJS.Timeout }>();
  private readonly known = new Set<string>();
  private lastNumber = 0;
  private idle: NodeJS.Timeout | undefined;
  private restUntil = -Infinity;
  private stopped = false;

  constructor(private readonly log: Log, private readonly entry: string = threadEntry()) {}

  /** Whether a batch of so many events in these shapes is rendered here. */
  takes(events: number, shapes: readonly WantedPath[]): boolean {
    return !this.stopped && events >= LEAST_EVENTS && shapes.length > 0 && shapes.length <= MOST_SHAPES && this.waiting.size < MOST_WAITING && performance.now() >= this.restUntil;
  }

  /** Hangs what could be rendered on the batch. Events that were parsed already stay for whoever asks. Never throws. */
  async render(batch: EventBatch, paths: readonly WantedPath[]): Promise<void> {
    const picked: number[] = [];
    for (let index = 0; index < batch.length; index++) if (batch.stored(index)) picked.push(index);
    if (!this.takes(picked.length, paths)) return;
    const task = this.taskOf(batch, picked, paths);
    const result = await this.ask(task);
    if (!result) return;
    for (const [at, { shape, renderer }] of paths.entries()) {
      const rendered = result.rendered[at];
      if (rendered) hang(Rendering.of(batch, shape, renderer), rendered, picked);
    }
  }

  /** Idempotent; who waits goes on without. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.end();
  }

  private taskOf(batch: EventBatch, picked: readonly number[], paths: readonly WantedPath[]): RenderTask {
    let total = 0;
    for (const index of picked) total += lengthOf(batch, index);
    const octets = new Uint8Array(total);
    const ends = new Uint32Array(picked.length);
    const offsets = new Float64Array(picked.length);
    let at = 0;
    for (const [number, index] of picked.entries()) {
      const stored = batch.stored(index);
      if (stored) octets.set(stored.octets.subarray(stored.start, stored.end), at);
      ends[number] = at += lengthOf(batch, index);
      offsets[number] = batch.offsets[index] ?? -1;
    }
    if (this.known.size + paths.length > MOST_KNOWN_SHAPES) void this.end();
    const introduced = paths.filter(({ shape }) => !this.known.has(shape.key)).map(({ shape: { key, format, framing } }) => ({ key, format, framing }));
    for (const { key } of introduced) this.known.add(key);
    const wanted = paths.map(({ wantsType }) => wantedOf(batch, picked, wantsType));
    return { number: ++this.lastNumber, partition: batch.partition, octets, ends, offsets, shapes: paths.map(({ shape }) => shape.key), wanted, introduced };
  }

  private ask(task: RenderTask): Promise<RenderResult | undefined> {
    return new Promise((resolve) => {
      const worker = (this.worker ??= this.begin());
      const timer = setTimeout(() => this.fault(worker, `a batch of ${task.ends.length} events took more than ${STUCK_MS} ms`), STUCK_MS);
      timer.unref();
      this.waiting.set(task.number, { resolve, timer });
      clearTimeout(this.idle);
      worker.postMessage(task, [task.octets.buffer, task.ends.buffer, task.offsets.buffer] as ArrayBuffer[]);
    });
  }

  private begin(): Worker {
    const worker = new Worker(this.entry, { execArgv: [], name: 'rendering', resourceLimits: { maxOldGenerationSizeMb: 256 } });
    worker.unref();
    worker.on('message', (result: RenderResult) => {
      this.answer(result.number, result);
      if (this.waiting.size > 0 || worker !== this.worker) return;
      clearTimeout(this.idle);
      this.idle = setTimeout(() => void this.end(), IDLE_MS);
      this.idle.unref();
    });
    worker.on('error', (error) => this.fault(worker, error instanceof Error ? error.message : String(error)));
    worker.on('exit', () => {
      if (worker === this.worker) this.fault(worker, 'its thread ended');
    });
    return worker;
  }

  private fault(worker: Worker, reason: string): void {
    if (worker !== this.worker) return;
    this.restUntil = performance.now() + REST_MS;
    this.log.warn({ reason }, 'rendering in a thread of its own failed; the engine renders by itself for a minute');
    void this.end();
  }

  private answer(number: number, result: RenderResult | undefined): void {
    const asked = this.waiting.get(number);
    if (!asked) return;
    this.waiting.delete(number);
    clearTimeout(asked.timer);
    asked.resolve(result);
  }

  private async end(): Promise<void> {
    clearTimeout(this.idle);
    const { worker } = this;
    this.worker = undefined;
    this.known.clear();
    for (const number of [...this.waiting.keys()]) this.answer(number, undefined);
    await worker?.terminate();
  }
}

/** One for each event that is wanted. */
function wantedOf(batch: EventBatch, picked: readonly number[], wantsType: (type: string) => boolean): Uint8Array {
  const byType = new Map<string, boolean>();
  return Uint8Array.from(picked, (index) => {
    const type = batch.types[index] ?? '';
    let wants = byType.get(type);
    if (wants === undefined) byType.set(type, (wants = wantsType(type)));
    return wants ? 1 : 0;
  });
}

function lengthOf(batch: EventBatch, index: number): number {
  const stored = batch.stored(index);
  return stored ? stored.end - stored.start : 0;
}

function hang(rendering: Rendering, { slabs, slabOf, starts, ends }: RenderedShape, picked: readonly number[]): void {
  const buffers = slabs.map((slab) => Buffer.from(slab.buffer, slab.byteOffset, slab.byteLength));
  for (const [at, index] of picked.entries()) {
    const end = ends[at] ?? 0;
    const slab = buffers[slabOf[at] ?? 0];
    if (end > 0 && slab) rendering.place(index, { slab, start: starts[at] ?? 0, end });
  }
}

/** Compiled, also where the sources are run as they are: a thread has no transpiler. */
function threadEntry(): string {
  const path = fileURLToPath(new URL('./render-thread.js', import.meta.url));
  return import.meta.url.endsWith('.ts') ? path.replace(/([\\/])src\1(?!.*[\\/]src[\\/])/, '$1dist$1') : path;
}
