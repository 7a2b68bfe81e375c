import { chmodSync, mkdirSync } from 'node:fs';
import { open, type Database, type RootDatabase } from 'lmdb';
import { decodeState, encodeState, emptyState, type LogState } from './log-state.js';

const STATE_KEY = 'state';
const SPARE_MAP_BYTES = 1_073_741_824;

/** A write that did not happen. `full`: the disk or the map has no room; `failed`: the disk refused. */
export class WriteRefused extends Error {
  constructor(readonly kind: 'full' | 'failed', cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'WriteRefused';
  }
}

/**
 * The LMDB environment of the embedded event log and its tables. `overlappingSync` is off: a commit is on the disk before anybody sees it, so that no
 * reader (in whichever process) can move a cursor past a record that a power cut takes away again. `eventTurnBatching` is off: with it every failed commit also
 * rejects a promise that nobody can hold, which would end the process.
 */
export class LogEnvironment {
  /** One table a partition, first offset of a batch -> batch. */
  readonly batches: Database<Buffer, number>[];
  readonly pools: Database<Buffer, string>;
  /** Producer keys, and the lists by which they age. */
  readonly keys: Database<Buffer, Buffer>;
  readonly keyAges: Database<Buffer, number[]>;
  private readonly root: RootDatabase<Buffer, string>;
  private readonly meta: Database<Buffer, string>;

  private constructor(readonly directory: string, partitions: number, mapBytes: number) {
    this.root = open<Buffer, string>({ path: directory, noSubdir: false, encoding: 'binary', maxDbs: partitions + 8, overlappingSync: false, eventTurnBatching: false, mapSize: mapBytes, maxReaders: 510 });
    this.meta = this.root.openDB<Buffer, string>({ name: 'meta', encoding: 'binary' });
    this.pools = this.root.openDB<Buffer, string>({ name: 'pools', encoding: 'binary' });
    this.keys = this.root.openDB<Buffer, Buffer>({ name: 'producer-keys', encoding: 'binary', keyEncoding: 'binary' });
    this.keyAges = this.root.openDB<Buffer, number[]>({ name: 'producer-key-ages', encoding: 'binary' });
    this.batches = Array.from({ length: partitions }, (_, partition) => this.root.openDB<Buffer, number>({ name: `partition-${partition}`, encoding: 'binary' }));
  }

  /** @throws when the directory cannot be used, or holds a log with another number of partitions */
  static open(options: { directory: string; partitions: number; fullBytes: number }): LogEnvironment {
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    const environment = new LogEnvironment(options.directory, options.partitions, pages(options.fullBytes * 2 + SPARE_MAP_BYTES));
    chmodSync(options.directory, 0o700);
    const stored = environment.root.transactionSync(() => {
      const bytes = environment.meta.getBinary(STATE_KEY);
      if (bytes) return decodeState(bytes).length;
      environment.meta.putSync(STATE_KEY, encodeState(emptyState(options.partitions)));
      return options.partitions;
    });
    if (stored !== options.partitions) {
      void environment.root.close();
      throw new Error(`eventLog.partitions is ${options.partitions}, but the event log in ${options.directory} was made with ${stored}: set eventLog.partitions to ${stored}, or move the directory away to begin a new log.`);
    }
    return environment;
  }

  /** Outside of `write` a snapshot at least as new as the last commit of this process; after `refresh` also of every other. */
  readState(): LogState {
    const bytes = this.meta.getBinary(STATE_KEY);
    if (!bytes) throw new Error(`The event log in ${this.directory} has lost its state record: restore the directory from a backup.`);
    return decodeState(bytes);
  }

  /** Only inside `write`. */
  writeState(state: LogState): void {
    this.meta.putSync(STATE_KEY, encodeState(state));
  }

  /** What other processes committed becomes visible. */
  refresh(): void {
    this.root.resetReadTxn();
  }

  /**
   * Runs the action in a write transaction; on the disk when the promise ends. All or nothing: an action that throws leaves nothing behind.
   * Reads and writes inside it are synchronous. Actions of one turn of the event loop share one commit.
   * @throws WriteRefused, or what the action threw
   */
  async write<T>(action: () => T): Promise<T> {
    try {
      return await this.root.childTransaction(action);
    } catch (error) {
      throw await refusal(error);
    }
  }

  async close(): Promise<void> {
    await this.root.close();
  }
}

/** lmdb says only `commitError` at first: the reason comes in a promise of its own. */
async function refusal(error: unknown): Promise<unknown> {
  let cause = error;
  if (typeof error === 'object' && error !== null && 'commitError' in error) {
    cause = await Promise.resolve(error.commitError).catch((reason: unknown) => reason);
  }
  const code = typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'number' ? cause.code : undefined;
  if (code === undefined && cause === error) return error;
  return new WriteRefused(code !== undefined && NO_ROOM.has(code) ? 'full' : 'failed', cause);
}

/** ENOSPC, EDQUOT, EFBIG, MDB_MAP_FULL, MDB_TXN_FULL. */
const NO_ROOM = new Set([28, 122, 27, -30792, -30788]);

const pages = (bytes: number): number => Math.ceil(bytes / 1_048_576) * 1_048_576;
