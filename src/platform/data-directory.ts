import { accessSync, constants, mkdirSync, statSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';

/**
 * Makes the data directory (mode 0700) or checks the one that is there. No lock is taken: several processes may call it at once and share the directory.
 * Called first at the start, before anything is stored below it.
 * @returns the absolute path
 * @throws DataDirectoryRefused with the cause and the command that mends it
 */
export function prepareDataDirectory(dataDir: string): string {
  const path = resolve(dataDir);
  try {
    // The mode holds from the moment it exists; a directory that is there already keeps its own. The umask can only take rights away.
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EEXIST' || code === 'ENOTDIR') throw new DataDirectoryRefused(path, 'it, or a part of its path, is a file', 'set TIDEGATE_DATA_DIR to a directory');
    throw new DataDirectoryRefused(path, `it cannot be made (${code})`, `make it and give it to the user of the service: install -d -m 700 ${quoted(path)}`);
  }
  refuseWhenOpenToOthers(path, statSync(path), (cause, fix) => new DataDirectoryRefused(path, cause, fix), '700');
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new DataDirectoryRefused(path, `this user may not write to it (${errorCode(error)})`, `chown it to the user of the service: chown ${process.getuid?.() ?? '<user>'} ${quoted(path)}`);
  }
  return path;
}

export class DataDirectoryRefused extends Error {
  constructor(path: string, cause: string, fix: string) {
    super(`dataDir ${path} is refused: ${cause}; ${fix}`);
    this.name = 'DataDirectoryRefused';
  }
}

/** Throws when the group or others have any right on a file or directory, or when it belongs to another user (who could read it and open it to others). */
export function refuseWhenOpenToOthers(path: string, stats: Stats, refusal: (cause: string, fix: string) => Error, mode: '600' | '700'): void {
  if (process.platform === 'win32') return;
  if ((stats.mode & 0o077) !== 0) throw refusal(`its mode is ${(stats.mode & 0o777).toString(8).padStart(4, '0')}, so that others than its owner can get at it`, `chmod ${mode} ${quoted(path)}`);
  const user = process.getuid?.();
  if (user !== undefined && user !== 0 && stats.uid !== user) throw refusal(`it belongs to user ${stats.uid}, but the service runs as ${user}`, `chown ${user} ${quoted(path)}`);
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** The code of a file system error, such as ENOENT. */
export function errorCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : String(error);
}
