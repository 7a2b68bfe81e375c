import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CACHE, onePreparer } from './one-preparer.js';

const run = promisify(execFile);

/**
 * Directory `bin` of a Python environment in .cache that holds these packages (`name==version`), installed when it is not there yet.
 * Undefined with the reason printed when it cannot be had; in CI that is an error.
 */
export function pythonVenv(name: string, packages: readonly string[]): Promise<string | undefined> {
  return onePreparer(`python-${name}`, () => install(name, packages));
}

async function install(name: string, packages: readonly string[]): Promise<string | undefined> {
  const directory = join(CACHE, 'python', name);
  const complete = join(directory, 'complete');
  const bin = join(directory, 'bin');
  if (existsSync(complete)) return bin;
  try {
    await mkdir(join(CACHE, 'python'), { recursive: true });
    // A stopped installation leaves no half of one behind. An environment cannot be moved, so only the mark tells that it is whole.
    await rm(directory, { recursive: true, force: true });
    await run('python3', ['-m', 'venv', directory], { timeout: 120_000 });
    await run(join(bin, 'pip'), ['install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:', ...packages], { timeout: 300_000 });
    await writeFile(`${complete}.draft`, packages.join('\n'));
    await rename(`${complete}.draft`, complete);
    return bin;
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    const reason = `${packages.join(', ')} cannot be installed (needs python3 with venv, and the Python package registry): ${error instanceof Error ? error.message.slice(0, 500) : String(error)}`;
    if (process.env['CI']) throw new Error(reason, { cause: error });
    console.warn(`skipped: ${reason}`);
    return undefined;
  }
}
