import type { z } from 'zod';
import { jsonFaultDetail } from '../../platform/http/json-fault.js';
import { Problem, type ProblemItem } from '../../platform/http/problem.js';
import { KIND_NAMES, type KindName } from '../directory-kind.js';
import { checkedRow, LIST_NAMES, noRows, type ImportRows } from './import-rows.js';

/** The records of `{"identities": [...], "applications": [...], "entitlements": [...], "accounts": [...]}`, each list optional. @throws Problem 400 when it is not of that shape */
export function jsonRows(text: string, schemas: Record<KindName, z.ZodType>): ImportRows {
  let sent: unknown;
  try {
    sent = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw new Problem(400, 'malformed-json', jsonFaultDetail(text));
  }
  const names = KIND_NAMES.map((name) => LIST_NAMES[name]);
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) throw shapeProblem([{ pointer: '', message: `must be an object with lists: ${names.join(', ')}` }]);
  const faults: ProblemItem[] = Object.keys(sent).filter((key) => !names.includes(key)).map((key) => ({ pointer: `/${key}`, message: `unknown key "${key}"; the lists are ${names.join(', ')}` }));
  const rows = noRows();
  for (const name of KIND_NAMES) {
    const list = (sent as Record<string, unknown>)[LIST_NAMES[name]];
    if (list === undefined) continue;
    if (!Array.isArray(list)) faults.push({ pointer: `/${LIST_NAMES[name]}`, message: 'must be a list' });
    else rows[name] = list.map((value: unknown, index) => checkedRow(schemas[name], value, { pointer: `/${LIST_NAMES[name]}/${index}` }));
  }
  if (faults.length > 0) throw shapeProblem(faults);
  return rows;
}

function shapeProblem(errors: ProblemItem[]): Problem {
  return new Problem(400, 'invalid-request', `The request has ${errors.length} fault(s); see "errors" for each place.`, { errors });
}
