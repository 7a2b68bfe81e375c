import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { loadSettings } from './load-settings.js';
import { README_END, README_START, settingsPages, settingsTable } from './settings-docs.js';
import { SETTING_FIELDS } from './settings-fields.js';
import { settingsFrom } from './settings.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const present = (path: string) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined);

describe('the pages about the settings', () => {
  it('are up to date in the repository (run `npm run docs` when this fails)', () => {
    const pages = settingsPages(present('README.md'));
    expect([...pages.keys()]).toEqual(expect.arrayContaining(['config/default.yaml', 'docs/reference/settings.md']));
    for (const [path, text] of pages) expect({ path, text: present(path) }).toEqual({ path, text });
  });

  it('give a default file that loads as it is and changes nothing', () => {
    expect(loadSettings({ TIDEGATE_CONFIG: join(root, 'config/default.yaml') })).toEqual(settingsFrom());
  });

  it('give the real defaults once every key of the default file is uncommented', () => {
    const keys = new Set(SETTING_FIELDS.map((field) => field.path.at(-1)));
    const text = (settingsPages(undefined).get('config/default.yaml') ?? '').replace(/^( *)# (\w+): ?(.*)$/gm, (line, indent: string, name: string, value: string) => (keys.has(name) ? `${indent}${name}: ${value}` : line));
    const directory = mkdtempSync(join(tmpdir(), 'tidegate-docs-'));
    try {
      writeFileSync(join(directory, 'all.yaml'), text);
      expect(loadSettings({ TIDEGATE_CONFIG: join(directory, 'all.yaml') })).toEqual(settingsFrom());
      const parsed = parse(text) as Record<string, Record<string, unknown>>;
      expect(parsed['http']?.['port']).toBe(3000);
      expect(parsed['intake']?.['maskedNames']).toContain('password');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('fill the table of a README between its markers and touch nothing else, and are stable when run again', () => {
    const readme = `# Title\n\nbefore\n${README_START}\nold\n${README_END}\nafter\n`;
    const filled = settingsPages(readme).get('README.md') ?? '';
    expect(filled).toBe(`# Title\n\nbefore\n${README_START}\n${settingsTable()}\n${README_END}\nafter\n`);
    expect(settingsPages(filled).get('README.md')).toBe(filled);
    expect(settingsPages('# no markers').has('README.md')).toBe(false);
  });

  it('show every setting with help, and never a table cell that breaks the row', () => {
    for (const field of SETTING_FIELDS) expect({ key: field.key, help: field.help.length > 10 }).toEqual({ key: field.key, help: true });
    for (const row of settingsTable().split('\n')) expect(row.match(/(?<!\\)\|/g)).toHaveLength(5);
  });
});
