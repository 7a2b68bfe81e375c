import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataDirectoryRefused, prepareDataDirectory } from './data-directory.js';

const built = fileURLToPath(new URL('../../dist/platform/data-directory.js', import.meta.url));
let parent: string;
beforeEach(() => { parent = mkdtempSync(join(tmpdir(), 'tidegate-data-')); });
afterEach(() => rmSync(parent, { recursive: true }));

describe('prepareDataDirectory', () => {
  it('makes the directory, and what leads to it, with mode 0700 and answers its absolute path', () => {
    const path = join(parent, 'deep', 'data');
    expect(prepareDataDirectory(path)).toBe(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(prepareDataDirectory(path)).toBe(path);
  });

  it.each([0o755, 0o750, 0o701, 0o710, 0o704])('refuses a directory with mode %o and says the command that mends it', (mode) => {
    const path = join(parent, 'data');
    mkdirSync(path);
    chmodSync(path, mode);
    expect(() => prepareDataDirectory(path)).toThrow(`dataDir ${path} is refused: its mode is 0${mode.toString(8)}, so that others than its owner can get at it; chmod 700 ${path}`);
    chmodSync(path, 0o700);
    expect(prepareDataDirectory(path)).toBe(path);
  });

  it('refuses a file, also on the way', () => {
    writeFileSync(join(parent, 'file'), '');
    expect(() => prepareDataDirectory(join(parent, 'file'))).toThrow(DataDirectoryRefused);
    expect(() => prepareDataDirectory(join(parent, 'file', 'below'))).toThrow(/is a file; set TIDEGATE_DATA_DIR to a directory/);
  });

  it('lets several processes make it at once and share it', async () => {
    const path = join(parent, 'shared');
    const script = `import { prepareDataDirectory } from ${JSON.stringify(`file://${built}`)}; process.stdout.write(prepareDataDirectory(${JSON.stringify(path)}));`;
    const answers = await Promise.all(Array.from({ length: 4 }, () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])));
    expect(answers.map(({ stdout }) => stdout)).toEqual([path, path, path, path]);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });
});
