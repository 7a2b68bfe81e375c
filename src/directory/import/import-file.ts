import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { parseArgs } from 'node:util';

/**
 * `npm run import -- directory.json` or `npm run import -- people.csv --kind identities`: posts a file to a running service. A file beyond what one request may hold
 * (http.requestBytes) is refused by the service; send it in parts then.
 *
 * From the environment: TIDEGATE_IMPORT_URL (default http://127.0.0.1:3000), TIDEGATE_IMPORT_USER (default admin), TIDEGATE_IMPORT_PASSWORD. The password is never an argument: other users
 * of the machine can read those. Ends with 0 when nothing was refused, 1 when records were, 2 when the import did not take place.
 */
const USAGE = 'Usage: npm run import -- <file.json|file.csv> [--kind identities|applications|entitlements|accounts]\nEnvironment: TIDEGATE_IMPORT_URL (http://127.0.0.1:3000), TIDEGATE_IMPORT_USER (admin), TIDEGATE_IMPORT_PASSWORD';
const LISTS = ['identities', 'applications', 'entitlements', 'accounts'] as const;

interface Counts {
  created: number;
  changed: number;
  unchanged: number;
  refused: number;
}
type Report = Record<(typeof LISTS)[number], Counts> & { entitlementsLearned: number; accountsUncorrelated: number; refused: Array<{ kind: string; pointer?: string; line?: number; name: string | null; errors: Array<{ pointer: string; message: string }> }> };

export interface ImportFileOptions {
  args: string[];
  environment: Readonly<Record<string, string | undefined>>;
  write: (text: string) => void;
}

/** @returns the exit code */
export async function importFile({ args, environment, write }: ImportFileOptions): Promise<number> {
  let file: string | undefined;
  let kind: string | undefined;
  try {
    const parsed = parseArgs({ args, options: { kind: { type: 'string' } }, allowPositionals: true });
    [file] = parsed.positionals;
    kind = parsed.values.kind;
  } catch (error) {
    write(`${textOf(error)}\n${USAGE}\n`);
    return 2;
  }
  const password = environment['TIDEGATE_IMPORT_PASSWORD'];
  const csv = extname(file ?? '').toLowerCase() === '.csv';
  if (file === undefined || (csv && kind === undefined) || password === undefined || password === '') {
    const what = file === undefined ? 'Which file?' : csv && kind === undefined ? 'A CSV file needs --kind.' : 'TIDEGATE_IMPORT_PASSWORD is not set.';
    write(`${what}\n${USAGE}\n`);
    return 2;
  }
  const url = new URL('/api/v1/directory/import', environment['TIDEGATE_IMPORT_URL'] || 'http://127.0.0.1:3000');
  if (csv && kind !== undefined) url.searchParams.set('kind', kind);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${environment['TIDEGATE_IMPORT_USER'] || 'admin'}:${password}`).toString('base64')}`, 'content-type': csv ? 'text/csv' : 'application/json' },
      body: readFileSync(file),
    });
    const text = await response.text();
    if (!response.ok) {
      write(`${url.origin} answered ${response.status}: ${text}\n`);
      return 2;
    }
    const report = JSON.parse(text) as Report;
    write(reportText(report));
    return LISTS.some((list) => report[list].refused > 0) ? 1 : 0;
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? ` (${textOf(error.cause)})` : '';
    write(`The import of ${file} to ${url.origin} did not take place: ${textOf(error)}${cause}\n`);
    return 2;
  }
}

function reportText(report: Report): string {
  const lines = LISTS.filter((list) => Object.values(report[list]).some((count) => count > 0)).map((list) => {
    const { created, changed, unchanged, refused } = report[list];
    return `${list.padEnd(12)} ${created} created, ${changed} changed, ${unchanged} unchanged, ${refused} refused`;
  });
  if (report.entitlementsLearned > 0) lines.push(`${report.entitlementsLearned} entitlements were added to the catalogue because accounts hold them`);
  if (report.accountsUncorrelated > 0) lines.push(`${report.accountsUncorrelated} accounts have nobody behind them`);
  for (const { kind, pointer, line, name, errors } of report.refused) {
    lines.push(`refused: ${kind}${name === null ? '' : ` ${JSON.stringify(name)}`} (${line === undefined ? (pointer ?? '') : `line ${line}`}): ${errors.map((error) => `${error.pointer} ${error.message}`.trim()).join('; ')}`);
  }
  return `${lines.length === 0 ? 'The file holds no records.' : lines.join('\n')}\n`;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
