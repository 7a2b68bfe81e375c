import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { SETTING_FIELDS, type SettingField } from './settings-fields.js';

/**
 * The pages that tell the settings, made from the schema by `npm run docs`: config/default.yaml, docs/reference/settings.md and the table in README.md
 * between its markers. A test checks that they are up to date.
 */
export const README_START = '<!-- settings:start -->';
export const README_END = '<!-- settings:end -->';

/** Each page by its path from the root of the project. `readme` is what README.md holds now, if it is there. */
export function settingsPages(readme: string | undefined): Map<string, string> {
  const pages = new Map([['config/default.yaml', defaultYaml()], ['docs/reference/settings.md', settingsReference()]]);
  const filled = readme === undefined ? undefined : filledReadme(readme);
  if (filled !== undefined) pages.set('README.md', filled);
  return pages;
}

/** Every key, commented out, with its help and default: a copy of it is a valid configuration that changes nothing. */
export function defaultYaml(): string {
  const lines = [
    '# Every setting of Tidegate with its default. Made by `npm run docs` from src/config/settings.ts; do not edit here.',
    '# Copy it, uncomment what you change, and name the copy in TIDEGATE_CONFIG. Environment variables override the file.',
  ];
  let open: readonly string[] = [];
  for (const field of SETTING_FIELDS) {
    const section = field.path.slice(0, -1);
    if (section.join('.') !== open.join('.')) {
      lines.push('');
      section.forEach((name, depth) => {
        if (open[depth] !== name) lines.push(`${'  '.repeat(depth)}${name}:`);
      });
      open = section;
    }
    const indent = '  '.repeat(section.length);
    lines.push(...(section.length === 0 ? [''] : []), ...wrapped(field.help, 110).map((line) => `${indent}# ${line}`), `${indent}# ${field.environmentVariable}: ${field.allowed}${field.secret ? ' (secret)' : ''}`, `${indent}# ${field.path.at(-1) ?? ''}: ${yamlDefault(field)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** docs/reference/settings.md */
export function settingsReference(): string {
  return `# Settings

Made by \`npm run docs\` from \`src/config/settings.ts\`; do not edit here.

A setting comes from its default, then from the YAML file named by \`TIDEGATE_CONFIG\` (keys as below, see \`config/default.yaml\`), then from its environment
variable; an empty variable counts as not set. Lists are comma separated in variables. A secret may also come from a file: \`<variable>_FILE\` holds its path.
Unknown keys, unknown \`TIDEGATE_*\` variables and values out of range stop the start, each with a line that says how to mend it.

${settingsTable()}
`;
}

/** One row a setting. */
export function settingsTable(): string {
  const rows = SETTING_FIELDS.map((field) => `| \`${field.key}\` | \`${field.environmentVariable}\` | ${cell(tableDefault(field))} | ${cell(`${field.help} ${field.secret ? 'Secret. ' : ''}(${field.allowed})`)} |`);
  return ['| key | environment variable | default | what it does (allowed values) |', '|---|---|---|---|', ...rows].join('\n');
}

function filledReadme(readme: string): string | undefined {
  const start = readme.indexOf(README_START);
  const end = readme.indexOf(README_END);
  if (start < 0 || end < start) return undefined;
  return `${readme.slice(0, start + README_START.length)}\n${settingsTable()}\n${readme.slice(end)}`;
}

function yamlDefault(field: SettingField): string {
  if (field.defaultValue === undefined) return '';
  return stringify(field.defaultValue, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trim();
}

function tableDefault(field: SettingField): string {
  const value = field.defaultValue;
  if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) return '(empty)';
  return `\`${Array.isArray(value) ? value.join(',') : JSON.stringify(value).replace(/^"|"$/g, '')}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** `node dist/config/settings-docs.js` writes the pages into the working directory. */
function main(): void {
  const root = process.cwd();
  const readme = join(root, 'README.md');
  for (const [path, text] of settingsPages(existsSync(readme) ? readFileSync(readme, 'utf8') : undefined)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    process.stdout.write(`${path}\n`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
