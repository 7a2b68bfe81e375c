import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from './free-port.js';
import { onePreparer } from './one-preparer.js';

/**
 * SecantusDB, an independent server of MongoDB's protocol (GPL-2.0: a process beside the tests, never shipped or linked). Faults to steer around: a bare RegExp on
 * an indexed field finds nothing ($regex does); distinct merges 1 with true and 0 with false; a claim costs time per pending document, so stay below 1,000 documents.
 */
const VERSION = '0.7.0b3';
const CACHE = fileURLToPath(new URL('../../.cache/secantus', import.meta.url));
const START_MS = 60_000;

/** Tests of the contract that it fails by a fault of its own: MongoDB's manual says otherwise. */
export const SECANTUS_FAULTS = [
  '$[] where there is no array', // ignored instead of refused
  '$gt and $lt passed by two elements by an index too', // intersects the bounds of a multikey index
  'distinct values of documents in an array', // left out
  'arrays side by side', // accepted
  '$count of nothing', // answers 0 instead of no document
  '$dateToString of nothing', // ignores onNull
];

export interface Secantus {
  uri: string;
  /** Ends it as a crash does; its data stays. */
  kill(): Promise<void>;
  /** Starts it again on its data and port. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** The server's executable, installed into .cache when it is not there yet. @throws with the reason when it cannot be had. */
export async function secantusExecutable(): Promise<string> {
  const given = process.env['TIDEGATE_TEST_SECANTUSD'];
  if (given) return given;
  const executable = join(CACHE, `venv-${VERSION}`, 'bin', 'secantusd-py');
  await onePreparer('secantus', () => install(executable));
  return executable;
}

async function install(executable: string): Promise<void> {
  if (await exists(executable)) return;
  const run = promisify(execFile);
  const directory = join(CACHE, `venv-${VERSION}`);
  try {
    await run('python3', ['-m', 'venv', directory], { timeout: 120_000 });
    await run(join(directory, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', `secantusdb==${VERSION}`], { timeout: 300_000 });
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw new Error(`SecantusDB ${VERSION} cannot be installed (needs python3 with venv, and the Python package registry): ${error instanceof Error ? error.message.slice(0, 500) : String(error)}`);
  }
}

/** As a replica set of one, which it is by default, or standalone. An empty temporary directory, removed at the end. */
export async function startSecantus(executable: string, mode: 'replica-set' | 'standalone'): Promise<Secantus> {
  const directory = await mkdtemp(join(tmpdir(), 'tidegate-secantus-'));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    child = spawn(executable, ['--host', '127.0.0.1', '--port', String(port), '--storage-path', directory, ...(mode === 'standalone' ? ['--standalone'] : [])], { stdio: 'ignore' });
    await accepting(port, child);
  };
  const stop = async (): Promise<void> => {
    if (child) await ended(child, 'SIGTERM');
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  const kill = async (): Promise<void> => {
    if (child) await ended(child, 'SIGKILL');
  };
  return { uri: `mongodb://127.0.0.1:${port}/?directConnection=true`, kill, restart: start, stop };
}

async function accepting(port: number, child: ChildProcess): Promise<void> {
  for (const end = Date.now() + START_MS; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('SecantusDB ended at its start');
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
  }
  throw new Error('SecantusDB does not listen');
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await exit;
  clearTimeout(timer);
}

const exists = (path: string) => access(path).then(() => true, () => false);

/** The executable, or undefined with the reason printed; in CI a missing server is a failure. */
export async function secantusOrSkip(): Promise<string | undefined> {
  try {
    return await secantusExecutable();
  } catch (error) {
    if (process.env['CI']) throw error;
    console.warn(`skipped: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
