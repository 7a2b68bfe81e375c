import { type FieldTest, type FilterTest, elementPredicate, passes } from './matcher.js';
import { isArrayIndex, segmentsOf, valuesAt } from './paths.js';
import { type Doc, isDoc, own } from './values.js';

const NEGATIVE = new Set(['$ne', '$nin', '$not', '$exists', '$size', '$all']);

/** The element of the array at `path` that made a document match: what `$` in an update stands for. The last positive test through the wanted array decides, or else the last through any array. */
export function positionOf(test: FilterTest, document: Doc, path: string): number | undefined {
  const wanted = segmentsOf(path);
  let other: number | undefined;
  let exact: number | undefined;
  const visit = (inner: FilterTest): void => {
    if (inner.kind === '$and') return inner.tests.forEach(visit);
    if (inner.kind === '$or') {
      const matching = inner.tests.find((branch) => passes(branch, document));
      return matching && visit(matching);
    }
    if (inner.kind !== 'field' || NEGATIVE.has(inner.operator)) return;
    const found = elementOf(inner, document);
    if (!found) return;
    if (found.depth === wanted.length && wanted.every((segment, index) => inner.segments[index] === segment)) exact = found.index;
    else other = found.index;
  };
  visit(test);
  return exact ?? other;
}

function elementOf(test: FieldTest, document: Doc): { depth: number; index: number } | undefined {
  let value: unknown = document;
  for (let depth = 0; depth <= test.segments.length; depth++) {
    if (Array.isArray(value)) {
      const rest = test.segments.slice(depth);
      if (rest[0] !== undefined && isArrayIndex(rest[0])) return undefined;
      const fits = (item: unknown) =>
        rest.length > 0 ? isDoc(item) && test.any(valuesAt(item, rest)) : test.operator === '$elemMatch' ? elementPredicate(test.operand as Doc)(item) : test.one(item);
      const index = value.findIndex(fits);
      return index < 0 ? undefined : { depth, index };
    }
    const segment = test.segments[depth];
    if (segment === undefined || !isDoc(value)) return undefined;
    value = own(value, segment);
  }
  return undefined;
}
