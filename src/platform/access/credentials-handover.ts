import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../contracts/log.js';
import { prepareDataDirectory } from '../data-directory.js';
import type { CredentialsHandover } from './first-administrator.js';

export const PASSWORD_FILE = 'admin-password.txt';

/** The part of `process.stdout` that is needed. */
export interface Terminal {
  isTTY?: boolean;
  write(text: string): boolean;
}

/**
 * A person at a terminal is shown the password once. Without a terminal standard output is somebody's log, so the password goes to a 0600 file in the data directory
 * and only the path is told.
 */
export function handOverByTerminalOrFile(dataDir: string, terminal: Terminal, log: Log): CredentialsHandover {
  return async ({ name, password }) => {
    if (terminal.isTTY) {
      terminal.write(`\n  First administrator, shown this once:\n    user      ${name}\n    password  ${password}\n\n`);
      return;
    }
    const path = join(prepareDataDirectory(dataDir), PASSWORD_FILE);
    const draft = `${path}.${randomBytes(6).toString('hex')}`;
    const descriptor = openSync(draft, 'wx', 0o600);
    try {
      writeSync(descriptor, `${name}\n${password}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, path);
    log.info({ path, user: name }, 'the first password is in this file; change it, then remove the file');
  };
}
