import { builtinModules } from 'node:module';
import type { SourceImport } from './source-imports.js';

/** A rule that a file breaks: `src/<file>:<line>: <what>; <rule>`. */
export type Violation = string;

/** The files that put the service together: they may import everything. */
const COMPOSITION = ['main.ts', 'app.module.ts', 'service.ts'];

/** Who may import whom, by top folder; every folder may also import itself. `demo` puts a service together like main. */
const TOP: Record<string, readonly string[]> = {
  model: [],
  contracts: ['model'],
  config: ['model'],
  platform: ['model', 'contracts', 'config'],
  outward: ['model', 'contracts', 'config', 'platform'],
  directory: ['model', 'contracts', 'config', 'platform'],
  certification: ['model', 'contracts', 'config', 'platform', 'directory'],
  inward: ['model', 'contracts', 'config', 'platform', 'directory', 'certification'],
  copy: ['model', 'contracts', 'config', 'platform'],
  console: ['model', 'contracts', 'config', 'platform', 'outward', 'inward', 'directory', 'certification'],
  demo: ['model', 'contracts', 'config', 'platform', 'outward', 'inward', 'directory', 'certification', 'console', ...COMPOSITION],
};

/** Single imports beyond the table, each with its reason. */
const EXCEPTIONS: ReadonlyArray<{ file: string; target: string; why: string }> = [
  { file: 'config/config.module.ts', target: 'contracts/clock.ts', why: 'hands out the clock with the settings' },
];

/** Folders of leaves: each sub-folder is one and imports only model, contracts, its own files and `shared`. The files beside the sub-folders (the list, the module) put leaves together. */
const LEAVES = ['outward/formats', 'outward/transports', 'directory/connectors', 'platform/event-log'];

/**
 * Who may import whom within platform. A part is a folder, or the few files of it that are words for all the others: the names of rights, and what every controller answers with.
 * Rows only point to rows above them, so no cycle can arise.
 */
const PLATFORM: ReadonlyArray<readonly [part: string, may: readonly string[]]> = [
  ['data-directory', []],
  ['compiled-entry', []],
  ['rights', []],
  ['http-words', ['rights']],
  ['network', []],
  ['secrets', ['data-directory']],
  ['documents', ['data-directory', 'compiled-entry']],
  ['event-log', ['data-directory', 'documents', 'secrets']],
  ['jobs', ['rights', 'http-words', 'documents']],
  ['audit', ['rights', 'http-words', 'documents', 'jobs']],
  ['settings', ['rights', 'http-words', 'documents', 'audit']],
  ['telemetry', ['rights', 'http-words', 'documents', 'jobs', 'audit', 'settings']],
  ['access', ['rights', 'http-words', 'data-directory', 'secrets', 'documents', 'jobs', 'audit']],
  ['notify', ['rights', 'http-words', 'secrets', 'documents', 'jobs', 'audit', 'network']],
  ['http', ['rights', 'http-words', 'data-directory', 'access']],
];
const PLATFORM_WORDS: Record<string, string> = {
  'platform/data-directory.ts': 'data-directory',
  'platform/compiled-entry.ts': 'compiled-entry',
  'platform/access/rights.ts': 'rights',
  'platform/http/problem.ts': 'http-words',
  'platform/http/zod.pipe.ts': 'http-words',
  'platform/http/api-query.ts': 'http-words',
  'platform/http/request.ts': 'http-words',
  'platform/http/version-check.ts': 'http-words',
  'platform/access/current-principal.ts': 'http-words',
};

/** Libraries that live in one place (a path that begins so). */
const HOMES: ReadonlyArray<{ library: RegExp; homes: readonly string[] }> = [
  { library: /^kafkajs$/, homes: ['platform/event-log/kafka/'] },
  { library: /^lmdb$/, homes: ['platform/event-log/embedded/', 'platform/documents/embedded/'] },
  { library: /^bson(\/|$)/, homes: ['platform/documents/embedded/'] },
  { library: /^pino$/, homes: ['platform/telemetry/'] },
  { library: /^prom-client$/, homes: ['platform/telemetry/'] },
  { library: /^ldapts$/, homes: ['directory/connectors/'] },
  { library: /^(@nestjs\/schedule|cron)$/, homes: ['platform/jobs/'] },
  { library: /^@node-rs\/argon2$/, homes: ['platform/access/'] },
  { library: /^cloudevents$/, homes: ['outward/intake/'] },
  { library: /^nodemailer(\/|$)/, homes: ['platform/notify/'] },
];

/** mongoose as a value (schemas, the connection). As a type also where a schema is imported: the services and stores of that schema. */
const MONGOOSE_HOMES = [/\.schema\.ts$/, /^platform\/documents\//, /^platform\/audit\/audit-outbox\.ts$/];

const INPUT_OUTPUT = /^node:(fs|net|tls|dgram|http|https|http2|dns|child_process|worker_threads|cluster)(\/|$)/;
const BUILT_IN = new Set(builtinModules);
const FORBIDDEN_WORDS = ['utils', 'util', 'common', 'helpers', 'helper', 'manager'];

export interface Libraries {
  /** `dependencies` of package.json. */
  run: readonly string[];
  /** `devDependencies`. */
  develop: readonly string[];
}

/** All rules over one file. `imports` are those of the file. */
export function violationsOf(file: string, imports: readonly SourceImport[], files: ReadonlySet<string>, libraries: Libraries): Violation[] {
  const found = nameViolations(file);
  const isSpec = file.endsWith('.spec.ts');
  for (const one of imports) {
    const say = (what: string, rule: string): void => void found.push(`src/${file}:${one.line}: ${what} ("${one.specifier}"); ${rule}`);
    if (one.target === undefined) {
      libraryViolation(one, imports, isSpec, libraries, say);
      continue;
    }
    if (!one.specifier.endsWith('.js') && !one.specifier.endsWith('.json')) say('imports without .js', 'relative imports end in .js');
    if (one.target.startsWith('../')) {
      if (!isSpec && !/^\.\.\/package\.json$/.test(one.target)) say('imports from outside src', 'only specs use what is in test/');
      continue;
    }
    if (!files.has(one.target)) say('imports a file that is not there', 'relative imports name an existing file');
    // A spec may build the peers that it needs; what it proves is bound by the table itself.
    if (isSpec) continue;
    if (one.target.endsWith('.spec.ts')) say('imports a spec', 'specs are imported by nobody');
    const rule = tableViolation(file, one.target);
    if (rule !== undefined) say(`imports ${one.target}`, rule);
  }
  return found;
}

function tableViolation(file: string, target: string): string | undefined {
  if (COMPOSITION.includes(file) || EXCEPTIONS.some((allowed) => allowed.file === file && allowed.target === target)) return undefined;
  const [top, targetTop] = [topOf(file), topOf(target)];
  const may = TOP[top];
  if (!may) return `src holds the folders of the architecture page and ${COMPOSITION.join(', ')}`;
  if (top !== targetTop && !may.includes(targetTop)) return `${top} may import ${may.length === 0 ? 'nothing of ours' : may.join(', ')}`;
  const leaf = leafOf(file);
  if (leaf) {
    const shared = `${leaf.slice(0, leaf.lastIndexOf('/'))}/shared/`;
    const own = ['model/', 'contracts/', `${leaf}/`, shared];
    if (!own.some((start) => target.startsWith(start))) return `a leaf (${leaf}) imports only model, contracts, its own files and ${shared}`;
    return undefined;
  }
  if (top === 'platform' && targetTop === 'platform') return platformViolation(file, target);
  return undefined;
}

function platformViolation(file: string, target: string): string | undefined {
  const [part, targetPart] = [platformPartOf(file), platformPartOf(target)];
  const may = PLATFORM.find(([name]) => name === part)?.[1];
  if (!may) return `platform/${part} is new: add its row to PLATFORM in test/architecture/import-rules.ts`;
  if (part === targetPart || may.includes(targetPart)) return undefined;
  return `within platform, ${part} may import ${may.length === 0 ? 'no other part' : may.join(', ')}`;
}

/** The rows of PLATFORM that point down or to nothing: none, so that no cycle can arise. */
export function platformRowFaults(): string[] {
  const above = new Set<string>();
  return PLATFORM.flatMap(([part, may]) => {
    const faults = may.filter((name) => !above.has(name)).map((name) => `the row of ${part} points to ${name}, which is not above it`);
    above.add(part);
    return faults;
  });
}

function libraryViolation(one: SourceImport, imports: readonly SourceImport[], isSpec: boolean, libraries: Libraries, say: (what: string, rule: string) => void): void {
  const { file, specifier, typeOnly } = one;
  if (specifier.startsWith('node:') || BUILT_IN.has(specifier)) {
    if (!specifier.startsWith('node:')) say('imports a built-in module without node:', 'built-in modules are written node:...');
    if (!isSpec && !typeOnly && (topOf(file) === 'model' || file.startsWith('outward/formats/')) && INPUT_OUTPUT.test(specifier) && !asksForTextOnly(one)) say('does input or output', 'model and formats are pure');
    return;
  }
  const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
  const declared = libraries.run.includes(name) || ((isSpec || typeOnly) && (libraries.develop.includes(name) || libraries.develop.includes(`@types/${name}`)));
  if (!declared) say('imports a library that package.json does not declare', 'what the service runs with is in dependencies, what only specs and types need in devDependencies');
  if (isSpec) return;
  if (topOf(file) === 'model' && name !== 'zod') return say('imports a library', 'model has only zod');
  if (topOf(file) === 'contracts') return say('imports a library', 'contracts have none');
  if (leafOf(file) && (name.startsWith('@nestjs/') || name === 'mongoose')) return say('imports the framework', 'leaves are plain classes and functions: never Nest or mongoose');
  const home = HOMES.find(({ library }) => library.test(specifier));
  if (home && !home.homes.some((start) => file.startsWith(start))) say('imports a library away from its home', `${name} lives in ${home.homes.join(' and ')}`);
  if (name === 'mongoose' && !MONGOOSE_HOMES.some((home) => home.test(file))) {
    if (!typeOnly) say('imports mongoose as a value', 'it lives in *.schema.ts and platform/documents; services of a schema import its types only (`import type`)');
    else if (!imports.some(({ target }) => target?.endsWith('.schema.ts'))) say('imports mongoose without a schema', 'its types are for the services and stores of a schema, which import that schema');
  }
}

/** `isIP` and its kin look at a text. */
function asksForTextOnly({ specifier, names }: SourceImport): boolean {
  return specifier === 'node:net' && names !== undefined && names.every((name) => /^isIP(v4|v6)?$/.test(name));
}

/** A file or folder is named for its one job. */
function nameViolations(file: string): Violation[] {
  const words = file.replace(/\.ts$/, '').split(/[/.-]/);
  return FORBIDDEN_WORDS.filter((word) => words.includes(word)).map((word) => `src/${file}:1: is named "${word}"; files and folders are named for their one job`);
}

/** Groups of files that reach each other by imports (strongly connected, Tarjan 1972), each sorted. */
export function ringsOf(imports: readonly SourceImport[]): string[][] {
  const graph = new Map<string, Set<string>>();
  for (const { file, target } of imports) if (target !== undefined) graph.set(file, (graph.get(file) ?? new Set()).add(target));
  const order = new Map<string, number>();
  const stack: string[] = [];
  const rings: string[][] = [];
  const visit = (file: string): number => {
    const index = order.size;
    order.set(file, index);
    stack.push(file);
    let low = index;
    for (const next of graph.get(file) ?? []) {
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (stack.includes(next)) low = Math.min(low, order.get(next) ?? low);
    }
    if (low === index) {
      const ring = stack.splice(stack.indexOf(file));
      if (ring.length > 1) rings.push(ring.sort());
    }
    return low;
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return rings;
}

/** Files that need each other when the program runs, and files of several folders that need each other's types. Types may go both ways within a folder. */
export function ringViolations(imports: readonly SourceImport[]): Violation[] {
  const folderOf = (file: string) => file.slice(0, file.lastIndexOf('/'));
  const running = ringsOf(imports.filter(({ typeOnly }) => !typeOnly));
  const across = ringsOf(imports).filter((ring) => new Set(ring.map(folderOf)).size > 1);
  return [
    ...running.map((ring) => `import each other in a ring: ${ring.map((file) => `src/${file}`).join(', ')}; move what both need to a file of its own`),
    ...across.map((ring) => `import each other in a ring across folders, types included: ${ring.map((file) => `src/${file}`).join(', ')}; move what both need to a file of its own`),
  ];
}

function topOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : path;
}

/** `outward/formats/cef/cef.format.ts` is in the leaf `outward/formats/cef`; `shared` is one too. */
function leafOf(file: string): string | undefined {
  const folder = LEAVES.find((start) => file.startsWith(`${start}/`) && file.slice(start.length + 1).includes('/'));
  return folder && file.split('/').slice(0, 3).join('/');
}

function platformPartOf(path: string): string {
  return PLATFORM_WORDS[path] ?? path.split('/')[1] ?? path;
}
