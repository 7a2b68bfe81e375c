import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { open, type Database, type RootDatabase } from 'lmdb';
import { decodeState, encodeState, emptyState, type LogState } from './log-state.js';

const STATE_KEY = 'state';
const IDENTITY_KEY = 'identity';
const SPARE_MAP_BYTES = 1_073_741_824;
/** So much may be read before its memory is given back. */
const MAPPED_BYTES = 16_777_216;
const REOPEN_MS = 100;

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
  private tables: Tables;
  private writes = 0;
  private idle: (() => void) | undefined;
  private readBytes = 0;
  private remapping: Promise<void> | undefined;

  private constructor(readonly directory: string, private readonly partitions: number, private readonly mapBytes: number) {
    this.tables = this.openTables();
  }

  /** One table a partition, first offset of a batch -> batch. */
  get batches(): readonly Database<Buffer, number>[] {
    return this.tables.batches;
  }

  get pools(): Database<Buffer, string> {
    return this.tables.pools;
  }

  /** Producer keys. */
  get keys(): Database<Buffer, Buffer> {
    return this.tables.keys;
  }

  /** The lists by which producer keys age. */
  get keyAges(): Database<Buffer, number[]> {
    return this.tables.keyAges;
  }

  /** @throws when the directory cannot be used, or holds a log with another number of partitions */
  static open(options: { directory: string; partitions: number; fullBytes: number }): LogEnvironment {
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    const environment = new LogEnvironment(options.directory, options.partitions, pages(options.fullBytes * 2 + SPARE_MAP_BYTES));
    chmodSync(options.directory, 0o700);
    const stored = environment.tables.root.transactionSync(() => {
      const bytes = environment.tables.meta.getBinary(STATE_KEY);
      if (!environment.tables.meta.getBinary(IDENTITY_KEY)) environment.tables.meta.putSync(IDENTITY_KEY, Buffer.from(randomUUID()));
      if (bytes) return decodeState(bytes).length;
      environment.tables.meta.putSync(STATE_KEY, encodeState(emptyState(options.partitions)));
      return options.partitions;
    });
    if (stored !== options.partitions) {
      void environment.tables.root.close();
      throw new Error(`eventLog.partitions is ${options.partitions}, but the event log in ${options.directory} was made with ${stored}: set eventLog.partitions to ${stored}, or move the directory away to begin a new log.`);
    }
    return environment;
  }

  /** To be awaited before reading outside of `write`, without another await between: the tables are opened anew now and then. */
  async ready(): Promise<void> {
    while (this.remapping) await this.remapping;
  }

  /** The tables are being opened anew: nothing may be read in this moment. */
  get busy(): boolean {
    return this.remapping !== undefined;
  }

  /** A reader took so many bytes. */
  read(bytes: number): void {
    this.readBytes += bytes;
  }

  /**
   * Gives the memory back that reading mapped: LMDB reads through the page cache, and without this the process would seem to grow to the size of the log.
   * Called by readers between two batches; cheap unless much was read.
   */
  async release(): Promise<void> {
    if (!this.remapping && this.readBytes >= MAPPED_BYTES) {
      this.remapping = this.remap().finally(() => {
        this.remapping = undefined;
      });
    }
    await this.ready();
  }

  /** Outside of `write` a snapshot at least as new as the last commit of this process; after `refresh` also of every other. */
  readState(): LogState {
    const bytes = this.tables.meta.getBinary(STATE_KEY);
    if (!bytes) throw new Error(`The event log in ${this.directory} has lost its state record: restore the directory from a backup.`);
    return decodeState(bytes);
  }

  /** Given to the log when it was made; a copy of the directory has it, too. */
  readIdentity(): string {
    return this.tables.meta.getBinary(IDENTITY_KEY)?.toString() ?? '';
  }

  /** Only inside `write`. */
  writeState(state: LogState): void {
    this.tables.meta.putSync(STATE_KEY, encodeState(state));
  }

  /** What other processes committed becomes visible. */
  refresh(): void {
    this.tables.root.resetReadTxn();
  }

  /**
   * Runs the action in a write transaction; on the disk when the promise ends. All or nothing: an action that throws leaves nothing behind.
   * Reads and writes inside it are synchronous. Actions of one turn of the event loop share one commit.
   * @throws WriteRefused, or what the action threw
   */
  async write<T>(action: () => T): Promise<T> {
    await this.ready();
    this.writes++;
    try {
      return await this.tables.root.childTransaction(action);
    } catch (error) {
      throw await refusal(error);
    } finally {
      this.writes--;
      if (this.writes === 0) this.idle?.();
    }
  }

  async close(): Promise<void> {
    await this.ready();
    await this.tables.root.close();
  }

  private async remap(): Promise<void> {
    this.readBytes = 0;
    if (this.writes > 0) await new Promise<void>((resolve) => (this.idle = resolve));
    this.idle = undefined;
    await this.tables.root.close();
    for (;;) {
      try {
        this.tables = this.openTables();
        return;
      } catch {
        // No file descriptor or memory at the moment: everybody waits in `ready` until there is.
        await new Promise((resolve) => setTimeout(resolve, REOPEN_MS));
      }
    }
  }

  private openTables(): Tables {
    const root = open<Buffer, string>({ path: this.directory, noSubdir: false, encoding: 'binary', maxDbs: this.partitions + 8, overlappingSync: false, eventTurnBatching: false, mapSize: this.mapBytes, maxReaders: 510 });
    return {
      root,
      meta: root.openDB<Buffer, string>({ name: 'meta', encoding: 'binary' }),
      pools: root.openDB<Buffer, string>({ name: 'pools', encoding: 'binary' }),
      keys: root.openDB<Buffer, Buffer>({ name: 'producer-keys', encoding: 'binary', keyEncoding: 'binary' }),
      keyAges: root.openDB<Buffer, number[]>({ name: 'producer-key-ages', encoding: 'binary' }),
      batches: Array.from({ length: this.partitions }, (_, partition) => root.openDB<Buffer, number>({ name: `partition-${partition}`, encoding: 'binary' })),
    };
  }
}

interface Tables {
  root: RootDatabase<Buffer, string>;
  meta: Database<Buffer, string>;
  pools: Database<Buffer, string>;
  keys: Database<Buffer, Buffer>;
  keyAges: Database<Buffer, number[]>;
  batches: Database<Buffer, number>[];
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
