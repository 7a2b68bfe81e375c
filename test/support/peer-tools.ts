import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { CACHE } from './one-preparer.js';

export { CACHE };
export const PEER_SOURCES = resolve('test', 'peer', 'parsers');

/** Whether programs are there. In CI a missing one is an error; elsewhere the answer says why the test skips. @throws Error in CI */
export function missingTools(tools: readonly string[]): string | null {
  const missing = tools.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
  if (missing.length === 0) return null;
  const reason = `not installed: ${missing.join(', ')}`;
  if (process.env.CI === 'true') throw new Error(`${reason}; peer tests must not skip in CI`);
  return reason;
}

/** Runs a build step to its end. @throws Error with its output */
export function build(command: string, options: readonly string[], cwd: string, timeoutMs: number): void {
  mkdirSync(CACHE, { recursive: true });
  const result = spawnSync(command, options, { cwd, timeout: timeoutMs, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${command} ${options.join(' ')}: ${result.error?.message ?? ''}${result.stdout}${result.stderr}`);
}

/** Runs a parser over its input and gives the lines that it prints. @throws Error */
export function parseWith(command: string, options: readonly string[], input: Uint8Array): string[] {
  const result = spawnSync(command, options, { input, timeout: 120_000, maxBuffer: 512 * 1024 * 1024, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${command}: ${result.error?.message ?? ''}${result.stderr}`);
  return result.stdout.split('\n').slice(0, -1);
}
