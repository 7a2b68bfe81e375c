import { type Command, collectionName, countField, documentField, flagField } from './command-fields.js';
import type { Cursors, ResultSource } from './cursors.js';
import { badValue } from './errors.js';
import { orderOf } from './keys.js';
import { type Filter, compileFilter } from './matcher.js';
import { leavesAt, segmentsOf } from './paths.js';
import { type PipelineContext, type Stage, buildPipeline, stagesOf } from './pipeline.js';
import { sortOf } from './planner.js';
import { type Projection, compileProjection } from './projection.js';
import { type Match, Matches, MemoryBudget, type ReadContext, Sorter, documentOf, pause } from './reading.js';
import { cursorReply } from './replies.js';
import type { Store } from './store.js';
import { type Doc, EMPTY, MAX_DOCUMENT_BYTES, MISSING, Rank, encode, isDoc, rankOf } from './values.js';

const FIRST_BATCH = 101;

export interface ReadServices {
  store: Store;
  cursors: Cursors;
  context(command: Command): ReadContext;
}

export async function find(services: ReadServices, command: Command): Promise<Buffer> {
  const { body } = command;
  const name = collectionName(command);
  const namespace = `${command.database}.${name}`;
  const filter = compileFilter(documentField(body, 'filter'));
  const sort = sortOf(body['sort']);
  const projection = compileProjection(documentField(body, 'projection'));
  const skip = countField(body, 'skip', 0);
  const limit = countField(body, 'limit', 0) || Infinity;
  const batchSize = countField(body, 'batchSize', FIRST_BATCH);
  const collection = services.store.collection(command.database, name);
  if (!collection) return cursorReply(namespace, 0n, 'firstBatch', []);
  const context = services.context(command);
  const matches = new Matches(context, collection, filter, sort, body['hint']);
  let source: ResultSource;
  if (matches.plan.sorted) source = new FoundDocuments(context, matches, projection, skip, limit);
  else {
    const sorter = new Sorter<Match>(sort, skip + limit, new MemoryBudget(context.memoryBytes));
    await matches.each((match) => {
      sorter.add(documentOf(match), match.bytes.length, { idKey: match.idKey, bytes: match.bytes });
      return true;
    });
    source = new ListedDocuments(sorter.sorted().slice(skip).map((match) => (projection ? encode(projection(documentOf(match))) : match.bytes)));
  }
  return firstReply(services, namespace, source, batchSize, flagField(body, 'singleBatch'));
}

async function firstReply(services: ReadServices, namespace: string, source: ResultSource, batchSize: number, single: boolean): Promise<Buffer> {
  const batch = batchSize === 0 ? [] : await source.next(batchSize, MAX_DOCUMENT_BYTES);
  const id = source.done || single ? 0n : services.cursors.add(namespace, source);
  return cursorReply(namespace, id, 'firstBatch', batch);
}

export async function getMore(services: ReadServices, command: Command): Promise<Buffer> {
  const id = command.body['getMore'];
  if (typeof id !== 'bigint') throw badValue('getMore needs a cursor id');
  const namespace = `${command.database}.${collectionName(command, 'collection')}`;
  const most = countField(command.body, 'batchSize', 0) || Infinity;
  const more = await services.cursors.use(id, namespace, (source) => source.next(most, MAX_DOCUMENT_BYTES));
  return cursorReply(namespace, more.id, 'nextBatch', more.batch);
}

export function killCursors(services: ReadServices, command: Command): Doc {
  const ids = command.body['cursors'];
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'bigint')) throw badValue('killCursors needs cursor ids');
  const killed = ids.filter((id) => services.cursors.kill(id));
  return { cursorsKilled: killed, cursorsNotFound: ids.filter((id) => !killed.includes(id)), cursorsAlive: [], cursorsUnknown: [], ok: 1 };
}

export async function aggregate(services: ReadServices, command: Command): Promise<Buffer> {
  const { body } = command;
  const name = collectionName(command);
  const namespace = `${command.database}.${name}`;
  const stages = stagesOf(body['pipeline']);
  const cursorOptions = documentField(body, 'cursor');
  if (body['cursor'] === undefined) throw badValue("The 'cursor' option is required, except for aggregate with the explain argument");
  const read = services.context(command);
  const budget = new MemoryBudget(read.memoryBytes);
  const context: PipelineContext = { ...read, budget, collection: (other) => services.store.collection(command.database, other) };
  const results: Buffer[] = [];
  const sink = {
    push: (document: Doc) => {
      const bytes = encode(document);
      budget.take(bytes.length);
      results.push(bytes);
      return true;
    },
    end: () => {},
  };
  const { filter, rest } = leadingMatches(stages);
  const collection = services.store.collection(command.database, name);
  const sort = rest[0]?.[0] === '$sort' ? sortOf(rest[0][1]) : [];
  const matches = collection && new Matches(context, collection, filter, sort, body['hint']);
  const counter = matches && countingStage(rest);
  if (matches && counter) {
    const count = await countAll(read, matches, counter.skip, counter.limit);
    if (count > 0) sink.push({ _id: counter.id, [counter.field]: count });
  } else {
    const sorted = sort.length > 0 && matches?.plan.sorted === true;
    const head = buildPipeline(sorted ? rest.slice(1) : rest, context, sink);
    if (matches) await matches.each((match) => head.push(documentOf(match)));
    head.end();
  }
  return firstReply(services, namespace, new ListedDocuments(results), countField(cursorOptions, 'batchSize', FIRST_BATCH), false);
}

/** The `$match` stages at the front, as one filter that the planner can use. */
function leadingMatches(stages: readonly Stage[]): { filter: Filter; rest: Stage[] } {
  const position = stages.findIndex(([name]) => name !== '$match');
  const front = position < 0 ? stages : stages.slice(0, position);
  const filters = front.map(([, operand]) => {
    if (!isDoc(operand)) throw badValue('the match filter must be an expression in an object');
    return operand;
  });
  return { filter: compileFilter(filters.length === 0 ? {} : filters.length === 1 ? (filters[0] as Doc) : { $and: filters }), rest: stages.slice(front.length) };
}

/** `$skip`, `$limit` and a `$group` that only counts: what countDocuments sends. */
function countingStage(stages: readonly Stage[]): { id: unknown; field: string; skip: number; limit: number } | undefined {
  let skip = 0;
  let limit = Infinity;
  const last = stages[stages.length - 1];
  for (const [position, [name, operand]] of stages.slice(0, -1).entries()) {
    if (name === '$skip' && position === 0) skip = Number(operand);
    else if (name === '$limit' && limit === Infinity) limit = Number(operand);
    else return undefined;
  }
  if (last?.[0] !== '$group' || !isDoc(last[1]) || !(skip >= 0) || !(limit >= 1)) return undefined;
  const { _id: id, ...fields } = last[1];
  const [field, ...others] = Object.keys(fields);
  const sum = field === undefined ? undefined : fields[field];
  if (field === undefined || others.length > 0 || !isDoc(sum) || Object.keys(sum).join() !== '$sum' || sum['$sum'] !== 1) return undefined;
  return rankOf(id) === Rank.number || id === null ? { id, field, skip, limit } : undefined;
}

async function countAll(context: ReadContext, matches: Matches, skip: number, limit: number): Promise<number> {
  const [pass, ...others] = matches.plan.passes;
  let count = 0;
  if (pass?.exact && others.length === 0 && !pass.repeats) {
    for (const [from, to] of pass.intervals) count += context.store.count(from, to);
  } else {
    await matches.each(() => {
      count++;
      return count < skip + limit;
    });
  }
  return Math.min(Math.max(0, count - skip), limit);
}

export async function count(services: ReadServices, command: Command): Promise<Doc> {
  const { body } = command;
  const collection = services.store.collection(command.database, collectionName(command));
  const filter = compileFilter(documentField(body, 'query'));
  if (!collection) return { n: 0, ok: 1 };
  const context = services.context(command);
  const matches = new Matches(context, collection, filter, [], body['hint']);
  return { n: await countAll(context, matches, countField(body, 'skip', 0), countField(body, 'limit', 0) || Infinity), ok: 1 };
}

export async function distinct(services: ReadServices, command: Command): Promise<Doc> {
  const { body } = command;
  const path = body['key'];
  if (typeof path !== 'string' || path === '') throw badValue('distinct needs a key');
  const collection = services.store.collection(command.database, collectionName(command));
  const filter = compileFilter(documentField(body, 'query'));
  const values = new Map<string, unknown>();
  if (collection) {
    const context = services.context(command);
    const budget = new MemoryBudget(Math.min(context.memoryBytes, MAX_DOCUMENT_BYTES));
    const segments = segmentsOf(path);
    await new Matches(context, collection, filter, [], body['hint']).each((match) => {
      for (const value of leavesAt(documentOf(match), segments)) {
        if (value === MISSING || value === EMPTY) continue;
        const key = orderOf(value).toString('latin1');
        if (values.has(key)) continue;
        budget.take(key.length);
        values.set(key, value);
      }
      return true;
    });
  }
  return { values: [...values.values()], ok: 1 };
}

/** Which way a find would be answered, in the names of MongoDB's own stages. */
export function explain(services: ReadServices, command: Command): Doc {
  const query = documentField(command.body, 'explain');
  if (typeof query['find'] !== 'string') throw badValue('only find can be explained');
  const collection = services.store.collection(command.database, query['find']);
  const filter = compileFilter(documentField(query, 'filter'));
  const sort = sortOf(query['sort']);
  const passes = collection ? new Matches(services.context(command), collection, filter, sort, query['hint']).plan : { passes: [], sorted: true };
  const inputs = passes.passes.map((pass) => ({ stage: pass.index ? 'IXSCAN' : pass.intervals.length === 1 && pass.intervals[0]?.[0].length === 4 ? 'COLLSCAN' : 'IDHACK', indexName: pass.index?.entry.name ?? '_id_', direction: pass.reverse ? 'backward' : 'forward', intervals: pass.intervals.length, exact: pass.exact }));
  return { queryPlanner: { namespace: `${command.database}.${query['find']}`, winningPlan: { stage: passes.sorted ? 'FETCH' : 'SORT', inputStages: inputs } }, ok: 1 };
}

/** Results that are all there already. */
class ListedDocuments implements ResultSource {
  private position = 0;
  constructor(private readonly documents: readonly Buffer[]) {}

  get done(): boolean {
    return this.position >= this.documents.length;
  }

  async next(most: number, maxBytes: number): Promise<Buffer[]> {
    const batch: Buffer[] = [];
    for (let bytes = 0; !this.done && batch.length < most; this.position++) {
      const document = this.documents[this.position] as Buffer;
      bytes += document.length + 16;
      if (batch.length > 0 && bytes > maxBytes) break;
      batch.push(document);
    }
    return batch;
  }
}

/** Results read from the store as they are asked for. */
class FoundDocuments implements ResultSource {
  /** One that did not fit into the last batch. */
  private held: Buffer | undefined;
  private finished = false;

  constructor(private readonly context: ReadContext, private readonly matches: Matches, private readonly projection: Projection | undefined, private skip: number, private left: number) {}

  get done(): boolean {
    return this.finished && this.held === undefined;
  }

  async next(most: number, maxBytes: number): Promise<Buffer[]> {
    const batch: Buffer[] = [];
    let bytes = 0;
    if (this.held) {
      bytes = this.held.length;
      batch.push(this.held);
      this.held = undefined;
    }
    const take = (match: Match): boolean => {
      if (this.skip > 0) {
        this.skip--;
        return true;
      }
      const document = this.projection ? encode(this.projection(documentOf(match))) : match.bytes;
      this.left--;
      bytes += document.length + 16;
      if (batch.length > 0 && bytes > maxBytes) this.held = document;
      else batch.push(document);
      return this.left > 0 && batch.length < most && !this.held;
    };
    let wanted = batch.length < most;
    while (wanted && !this.finished) {
      this.matches.run((match) => (wanted = take(match)));
      if (this.matches.done || this.left <= 0) this.finished = true;
      else if (wanted) await pause(this.context.store);
    }
    return batch;
  }
}
