import { CommandError, badValue, notSupported } from './errors.js';
import { elementPredicate, truthy } from './matcher.js';
import { segmentsOf } from './paths.js';
import { type Doc, isDoc, rankOf, Rank, numeric, setOwn } from './values.js';

/** Makes of a stored document the one that the reader asked for. */
export type Projection = (document: Doc) => Doc;

interface Node {
  children: Map<string, Node>;
  /** A leaf: what happens to the field. */
  leaf?: 'show' | 'hide' | { slice: [number, number | undefined] } | { elemMatch: (item: unknown) => boolean };
}

/** `undefined` when the whole document is wanted. Inclusion or exclusion of fields, `$slice` and `$elemMatch`; the rest is refused. */
export function compileProjection(source: Doc): Projection | undefined {
  const root: Node = { children: new Map() };
  let inclusion: boolean | undefined;
  let showId: boolean | undefined;
  const decide = (including: boolean, path: string) => {
    if (inclusion !== undefined && inclusion !== including) {
      throw new CommandError(including ? 31253 : 31254, including ? 'Location31253' : 'Location31254', `Cannot do ${including ? 'inclusion' : 'exclusion'} on field ${path} in ${including ? 'exclusion' : 'inclusion'} projection`);
    }
    inclusion = including;
  };
  const add = (path: string, value: unknown): void => {
    if (path === '_id' && !isDoc(value)) {
      showId = truthy(value);
      return;
    }
    if (isDoc(value)) {
      const names = Object.keys(value);
      if (names.some((name) => name.startsWith('$'))) {
        if (names.length !== 1) throw badValue(`the projection of ${path} needs exactly one operator`);
        if (names[0] === '$slice') return put(root, path, { slice: sliceOf(value['$slice']) });
        if (names[0] === '$elemMatch') {
          if (!isDoc(value['$elemMatch'])) throw badValue('elemMatch: Invalid argument, object required');
          decide(true, path);
          return put(root, path, { elemMatch: elementPredicate(value['$elemMatch']) });
        }
        throw notSupported(`${names[0]} in a projection`);
      }
      if (names.length === 0) throw badValue('An empty sub-projection is not a valid value');
      for (const name of names) add(`${path}.${name}`, value[name]);
      return;
    }
    if (typeof value !== 'boolean' && rankOf(value) !== Rank.number) throw notSupported(`a computed value for ${path} in a projection`);
    const including = truthy(value);
    decide(including, path);
    put(root, path, including ? 'show' : 'hide');
  };
  for (const [path, value] of Object.entries(source)) add(path, value);

  if (inclusion === undefined && showId !== undefined) {
    const slices = root.children.size > 0;
    inclusion = showId && !slices;
  }
  if (inclusion === undefined && root.children.size === 0) return undefined;
  if (inclusion) {
    if (showId !== false) root.children.set('_id', { children: new Map(), leaf: 'show' });
    return (document) => include(document, root);
  }
  if (showId === false) root.children.set('_id', { children: new Map(), leaf: 'hide' });
  return root.children.size === 0 ? undefined : (document) => exclude(document, root);
}

function put(root: Node, path: string, leaf: Node['leaf']): void {
  let node = root;
  const segments = segmentsOf(path);
  for (const [index, segment] of segments.entries()) {
    if (segment === '' || segment.startsWith('$')) throw notSupported(`the projection path ${path}`);
    if (node.leaf !== undefined) throw new CommandError(31249, 'Location31249', `Path collision at ${path}`);
    let next = node.children.get(segment);
    if (next && index === segments.length - 1) throw new CommandError(31250, 'Location31250', `Path collision at ${path}`);
    if (!next) node.children.set(segment, (next = { children: new Map() }));
    node = next;
  }
  node.leaf = leaf;
}

function sliceOf(operand: unknown): [number, number | undefined] {
  const parts = (Array.isArray(operand) ? (operand as unknown[]) : [operand]).map((part) => {
    if (rankOf(part) !== Rank.number) throw badValue('$slice needs a number or two');
    return Math.trunc(Number(numeric(part)));
  });
  const [first, second] = parts;
  if (first === undefined || parts.length > 2 || (second !== undefined && second <= 0)) throw badValue('$slice needs a number, or a start and a limit above 0');
  return parts.length === 1 ? (first < 0 ? [first, undefined] : [0, first]) : [first, second];
}

function sliced(value: unknown, [start, limit]: [number, number | undefined]): unknown {
  if (!Array.isArray(value)) return value;
  const from = start < 0 ? Math.max(0, value.length + start) : start;
  return value.slice(from, limit === undefined ? undefined : from + limit);
}

function include(document: Doc, node: Node): Doc {
  const result: Doc = {};
  for (const name of Object.keys(document)) {
    const child = node.children.get(name);
    if (!child) continue;
    const value = document[name];
    const leaf = child.leaf;
    if (leaf === 'show') setOwn(result, name, value);
    else if (leaf === undefined) {
      const inner = includeValue(value, child);
      if (inner !== undefined) setOwn(result, name, inner);
    } else if (typeof leaf === 'object' && 'slice' in leaf) setOwn(result, name, sliced(value, leaf.slice));
    else if (typeof leaf === 'object' && Array.isArray(value)) {
      const item: unknown = value.find(leaf.elemMatch);
      if (item !== undefined) setOwn(result, name, [item]);
    }
  }
  return result;
}
function includeValue(value: unknown, node: Node): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => includeValue(item, node)).filter((item) => item !== undefined);
  return isDoc(value) ? include(value, node) : undefined;
}

function exclude(document: Doc, node: Node): Doc {
  const result: Doc = {};
  for (const name of Object.keys(document)) {
    const child = node.children.get(name);
    const value = document[name];
    if (!child) setOwn(result, name, value);
    else if (child.leaf === undefined) setOwn(result, name, excludeValue(value, child));
    else if (typeof child.leaf === 'object' && 'slice' in child.leaf) setOwn(result, name, sliced(value, child.leaf.slice));
  }
  return result;
}
function excludeValue(value: unknown, node: Node): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => excludeValue(item, node));
  return isDoc(value) ? exclude(value, node) : value;
}
