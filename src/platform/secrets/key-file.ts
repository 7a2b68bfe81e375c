import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode, refuseWhenOpenToOthers } from '../data-directory.js';

/** Octets of an AES-256 key. */
const KEY_BYTES = 32;

export class KeyFileRefused extends Error {
  constructor(path: string, cause: string, fix: string) {
    super(`The key file ${path} is refused: ${cause}; ${fix}.`);
    this.name = 'KeyFileRefused';
  }
}

/**
 * The keys of a file: base64 or base64url, one a line, `#` begins a comment. The first seals, all of them open: to change the key, put a new line on top.
 * @throws KeyFileRefused when it is absent, readable for others, or holds something else than keys of 32 octets
 */
export function readKeyFile(path: string): Buffer[] {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw new KeyFileRefused(path, `it cannot be read (${errorCode(error)})`, `make one with (umask 077; openssl rand -base64 32 > ${path}) or unset TIDEGATE_SECRET_KEY_FILE`);
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new KeyFileRefused(path, 'it is not a file', 'set TIDEGATE_SECRET_KEY_FILE to a file');
    refuseWhenOpenToOthers(path, stats, (cause, fix) => new KeyFileRefused(path, cause, fix), '600');
    return parseKeys(readFileSync(descriptor, 'utf8'), path);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Makes a key file with a new random key unless there is one. It appears whole or not at all, with mode 0600; of several processes at once one wins and all read its key.
 * A key that is there is never replaced.
 */
export function makeKeyFile(path: string): void {
  const draft = `${path}.${process.pid}-${randomBytes(6).toString('hex')}`;
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    writeSync(descriptor, `${randomBytes(KEY_BYTES).toString('base64')}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    linkSync(draft, path);
    syncDirectory(dirname(path));
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw new KeyFileRefused(path, `it cannot be made (${errorCode(error)})`, 'put the data directory on a local file system that knows hard links, or set TIDEGATE_SECRET_KEY_FILE');
  } finally {
    unlinkSync(draft);
  }
}

function parseKeys(text: string, path: string): Buffer[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  const keys = lines.map((line) => {
    const key = /^[A-Za-z0-9+/_-]{43}=?$/.test(line) ? Buffer.from(line, 'base64') : Buffer.alloc(0);
    if (key.length !== KEY_BYTES) throw new KeyFileRefused(path, 'it holds a line that is not 32 octets in base64', 'restore the file from a backup; a new key cannot open what the old one sealed');
    return key;
  });
  if (keys.length === 0) throw new KeyFileRefused(path, 'it holds no key', 'restore the file from a backup; a new key cannot open what the old one sealed');
  return keys;
}

/** Makes a new name in a directory survive a power loss. */
function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
