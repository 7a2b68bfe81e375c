import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** LMDB's mark and where it lies in a page (lmdb.h, MDB_MAGIC; after the page's header). */
const MAGIC = 0xbeefc0de;
const MAGIC_AT = 24;
const PAGE_SIZE_AT = 48;

/** LMDB ends the whole process on a file that is not its own, so this looks first. @throws with the file and what to do. */
export function refuseForeignFile(directory: string): void {
  const path = join(directory, 'data.mdb');
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    // A process may have been killed between making the file and filling it.
    if (size === 0) return;
    const head = Buffer.alloc(PAGE_SIZE_AT + 4);
    readSync(file, head, 0, head.length, 0);
    const pageSize = head.readUInt32LE(PAGE_SIZE_AT);
    const second = Buffer.alloc(MAGIC_AT + 4);
    readSync(file, second, 0, second.length, pageSize);
    const marks = [head, second].map((page) => page.readUInt32LE(MAGIC_AT));
    if (marks.some((mark) => mark !== MAGIC) || size < pageSize * 2) throw new Error(`${path} is not a database of the embedded document store, or its beginning is damaged; restore it from a backup, or move it away to start empty`);
  } finally {
    closeSync(file);
  }
}
