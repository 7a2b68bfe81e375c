import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Where peers are built; kept between runs. */
export const CACHE = resolve('.cache');
const LOOK_MS = 200;

/** Prepares a peer in .cache while no other process prepares the same one; who comes later waits, and finds it there. */
export async function onePreparer<T>(name: string, prepare: () => Promise<T>): Promise<T> {
  const lock = lockOf(name);
  while (!taken(lock)) await new Promise((done) => setTimeout(done, LOOK_MS));
  try {
    return await prepare();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** The same for a preparation that stops the process while it runs. */
export function onePreparerSync<T>(name: string, prepare: () => T): T {
  const lock = lockOf(name);
  const never = new Int32Array(new SharedArrayBuffer(4));
  while (!taken(lock)) Atomics.wait(never, 0, 0, LOOK_MS);
  try {
    return prepare();
  } finally {
    rmSync(lock, { force: true });
  }
}

function lockOf(name: string): string {
  mkdirSync(CACHE, { recursive: true });
  return join(CACHE, `${name}.lock`);
}

/** Whether the lock is now of this process. One whose process is gone is cleared away. */
function taken(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (isAbandoned(lock)) rmSync(lock, { force: true });
    return false;
  }
}

function isAbandoned(lock: string): boolean {
  try {
    const owner = Number(readFileSync(lock, 'utf8'));
    // Empty: its owner is about to write its number.
    if (owner === 0) return false;
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
