import { ObjectId } from 'bson';
import { DELETE_STATEMENT_FIELDS, UPDATE_STATEMENT_FIELDS } from './allowed.js';
import type { Collection } from './catalogue.js';
import { type Command, collectionName, countField, documentField, documentsField, flagField } from './command-fields.js';
import { CommandError, failedToParse, notSupported } from './errors.js';
import { type Filter, compileFilter } from './matcher.js';
import { type Sort, sortOf } from './planner.js';
import { compileProjection } from './projection.js';
import { type Match, Matches, MemoryBudget, type ReadContext, Sorter, documentOf } from './reading.js';
import { Store } from './store.js';
import { type Update, compileUpdate, seedOf } from './updater.js';
import { type Doc, MISSING, Rank, decode, isDoc, own, rankOf } from './values.js';

export interface WriteServices {
  store: Store;
  context(command: Command): ReadContext;
}

/** Statements of one command in one transaction: those that fail are reported, the others are kept, as MongoDB does. */
interface Outcome {
  n: number;
  writeErrors: Doc[];
}

/** Runs the statements one by one; an ordered command stops at the first that fails. */
function statements<T>(items: readonly T[], ordered: boolean, outcome: Outcome, run: (item: T, index: number) => void): void {
  for (const [index, item] of items.entries()) {
    try {
      run(item, index);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      outcome.writeErrors.push({ index, code: error.code, errmsg: error.message, ...error.facts });
      if (ordered) return;
    }
  }
}

const errorsOf = (outcome: Outcome): Doc => (outcome.writeErrors.length > 0 ? { writeErrors: outcome.writeErrors } : {});

export async function insert({ store }: WriteServices, command: Command): Promise<Doc> {
  const name = collectionName(command);
  const documents = documentsField(command.body, 'documents').map(withId);
  if (documents.length === 0) throw new CommandError(16, 'InvalidLength', 'Write batch sizes must be between 1 and 100000. Got 0 operations.');
  const outcome = await store.write(() => {
    const result: Outcome = { n: 0, writeErrors: [] };
    store.collectionForWrite(command.database, name);
    statements(documents, flagField(command.body, 'ordered', true), result, (document) => {
      store.insert(current(store, command, name), document);
      result.n++;
    });
    return result;
  });
  return { n: outcome.n, ...errorsOf(outcome), ok: 1 };
}

/** An index may have got its multikey flag since the last statement, so the collection is asked for again. */
const current = (store: Store, command: Command, name: string) => store.collectionForWrite(command.database, name);

export async function update(services: WriteServices, command: Command): Promise<Doc> {
  const name = collectionName(command);
  const prepared = documentsField(command.body, 'updates').map((statement) => prepareUpdate(statement));
  const outcome = await services.store.write(() => {
    const result: Outcome & { nModified: number; upserted: Doc[] } = { n: 0, nModified: 0, upserted: [], writeErrors: [] };
    statements(prepared, flagField(command.body, 'ordered', true), result, (statement, index) => {
      const ready = statement();
      const found = foundFor(services, command, name, ready.filter, [], ready.hint, ready.multi ? Infinity : 1);
      for (const place of found) {
        const match = fetched(services.store, command, name, place);
        result.n++;
        if (change(services, command, name, match, ready)) result.nModified++;
      }
      if (found.length === 0 && ready.upsert) {
        const document = upsert(services, command, name, ready);
        result.n++;
        result.upserted.push({ index, _id: document['_id'] });
      }
    });
    return result;
  });
  return { n: outcome.n, nModified: outcome.nModified, ...(outcome.upserted.length > 0 ? { upserted: outcome.upserted } : {}), ...errorsOf(outcome), ok: 1 };
}

interface ReadyUpdate {
  filter: Filter;
  update: Update;
  multi: boolean;
  upsert: boolean;
  hint: unknown;
}

/** What is refused as outside the subset fails the whole command before anything is written; what is wrong in a statement fails the statement. */
function prepareUpdate(statement: Doc): () => ReadyUpdate {
  for (const field of Object.keys(statement)) if (!UPDATE_STATEMENT_FIELDS.has(field)) throw notSupported(`the field ${field} of an update statement`);
  try {
    const filter = compileFilter(documentField(statement, 'q'));
    const update = compileUpdate(statement['u'], documentsField(statement, 'arrayFilters'));
    const multi = flagField(statement, 'multi');
    if (multi && update.replacement) throw failedToParse('multi update is not supported for replacement-style update');
    const ready = { filter, update, multi, upsert: flagField(statement, 'upsert'), hint: statement['hint'] };
    return () => ready;
  } catch (error) {
    if (!(error instanceof CommandError) || error.codeName === 'NotImplemented') throw error;
    return () => {
      throw error;
    };
  }
}

/** The documents to change, found before the first is changed, so that none is met twice. */
function foundFor(services: WriteServices, command: Command, name: string, filter: Filter, sort: Sort, hint: unknown, limit: number): Place[] {
  const collection = services.store.collection(command.database, name);
  if (!collection) return [];
  const context = services.context(command);
  const budget = new MemoryBudget(context.memoryBytes);
  const matches = new Matches(context, collection, filter, sort, hint);
  if (!matches.plan.sorted) {
    const sorter = new Sorter<Match>(sort, limit, budget);
    matches.now((match) => {
      sorter.add(documentOf(match), match.bytes.length, match);
      return true;
    });
    return sorter.sorted();
  }
  const found: Place[] = [];
  matches.now((match) => {
    found.push(limit === 1 ? match : { idKey: match.idKey });
    return found.length < limit;
  });
  return found;
}

/** Where a document is; many are not held in memory themselves. */
type Place = Pick<Match, 'idKey'> & Partial<Match>;

function fetched(store: Store, command: Command, name: string, place: Place): Match {
  const { idKey, bytes, document } = place;
  return { idKey, document, bytes: bytes ?? (store.get(current(store, command, name), idKey) as Buffer) };
}

/** Answers whether the document is now another one. */
function change(services: WriteServices, command: Command, name: string, match: Match, { filter, update }: ReadyUpdate): boolean {
  const document = update.apply(documentOf(match), { filter, inserting: false, nowMs: services.context(command).clock.now() });
  return services.store.replace(current(services.store, command, name), match.idKey, match.bytes, document);
}

function upsert(services: WriteServices, command: Command, name: string, { filter, update }: ReadyUpdate): Doc {
  const document = withId(update.apply(seedOf(filter), { filter, inserting: true, nowMs: services.context(command).clock.now() }));
  services.store.insert(current(services.store, command, name), document);
  return document;
}

export async function remove(services: WriteServices, command: Command): Promise<Doc> {
  const name = collectionName(command);
  const prepared = documentsField(command.body, 'deletes').map((statement) => {
    for (const field of Object.keys(statement)) if (!DELETE_STATEMENT_FIELDS.has(field)) throw notSupported(`the field ${field} of a delete statement`);
    return { filter: compileFilter(documentField(statement, 'q')), limit: countField(statement, 'limit', 0) || Infinity, hint: statement['hint'] };
  });
  const outcome = await services.store.write(() => {
    const result: Outcome = { n: 0, writeErrors: [] };
    statements(prepared, flagField(command.body, 'ordered', true), result, ({ filter, limit, hint }) => {
      for (const match of foundFor(services, command, name, filter, [], hint, limit)) {
        services.store.delete(current(services.store, command, name), match.idKey, fetched(services.store, command, name, match).bytes);
        result.n++;
      }
    });
    return result;
  });
  return { n: outcome.n, ...errorsOf(outcome), ok: 1 };
}

export async function findAndModify(services: WriteServices, command: Command): Promise<Doc> {
  const { body } = command;
  const name = collectionName(command);
  const filter = compileFilter(documentField(body, 'query'));
  const sort = sortOf(body['sort']);
  const projection = compileProjection(documentField(body, 'fields'));
  const shown = (document: Doc) => (projection ? projection(document) : document);
  const removing = flagField(body, 'remove');
  const wantsNew = flagField(body, 'new');
  if (removing === (body['update'] !== undefined)) throw failedToParse('Either an update or remove=true must be specified');
  if (removing && (wantsNew || flagField(body, 'upsert'))) throw failedToParse("Cannot specify both new=true or upsert=true and remove=true; 'remove' always returns the deleted document");
  const ready: ReadyUpdate | undefined = removing ? undefined : { filter, update: compileUpdate(body['update'], documentsField(body, 'arrayFilters')), multi: false, upsert: flagField(body, 'upsert'), hint: body['hint'] };
  return services.store.write((): Doc => {
    const [place] = foundFor(services, command, name, filter, sort, body['hint'], 1);
    const match = place && fetched(services.store, command, name, place);
    if (!ready) {
      if (match) services.store.delete(current(services.store, command, name), match.idKey, match.bytes);
      return { lastErrorObject: { n: match ? 1 : 0 }, value: match ? shown(documentOf(match)) : null, ok: 1 };
    }
    if (match) {
      change(services, command, name, match, ready);
      const bytes = wantsNew ? (services.store.get(current(services.store, command, name), match.idKey) as Buffer) : match.bytes;
      return { lastErrorObject: { n: 1, updatedExisting: true }, value: shown(decode(bytes)), ok: 1 };
    }
    if (!ready.upsert) return { lastErrorObject: { n: 0, updatedExisting: false }, value: null, ok: 1 };
    const document = upsert(services, command, name, ready);
    return { lastErrorObject: { n: 1, updatedExisting: false, upserted: document['_id'] }, value: wantsNew ? shown(document) : null, ok: 1 };
  });
}

/** The document with its `_id` first, a new one when it has none. @throws for an `_id` or field name that cannot be stored. */
function withId(document: Doc): Doc {
  const id = own(document, '_id');
  if (id !== MISSING) {
    const rank = rankOf(id);
    if (rank === Rank.array || rank === Rank.regex || id === undefined) throw new CommandError(53, 'InvalidIdField', `The '_id' value cannot be of type ${rank === Rank.array ? 'array' : rank === Rank.regex ? 'regex' : 'undefined'}`);
    if (isDoc(id) && Object.keys(id).some((name) => name.startsWith('$'))) throw new CommandError(52, 'DollarPrefixedFieldName', "_id fields may not contain '$'-prefixed fields");
  }
  for (const name of Object.keys(document)) if (name.startsWith('$')) throw new CommandError(52, 'DollarPrefixedFieldName', `The dollar ($) prefixed field '${name}' is not allowed`);
  if (Object.keys(document)[0] === '_id') return document;
  return { _id: id === MISSING ? new ObjectId() : id, ...document, ...(id === MISSING ? {} : { _id: id }) };
}

export function requireCollection(store: Store, command: Command): Collection {
  const name = collectionName(command);
  const collection = store.collection(command.database, name);
  if (!collection) throw new CommandError(26, 'NamespaceNotFound', `ns does not exist: ${command.database}.${name}`);
  return collection;
}
