import { parse } from 'csv-parse/sync';
import type { z } from 'zod';
import { Problem } from '../../platform/http/problem.js';
import type { KindName } from '../directory-kind.js';
import { checkedRow, LIST_NAMES, type ImportRow } from './import-rows.js';

/**
 * CSV (RFC 4180): a header, then one record a line. Comma, semicolon or tab, whichever the header has most of. An empty cell counts as left out; lists are separated
 * by `|`. Accounts also take columns `attribute:<name>` and `entitlement:<attribute>` (values separated by `|`).
 */

type Cell = (text: string) => unknown;
const asText: Cell = (text) => text;
const asList: Cell = (text) => text.split('|').map((part) => part.trim()).filter((part) => part !== '');
const asFlag: Cell = (text) => (/^(true|yes|1)$/i.test(text) ? true : /^(false|no|0)$/i.test(text) ? false : text);
const asNumber: Cell = (text) => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text);

/** Columns by kind; `endOfLife` is two of them. */
const COLUMNS: Record<KindName, Record<string, Cell>> = {
  identity: { name: asText, displayName: asText, email: asText, manager: asText, roles: asList, requestsSubmitted: asNumber, requestsTargeting: asNumber, lastLoginAt: asText, modifiedAt: asText, protected: asFlag },
  application: { name: asText, type: asText, connector: asText, owner: asText, authoritative: asFlag, entitlementAttributes: asList, passwordChange: asFlag },
  entitlement: { application: asText, attribute: asText, value: asText, displayName: asText, owner: asText, requestable: asFlag, state: asText },
  account: { application: asText, nativeId: asText, displayName: asText, identity: asText, owners: asList, disabled: asFlag, passwordChangeRequired: asFlag, renewalDue: asText, endOfLifeAt: asText, endOfLifeAction: asText, secretId: asText },
};

interface Column {
  header: string;
  put(record: Record<string, unknown>, text: string): void;
}

/** @throws Problem 400 when the header or the quoting cannot be read: then nothing is imported */
export function csvRows(text: string, kind: KindName, schema: z.ZodType): ImportRow[] {
  const content = text.replace(/^\uFEFF/, '');
  const records = parsed(content);
  const header = records[0]?.record;
  if (!header || header.every((name) => name.trim() === '')) throw new Problem(400, 'invalid-csv', 'The first line must name the columns.');
  const columns = columnsOf(header.map((name) => name.trim()), kind);
  return records.slice(1).map(({ record, line }) => {
    const place = { line };
    if (record.length !== columns.length) return { place, body: { type: 'faults', items: [{ pointer: '', message: `has ${record.length} cells, but the header has ${columns.length}` }] } };
    const value: Record<string, unknown> = {};
    for (const [index, column] of columns.entries()) {
      const cell = record[index] ?? '';
      if (cell.trim() !== '') column.put(value, cell);
    }
    return checkedRow(schema, value, place);
  });
}

function parsed(content: string): Array<{ record: string[]; line: number }> {
  try {
    let lastLine = 0;
    const found = parse(content, { delimiter: delimiterOf(content), relax_column_count: true, skip_empty_lines: true, info: true }) as unknown as Array<{ record: string[]; info: { lines: number } }>;
    return found.map(({ record, info }) => {
      // The parser counts the line at which a record ends; a quoted cell may hold line breaks.
      const breaks = record.reduce((sum, cell) => sum + (cell.match(/\r\n|\r|\n/g)?.length ?? 0), 0);
      const line = Math.max(lastLine + 1, info.lines - breaks);
      lastLine = info.lines;
      return { record, line };
    });
  } catch (error) {
    throw new Problem(400, 'invalid-csv', `The CSV cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

function delimiterOf(content: string): string {
  const header = content.slice(0, content.search(/[\r\n]|$/));
  const counted = [',', ';', '\t'].map((delimiter) => ({ delimiter, count: header.split(delimiter).length }));
  return counted.reduce((best, one) => (one.count > best.count ? one : best)).delimiter;
}

function columnsOf(header: string[], kind: KindName): Column[] {
  const faults: Array<{ pointer: string; message: string }> = [];
  const seen = new Set<string>();
  const columns = header.map((name): Column => {
    if (seen.has(name)) faults.push({ pointer: `/${name}`, message: `the column "${name}" is there twice` });
    seen.add(name);
    const column = columnOf(name, kind);
    if (!column) faults.push({ pointer: `/${name}`, message: `unknown column "${name}"; ${LIST_NAMES[kind]} have ${Object.keys(COLUMNS[kind]).join(', ')}${kind === 'account' ? ', attribute:<name>, entitlement:<attribute>' : ''}` });
    return column ?? { header: name, put: () => undefined };
  });
  if (faults.length > 0) throw new Problem(400, 'invalid-csv', `The header has ${faults.length} fault(s); see "errors".`, { errors: faults });
  return columns;
}

function columnOf(header: string, kind: KindName): Column | undefined {
  if (kind === 'account') {
    const special = /^(attribute|entitlement):(.+)$/.exec(header);
    const [, what, name = ''] = special ?? [];
    if (what === 'attribute') return { header, put: (record, text) => void (record['attributes'] = { ...(record['attributes'] as object | undefined), [name]: text.includes('|') ? asList(text) : text }) };
    if (what === 'entitlement') {
      return { header, put: (record, text) => void (record['entitlements'] = [...((record['entitlements'] as unknown[] | undefined) ?? []), ...(asList(text) as string[]).map((value) => ({ attribute: name, value }))]) };
    }
    if (header === 'endOfLifeAt') return { header, put: (record, text) => void (record['endOfLife'] = { ...(record['endOfLife'] as object | undefined), at: text }) };
    if (header === 'endOfLifeAction') return { header, put: (record, text) => void (record['endOfLife'] = { ...(record['endOfLife'] as object | undefined), action: text }) };
  }
  const cell = Object.hasOwn(COLUMNS[kind], header) ? COLUMNS[kind][header] : undefined;
  return cell && { header, put: (record, text) => void (record[header] = cell(text.trim())) };
}
