import { calculateObjectSize } from 'bson';
import { STAGES } from './allowed.js';
import type { Collection } from './catalogue.js';
import { CommandError, badValue, failedToParse, notSupported } from './errors.js';
import { type Expression, compileExpression, orNull } from './expressions.js';
import { group } from './group-stage.js';
import { compileFilter } from './matcher.js';
import { isArrayIndex, segmentsOf, valuesAt } from './paths.js';
import { sortOf } from './planner.js';
import { compileProjection } from './projection.js';
import { MemoryBudget, Matches, type ReadContext, Sorter, documentOf } from './reading.js';
import type { Sink } from './sink.js';
import { type Doc, MISSING, Rank, isDoc, numeric, own, rankOf, setOwn } from './values.js';

export interface PipelineContext extends ReadContext {
  budget: MemoryBudget;
  collection(name: string): Collection | undefined;
}
export type Stage = readonly [name: string, operand: unknown];

/** @throws CommandError for stages outside the supported subset. */
export function stagesOf(pipeline: unknown): Stage[] {
  if (!Array.isArray(pipeline)) throw new CommandError(14, 'TypeMismatch', "'pipeline' option must be specified as an array");
  return pipeline.map((stage: unknown): Stage => {
    const names = isDoc(stage) ? Object.keys(stage) : [];
    if (!isDoc(stage) || names.length !== 1) throw new CommandError(40323, 'Location40323', 'A pipeline stage specification object must contain exactly one field.');
    const name = names[0] as string;
    if (!STAGES.has(name)) throw notSupported(`the aggregation stage ${name}`);
    return [name, stage[name]];
  });
}

/** Chains the stages in front of a sink. */
export function buildPipeline(stages: readonly Stage[], context: PipelineContext, sink: Sink): Sink {
  return stages.reduceRight((next, [name, operand], position) => stageSink(name, operand, context, next, stages.slice(position + 1)), sink);
}

function stageSink(name: string, operand: unknown, context: PipelineContext, next: Sink, following: readonly Stage[]): Sink {
  const each = (change: (document: Doc) => Doc): Sink => ({ push: (document) => next.push(change(document)), end: () => next.end() });
  switch (name) {
    case '$match': {
      if (!isDoc(operand)) throw badValue('the match filter must be an expression in an object');
      const filter = compileFilter(operand);
      return { push: (document) => (filter.matches(document) ? next.push(document) : true), end: () => next.end() };
    }
    case '$sort': {
      const sort = sortOf(operand);
      if (sort.length === 0) throw new CommandError(15976, 'Location15976', '$sort stage must have at least one sort key');
      const sorter = new Sorter<Doc>(sort, limitAhead(following), context.budget);
      return {
        push: (document) => {
          sorter.add(document, calculateObjectSize(document), document);
          return true;
        },
        end: () => {
          for (const document of sorter.sorted()) if (!next.push(document)) break;
          next.end();
        },
      };
    }
    case '$limit': {
      const limit = wholeOf(name, operand, 1);
      let given = 0;
      return {
        push: (document) => {
          given++;
          return next.push(document) && given < limit;
        },
        end: () => next.end(),
      };
    }
    case '$skip': {
      let left = wholeOf(name, operand, 0);
      return { push: (document) => (left > 0 ? left-- > 0 : next.push(document)), end: () => next.end() };
    }
    case '$project':
      return each(projector(operand));
    case '$addFields':
    case '$set': {
      const fields = computedFields(operand, '');
      return each((document) => fields.reduce((result, { segments, expression }) => withValue(result, segments, expression(document)), document));
    }
    case '$unset': {
      const paths = typeof operand === 'string' ? [operand] : operand;
      if (!Array.isArray(paths) || paths.length === 0 || !paths.every((path) => typeof path === 'string')) throw badValue('$unset specification must be a string or an array');
      return each(compileProjection(Object.fromEntries(paths.map((path) => [path, 0]))) ?? ((document) => document));
    }
    case '$group':
      return group(operand, context.budget, next);
    case '$count': {
      if (typeof operand !== 'string' || operand === '' || operand.startsWith('$') || operand.includes('.')) throw badValue('the count field must be a non-empty string without $ and dots');
      let count = 0;
      return {
        push: () => {
          count++;
          return true;
        },
        end: () => {
          if (count > 0) next.push({ [operand]: count });
          next.end();
        },
      };
    }
    case '$sortByCount':
      return buildPipeline([['$group', { _id: operand, count: { $sum: 1 } }], ['$sort', { count: -1 }]], context, next);
    case '$unwind':
      return unwind(operand, next);
    case '$facet':
      return facet(operand, context, next);
    case '$lookup':
      return each(lookup(operand, context));
    default:
      throw notSupported(`the aggregation stage ${name}`);
  }
}

/** How many documents a sort has to keep for what comes after it. */
export function limitAhead(following: readonly Stage[]): number {
  let skipped = 0;
  for (const [name, operand] of following) {
    if (name === '$skip') skipped += wholeOf(name, operand, 0);
    else return name === '$limit' ? skipped + wholeOf(name, operand, 1) : Infinity;
  }
  return Infinity;
}

function wholeOf(name: string, operand: unknown, least: number): number {
  const number = rankOf(operand) === Rank.number ? Number(numeric(operand)) : NaN;
  if (!Number.isInteger(number) || number < least) throw new CommandError(15958, 'Location15958', `the ${name} stage needs a whole number, at least ${least}`);
  return number;
}

interface ComputedField {
  segments: readonly string[];
  expression: Expression;
}

function computedFields(operand: unknown, prefix: string): ComputedField[] {
  if (!isDoc(operand) || Object.keys(operand).length === 0) throw badValue('specification must be a document with at least one field');
  return Object.entries(operand).flatMap(([path, value]): ComputedField[] => {
    if (path.startsWith('$')) throw badValue(`FieldPath field names may not start with '$': ${path}`);
    const nested = isDoc(value) && Object.keys(value).length > 0 && !Object.keys(value)[0]?.startsWith('$');
    return nested ? computedFields(value, `${prefix}${path}.`) : [{ segments: segmentsOf(`${prefix}${path}`), expression: compileExpression(value) }];
  });
}

/** A copy with one value set; documents in arrays get it each. */
function withValue(document: Doc, [first, ...rest]: readonly string[], value: unknown): Doc {
  if (first === undefined || (value === MISSING && rest.length === 0 && own(document, first) === MISSING)) return document;
  const result = { ...document };
  if (rest.length === 0) {
    if (value === MISSING) delete result[first];
    else setOwn(result, first, value);
    return result;
  }
  const inner = own(document, first);
  setOwn(result, first, Array.isArray(inner) ? inner.map((item: unknown) => withValue(isDoc(item) ? item : {}, rest, value)) : withValue(isDoc(inner) ? inner : {}, rest, value));
  return result;
}

function projector(operand: unknown): (document: Doc) => Doc {
  if (!isDoc(operand) || Object.keys(operand).length === 0) throw new CommandError(51272, 'Location51272', 'projection specification must have at least one field');
  const plain: Doc = {};
  const computed: ComputedField[] = [];
  const sort = (prefix: string, fields: Doc): void => {
    for (const [name, value] of Object.entries(fields)) {
      const path = `${prefix}${name}`;
      if (typeof value === 'boolean' || rankOf(value) === Rank.number) plain[path] = value;
      else if (isDoc(value) && !Object.keys(value)[0]?.startsWith('$')) sort(`${path}.`, value);
      else computed.push({ segments: segmentsOf(path), expression: compileExpression(value) });
    }
  };
  sort('', operand);
  const others = Object.keys(plain).filter((path) => path !== '_id');
  const computesId = computed.some(({ segments }) => segments[0] === '_id');
  if (computed.length > 0 && others.length === 0) plain['_id'] = computesId ? 1 : (plain['_id'] ?? 1);
  const hidesId = computed.length > 0 && others.length === 0 && !computesId && compileProjection({ _id: plain['_id'] })?.({ _id: 0 })['_id'] === undefined;
  const project = hidesId ? () => ({}) : (compileProjection(plain) ?? ((document: Doc) => document));
  if (computed.length > 0 && others.some((path) => plain[path] === false || plain[path] === 0)) throw badValue('Bad projection specification, cannot exclude fields other than _id in an inclusion projection');
  return (document) => computed.reduce((result, { segments, expression }) => withValue(result, segments, expression(document)), project(document));
}

function unwind(operand: unknown, next: Sink): Sink {
  const options: Doc = typeof operand === 'string' ? { path: operand } : isDoc(operand) ? operand : {};
  for (const name of Object.keys(options)) if (!['path', 'preserveNullAndEmptyArrays', 'includeArrayIndex'].includes(name)) throw failedToParse(`unrecognized option to $unwind stage: ${name}`);
  const path = options['path'];
  if (typeof path !== 'string' || !path.startsWith('$') || path.length < 2) throw new CommandError(28818, 'Location28818', "path option to $unwind stage should be prefixed with a '$'");
  const segments = segmentsOf(path.slice(1));
  const keepEmpty = options['preserveNullAndEmptyArrays'] === true;
  const indexField = options['includeArrayIndex'];
  if (indexField !== undefined && typeof indexField !== 'string') throw new CommandError(28810, 'Location28810', 'expected a string for the includeArrayIndex option to $unwind stage');
  const indexed = (document: Doc, index: bigint | null) => (indexField === undefined ? document : withValue(document, segmentsOf(indexField), index));
  return {
    push: (document) => {
      let value: unknown = document;
      for (const segment of segments) value = isDoc(value) ? own(value, segment) : MISSING;
      if (!Array.isArray(value)) {
        if (rankOf(value) !== Rank.null) return next.push(indexed(document, null));
        return keepEmpty ? next.push(indexed(document, null)) : true;
      }
      if (value.length === 0) return keepEmpty ? next.push(indexed(withValue(document, segments, MISSING), null)) : true;
      return value.every((item, index) => next.push(indexed(withValue(document, segments, item), BigInt(index))));
    },
    end: () => next.end(),
  };
}

const IN_FACETS_NOT = new Set(['$facet']);

function facet(operand: unknown, context: PipelineContext, next: Sink): Sink {
  if (!isDoc(operand) || Object.keys(operand).length === 0) throw new CommandError(40169, 'Location40169', 'the $facet specification must be a non-empty object');
  const facets = Object.entries(operand).map(([name, pipeline]) => {
    const stages = stagesOf(pipeline);
    for (const [stage] of stages) if (IN_FACETS_NOT.has(stage)) throw new CommandError(40600, 'Location40600', `${stage} is not allowed to be used within a $facet stage`);
    const results: Doc[] = [];
    const collect: Sink = {
      push: (document) => {
        context.budget.take(calculateObjectSize(document));
        results.push(document);
        return true;
      },
      end: () => {},
    };
    return { name, results, head: buildPipeline(stages, context, collect), open: true };
  });
  return {
    push: (document) => {
      for (const each of facets) if (each.open) each.open = each.head.push(document);
      return facets.some((each) => each.open);
    },
    end: () => {
      for (const each of facets) each.head.end();
      next.push(Object.fromEntries(facets.map(({ name, results }) => [name, results])));
      next.end();
    },
  };
}

const LOOKUP_FIELDS = ['from', 'localField', 'foreignField', 'as'];

function lookup(operand: unknown, context: PipelineContext): (document: Doc) => Doc {
  if (!isDoc(operand)) throw failedToParse('the $lookup specification must be an Object');
  for (const name of Object.keys(operand)) if (!LOOKUP_FIELDS.includes(name)) throw notSupported(`$lookup with ${name}`);
  const [from, localField, foreignField, as] = LOOKUP_FIELDS.map((name) => {
    const value = operand[name];
    if (typeof value !== 'string' || value === '') throw failedToParse(`$lookup argument '${name}' must be a string`);
    return value;
  }) as [string, string, string, string];
  const local = segmentsOf(localField);
  if (local.some(isArrayIndex)) throw notSupported('$lookup by a position');
  const collection = context.collection(from);
  return (document) => {
    const values = valuesAt(document, local).flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : [orNull(value)]));
    const found: Doc[] = [];
    if (collection) {
      // An empty list of local values finds nothing, save that no value at all stands for null.
      const filter = compileFilter({ [foreignField]: { $in: values.length > 0 || valuesAt(document, local).length > 0 ? values : [null] } });
      new Matches(context, collection, filter, [], undefined).now((match) => {
        context.budget.take(match.bytes.length);
        found.push(documentOf(match));
        return true;
      });
    }
    return withValue(document, segmentsOf(as), found);
  };
}
