import { calculateObjectSize } from 'bson';
import { ACCUMULATORS } from './allowed.js';
import { CommandError, notSupported } from './errors.js';
import { type Expression, compileExpression, orNull } from './expressions.js';
import { orderOf } from './keys.js';
import type { MemoryBudget } from './reading.js';
import type { Sink } from './sink.js';
import { type Doc, MISSING, Rank, compare, isDoc, numeric, rankOf, setOwn } from './values.js';

/** The `$group` stage: holds its groups and what they accumulate, never the documents. @throws CommandError for accumulators outside the supported subset. */
export function group(operand: unknown, budget: MemoryBudget, next: Sink): Sink {
  if (!isDoc(operand)) throw new CommandError(15947, 'Location15947', "a group's fields must be specified in an object");
  if (!Object.hasOwn(operand, '_id')) throw new CommandError(15955, 'Location15955', 'a group specification must include an _id');
  const id = compileExpression(operand['_id']);
  const fields = Object.entries(operand)
    .filter(([name]) => name !== '_id')
    .map(([name, value]) => {
      if (name.includes('.')) throw new CommandError(40235, 'Location40235', `The field name '${name}' cannot contain '.'`);
      const operators = isDoc(value) ? Object.keys(value) : [];
      const operator = operators[0];
      if (!isDoc(value) || operator === undefined || operators.length !== 1) throw new CommandError(40234, 'Location40234', `The field '${name}' must be an accumulator object`);
      if (!ACCUMULATORS.has(operator)) throw notSupported(`the accumulator ${operator}`);
      return { name, operator, expression: compileExpression(value[operator]) };
    });
  const groups = new Map<string, { id: unknown; accumulators: Accumulator[] }>();
  return {
    push: (document) => {
      const value = orNull(id(document));
      const key = orderOf(value).toString('latin1');
      let found = groups.get(key);
      if (!found) {
        budget.take(key.length * 2 + 100 * (fields.length + 1));
        found = { id: value, accumulators: fields.map(({ operator, expression }) => accumulator(operator, expression, budget)) };
        groups.set(key, found);
      }
      for (const each of found.accumulators) each.add(document);
      return true;
    },
    end: () => {
      for (const { id: value, accumulators } of groups.values()) {
        const result: Doc = { _id: value };
        for (const [position, { name }] of fields.entries()) setOwn(result, name, accumulators[position]?.result());
        if (!next.push(result)) break;
      }
      next.end();
    },
  };
}

type Accumulator = { add: (document: Doc) => void; result: () => unknown };

function accumulator(name: string, expression: Expression, budget: MemoryBudget): Accumulator {
  switch (name) {
    case '$sum':
    case '$avg': {
      let sum = 0;
      let count = 0;
      return {
        add: (document) => {
          const value = expression(document);
          if (rankOf(value) !== Rank.number) return;
          sum += Number(numeric(value));
          count++;
        },
        result: () => (name === '$sum' ? sum : count === 0 ? null : sum / count),
      };
    }
    case '$min':
    case '$max': {
      let best: unknown = MISSING;
      return {
        add: (document) => {
          const value = expression(document);
          if (rankOf(value) === Rank.null) return;
          if (best === MISSING || (name === '$min' ? compare(value, best) < 0 : compare(value, best) > 0)) best = value;
        },
        result: () => orNull(best),
      };
    }
    case '$first':
    case '$last': {
      let taken: unknown;
      let any = false;
      return {
        add: (document) => {
          if (any && name === '$first') return;
          any = true;
          taken = expression(document);
        },
        result: () => orNull(taken),
      };
    }
    default: {
      const items: unknown[] = [];
      return {
        add: (document) => {
          const value = expression(document);
          if (value === MISSING) return;
          budget.take(calculateObjectSize({ value }));
          items.push(value);
        },
        result: () => items,
      };
    }
  }
}
