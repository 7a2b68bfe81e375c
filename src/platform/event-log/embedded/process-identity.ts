import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Enough to tell whether the process that holds a lease still lives, where that can be told at all. */
export interface ProcessIdentity {
  /** The machine since its last start, and the process id namespace: process ids compare only within. */
  host: string;
  pid: number;
  /** When the process started (clock ticks since the machine's start); tells a reused process id apart. */
  startedAt: string;
}

export function ownIdentity(): ProcessIdentity {
  const host = [hostname(), read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')), read(() => readlinkSync('/proc/self/ns/pid'))].join('/');
  return { host, pid: process.pid, startedAt: startOf(process.pid) };
}

/** True only when it is certain: same machine, same namespace, and no such process. */
export function isGone(other: ProcessIdentity, own: ProcessIdentity): boolean {
  if (process.platform !== 'linux' || other.host !== own.host || other.pid === own.pid) return false;
  try {
    process.kill(other.pid, 0);
  } catch (error) {
    return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ESRCH';
  }
  const startedAt = startOf(other.pid);
  return startedAt !== '' && other.startedAt !== '' && startedAt !== other.startedAt;
}

/** Field 22 of /proc/<pid>/stat (proc(5)); the name in field 2 may hold spaces and brackets. */
function startOf(pid: number): string {
  return read(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  });
}

function read(source: () => string): string {
  try {
    return source().trim();
  } catch {
    return '';
  }
}
