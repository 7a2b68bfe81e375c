import type { Clock } from '../../../contracts/clock.js';
import { create, createIndexes, drop, dropDatabase, dropIndexes, listCollections, listDatabases, listIndexes } from './admin-commands.js';
import { COMMAND_FIELDS, GENERIC_FIELDS } from './allowed.js';
import type { Command } from './command-fields.js';
import { Cursors } from './cursors.js';
import { CommandError, notSupported, show, transactionRefused } from './errors.js';
import type { ReadContext } from './reading.js';
import { aggregate, count, distinct, explain, find, getMore, killCursors } from './read-commands.js';
import type { Store } from './store.js';
import { type Doc, MAX_DOCUMENT_BYTES, Rank, encode, isDoc, numeric, rankOf } from './values.js';
import { findAndModify, insert, remove, update } from './write-commands.js';

export interface CommandLimits {
  /** Bytes that one command may hold to sort or to collect. */
  memoryBytes: number;
  /** A cursor that nobody asks for is forgotten after this. */
  cursorIdleMs: number;
}

/** As a standalone of this version of the protocol: 21 is MongoDB 7.0. The driver then sends no transactions, and retries no writes by number. */
const WIRE_VERSION = 21;
const VERSION = [7, 0, 0, 0];
const MAX_MESSAGE_BYTES = 48_000_000;

/** Answers commands. All the rest of the embedded store is reached through here. */
export class Commands {
  readonly cursors: Cursors;

  constructor(private readonly store: Store, private readonly clock: Clock, private readonly limits: CommandLimits) {
    this.cursors = new Cursors(clock, limits.cursorIdleMs);
  }

  /** Runs one command and answers the reply as BSON; never throws for what a client sends. */
  async run(body: Doc, connectionId: number): Promise<Buffer> {
    try {
      this.store.refresh();
      const reply = await this.dispatch(this.parse(body), connectionId);
      return Buffer.isBuffer(reply) ? reply : encode(reply);
    } catch (error) {
      return encode(errorReply(error));
    }
  }

  private parse(body: Doc): Command {
    const first = Object.keys(body)[0] ?? '';
    const name = canonicalName(first);
    const fields = Object.hasOwn(COMMAND_FIELDS, name) ? COMMAND_FIELDS[name] : undefined;
    if (!fields) throw new CommandError(59, 'CommandNotFound', `no such command: '${first}' (the embedded document store knows the subset of MongoDB that Tidegate uses)`);
    refuseTransactions(body);
    for (const field of Object.keys(body)) {
      if (field === first || GENERIC_FIELDS.has(field) || fields.includes(field) || body[field] === false || body[field] === undefined) continue;
      throw notSupported(`the field ${field} of ${name}`);
    }
    const level = isDoc(body['readConcern']) ? body['readConcern']['level'] : undefined;
    if (level !== undefined && level !== 'local' && level !== 'available' && level !== 'majority') throw notSupported(`the read concern ${show(level)}`);
    const database = body['$db'];
    if (typeof database !== 'string' || !/^[^/\\. "$*<>:|?\0]{1,63}$/.test(database)) throw new CommandError(73, 'InvalidNamespace', `Invalid database name: ${String(database)}`);
    const maxTimeMs = rankOf(body['maxTimeMS']) === Rank.number ? Number(numeric(body['maxTimeMS'])) : 0;
    return { name, database, body: name === first ? body : { ...body, [name]: body[first] }, deadlineMs: maxTimeMs > 0 ? this.clock.now() + maxTimeMs : Infinity };
  }

  private context(command: Command): ReadContext {
    return { store: this.store, clock: this.clock, memoryBytes: this.limits.memoryBytes, deadlineMs: command.deadlineMs };
  }

  private async dispatch(command: Command, connectionId: number): Promise<Doc | Buffer> {
    const services = { store: this.store, cursors: this.cursors, context: (each: Command) => this.context(each) };
    switch (command.name) {
      case 'hello':
        return this.hello(connectionId);
      case 'ping':
      case 'endSessions':
      case 'killSessions':
        return { ok: 1 };
      case 'buildInfo':
        return { version: VERSION.slice(0, 3).join('.'), versionArray: VERSION, gitVersion: 'tidegate-embedded', modules: [], bits: 64, maxBsonObjectSize: MAX_DOCUMENT_BYTES, ok: 1 };
      case 'insert':
        return insert(services, command);
      case 'update':
        return update(services, command);
      case 'delete':
        return remove(services, command);
      case 'findAndModify':
        return findAndModify(services, command);
      case 'find':
        return find(services, command);
      case 'getMore':
        return getMore(services, command);
      case 'killCursors':
        return killCursors(services, command);
      case 'aggregate':
        return aggregate(services, command);
      case 'count':
        return count(services, command);
      case 'distinct':
        return distinct(services, command);
      case 'explain':
        return explain(services, command);
      case 'create':
        return create(services, command);
      case 'drop':
        return drop(services, command);
      case 'dropDatabase':
        return dropDatabase(services, command);
      case 'createIndexes':
        return createIndexes(services, command);
      case 'dropIndexes':
        return dropIndexes(services, command);
      case 'listIndexes':
        return listIndexes(services, command);
      case 'listCollections':
        return listCollections(services, command);
      case 'listDatabases':
        return listDatabases(services, command);
      default:
        throw new CommandError(59, 'CommandNotFound', `no such command: '${command.name}'`);
    }
  }

  private hello(connectionId: number): Doc {
    return {
      helloOk: true,
      isWritablePrimary: true,
      ismaster: true,
      maxBsonObjectSize: MAX_DOCUMENT_BYTES,
      maxMessageSizeBytes: MAX_MESSAGE_BYTES,
      maxWriteBatchSize: 100_000,
      localTime: new Date(this.clock.now()),
      logicalSessionTimeoutMinutes: 30,
      connectionId,
      minWireVersion: 0,
      maxWireVersion: WIRE_VERSION,
      readOnly: false,
      ok: 1,
    };
  }
}

/** Older and lower-case names of the same commands. */
function canonicalName(name: string): string {
  switch (name) {
    case 'isMaster':
    case 'ismaster':
      return 'hello';
    case 'findandmodify':
      return 'findAndModify';
    case 'buildinfo':
      return 'buildInfo';
    default:
      return name;
  }
}

const TRANSACTION_FIELDS = ['txnNumber', 'startTransaction', 'autocommit'];
function refuseTransactions(body: Doc): void {
  if (TRANSACTION_FIELDS.some((field) => body[field] !== undefined)) {
    throw transactionRefused('The embedded document store has no multi-document transactions (a standalone MongoDB has none either). Put what must change together into one document.');
  }
}

export function errorReply(error: unknown): Doc {
  if (error instanceof CommandError) return { ok: 0, errmsg: error.message, code: error.code, codeName: error.codeName, ...error.facts };
  const message = error instanceof Error ? error.message : String(error);
  if (/ENOSPC|MDB_MAP_FULL|No space left/i.test(message)) return { ok: 0, errmsg: `the disk of the embedded document store is full: ${message}`, code: 14031, codeName: 'OutOfDiskSpace' };
  return { ok: 0, errmsg: `the embedded document store failed: ${message}`, code: 1, codeName: 'InternalError' };
}
