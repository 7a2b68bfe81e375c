import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type Log } from '../../contracts/log.js';
import { compiledEntry } from '../compiled-entry.js';
import type { WorkerReport, WorkerSettings } from './embedded/worker.js';

export interface EmbeddedServerOptions {
  /** Where the documents lie; made with mode 0700 when missing. Several processes of one machine may open the same one. Not on a network file system. */
  directory: string;
  log: Log;
  /** How often documents that a TTL index calls over are removed. Default 60 s, as in MongoDB. */
  expiryIntervalMs?: number;
  /** A cursor that nobody reads is forgotten after this. Default 10 minutes. */
  cursorIdleMs?: number;
  /** Bytes that one sort or aggregation may hold in memory. Default 64 MiB. */
  memoryBytes?: number;
}

/** Longest path of a unix socket that every system takes; Node cuts a longer one silently. */
const SOCKET_PATH_BYTES = 100;
const STOP_MS = 10_000;
const LONGEST_WAIT_MS = 5000;
/** The thread number of a worker that has ended. */
const GONE = -1;
/**
 * MiB for what the thread has just made, of which almost all is dead a moment later. Node gives a thread as much room for it as the service's own (48 MiB), and what was used once stays resident.
 */
const YOUNG_MIB = 12;

/** The embedded document store: a thread that speaks MongoDB's protocol on a private socket. One that dies is replaced; the driver connects to it again by itself. */
export class EmbeddedDocumentServer {
  private stopping = false;

  private constructor(private readonly settings: WorkerSettings, private readonly runtimeDirectory: string | undefined, private readonly log: Log, private worker: Worker) {
    this.watch(worker);
  }

  /** @throws with the cause and the directory when it cannot be opened. */
  static async start(options: EmbeddedServerOptions): Promise<EmbeddedDocumentServer> {
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    const { runtimeDirectory, socketPath } = await privateSocket();
    const settings: WorkerSettings = {
      directory: options.directory,
      socketPath,
      expiryIntervalMs: options.expiryIntervalMs ?? 60_000,
      cursorIdleMs: options.cursorIdleMs ?? 600_000,
      memoryBytes: options.memoryBytes ?? 64 * 1024 * 1024,
    };
    try {
      return new EmbeddedDocumentServer(settings, runtimeDirectory, options.log, await listeningWorker(settings));
    } catch (error) {
      if (runtimeDirectory) await rm(runtimeDirectory, { recursive: true, force: true });
      throw error;
    }
  }

  /** For mongoose. */
  get uri(): string {
    return `mongodb://${encodeURIComponent(this.settings.socketPath)}/?directConnection=true`;
  }

  /** Lets the commands at work end, flushes and closes. Idempotent. */
  async stop(): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    const worker = this.worker;
    if (worker.threadId !== GONE) {
      const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      worker.postMessage('stop');
      const timer = setTimeout(() => void worker.terminate(), STOP_MS);
      await exited;
      clearTimeout(timer);
    }
    if (this.runtimeDirectory) await rm(this.runtimeDirectory, { recursive: true, force: true });
  }

  private watch(worker: Worker): void {
    let cause = 'it ended';
    worker.on('error', (error: Error) => (cause = error.message));
    worker.on('exit', () => {
      if (this.stopping) return;
      this.log.error({ cause }, 'the thread of the embedded document store died; it is started again, acknowledged writes are safe');
      void this.replace();
    });
    worker.on('message', (report: WorkerReport) => {
      if (report.type === 'fault') this.log.error({ reason: report.reason }, 'a fault in the embedded document store; writes that it met were refused');
      if (report.type === 'expiry-failed') this.log.warn({ reason: report.reason }, 'expired documents could not be removed; tried again at the next turn');
    });
  }

  private async replace(): Promise<void> {
    for (let waitMs = 50; !this.stopping; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      await sleep(waitMs, undefined, { ref: false });
      try {
        if (process.platform !== 'win32') await rm(this.settings.socketPath, { force: true });
        const worker = await listeningWorker(this.settings);
        this.worker = worker;
        if (this.stopping) await worker.terminate();
        else this.watch(worker);
        return;
      } catch (error) {
        this.log.error({ cause: error instanceof Error ? error.message : String(error) }, 'the embedded document store could not be started again; tried on');
      }
    }
  }
}

/** A thread that has opened the directory and listens. @throws with the cause. */
async function listeningWorker(settings: WorkerSettings): Promise<Worker> {
  const worker = new Worker(compiledEntry('./embedded/worker.js', import.meta.url), { workerData: settings, execArgv: [], name: 'documents', resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB } });
  try {
    await new Promise<void>((resolve, reject) => {
      const refuse = (reason: string) => reject(new Error(`The embedded document store cannot open ${settings.directory}: ${reason}`));
      worker.once('error', (error: Error) => refuse(error.message));
      worker.once('message', (report: WorkerReport) => (report.type === 'listening' ? resolve() : refuse(report.type === 'failed' ? report.reason : report.type)));
      worker.once('exit', () => refuse('its thread ended'));
    });
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  worker.removeAllListeners();
  return worker;
}

/** A path that only this user can reach. On Windows a pipe with a name of its own. */
async function privateSocket(): Promise<{ runtimeDirectory: string | undefined; socketPath: string }> {
  if (process.platform === 'win32') return { runtimeDirectory: undefined, socketPath: `\\\\.\\pipe\\tidegate-${process.pid}-${Date.now().toString(36)}` };
  for (const base of [tmpdir(), '/tmp']) {
    if (Buffer.byteLength(join(base, 'tidegate-XXXXXX', 'd.sock')) > SOCKET_PATH_BYTES) continue;
    const runtimeDirectory = await mkdtemp(join(base, 'tidegate-'));
    await chmod(runtimeDirectory, 0o700);
    return { runtimeDirectory, socketPath: join(runtimeDirectory, 'd.sock') };
  }
  throw new Error(`the temporary directory ${tmpdir()} is too long a path for a socket; set TMPDIR to a shorter one`);
}
