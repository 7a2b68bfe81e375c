import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

/** What the figures were measured on; other machines compare ratios, not absolutes. */
export function machine(): Record<string, unknown> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    loadBefore: loadavg().map((load) => Math.round(load * 10) / 10),
    date: new Date().toISOString().slice(0, 10),
  };
}

/** Prints a table and writes it to `test/load/results/<name>.json`, unless TIDEGATE_TEST_NO_RESULTS is set. */
export function report(name: string, about: Record<string, unknown>, rows: Array<Record<string, number | string>>): void {
  console.table(rows);
  if (process.env['TIDEGATE_TEST_NO_RESULTS'] !== undefined) return;
  const file = join('test', 'load', 'results', `${name}.json`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ name, machine: about, rows }, null, 2)}\n`);
  console.log(`written to ${file}`);
}
