import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDirectoryApp, type DirectoryApp } from '../../../test/support/directory-app.js';
import { SAMPLE_DIRECTORY } from '../sample-directory.js';
import { importFile } from './import-file.js';

let ground: DirectoryApp;
let folder: string;
let url: string;
beforeAll(async () => {
  ground = await openDirectoryApp();
  await ground.app.listen(0, '127.0.0.1');
  url = `http://127.0.0.1:${(ground.app.getHttpServer().address() as AddressInfo).port}`;
  folder = mkdtempSync(join(tmpdir(), 'tidegate-import-'));
});
afterAll(async () => {
  await ground.close();
  rmSync(folder, { recursive: true, force: true });
});

async function run(args: string[], environment: Record<string, string> = { TIDEGATE_IMPORT_URL: url, TIDEGATE_IMPORT_PASSWORD: 'secret-word' }): Promise<{ code: number; text: string }> {
  let text = '';
  const code = await importFile({ args, environment, write: (part) => void (text += part) });
  return { code, text };
}
function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('the import command', () => {
  it('posts a JSON file and tells what became of it', async () => {
    const answer = await run([file('sample.json', JSON.stringify(SAMPLE_DIRECTORY))]);
    expect(answer).toEqual({ code: 0, text: expect.stringContaining('accounts     9 created, 0 changed, 0 unchanged, 0 refused') });
  });

  it('posts a CSV file and names the lines that were refused', async () => {
    const answer = await run([file('people.csv', 'name,manager\nNew.Person,Jane.Doe\nOther,Nobody\n'), '--kind', 'identities']);
    expect(answer.code).toBe(1);
    expect(answer.text).toContain('refused: identity "Other" (line 3): /manager there is no identity "Nobody"');
  });

  it('says what is missing, and that nothing took place, without the password', async () => {
    expect(await run([])).toEqual({ code: 2, text: expect.stringContaining('Usage:') });
    expect(await run([file('x.csv', 'name\n')])).toEqual({ code: 2, text: expect.stringContaining('--kind') });
    expect(await run(['--colour'])).toMatchObject({ code: 2 });
    expect(await run([file('bad.json', '{')])).toEqual({ code: 2, text: expect.stringContaining('answered 400') });
    expect(await run([file('y.json', '{}')], { TIDEGATE_IMPORT_URL: url })).toEqual({ code: 2, text: expect.stringContaining('TIDEGATE_IMPORT_PASSWORD') });
    const unreachable = await run([file('z.json', '{}')], { TIDEGATE_IMPORT_URL: 'http://127.0.0.1:1', TIDEGATE_IMPORT_PASSWORD: 'secret-word' });
    expect(unreachable).toEqual({ code: 2, text: expect.stringContaining('did not take place') });
    expect(unreachable.text).not.toContain('secret-word');
  });
});
