import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type Log } from '../../contracts/log.js';
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

/** The embedded document store: a thread that speaks MongoDB's protocol on a private socket. */
export class EmbeddedDocumentServer {
  private stopping = false;

  private constructor(private readonly worker: Worker, private readonly runtimeDirectory: string | undefined, private readonly socketPath: string) {}

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
    const worker = new Worker(workerEntry(), { workerData: settings, execArgv: [], name: 'documents' });
    const server = new EmbeddedDocumentServer(worker, runtimeDirectory, socketPath);
    try {
      await server.listening(options);
    } catch (error) {
      await worker.terminate();
      if (runtimeDirectory) await rm(runtimeDirectory, { recursive: true, force: true });
      throw error;
    }
    server.watch(options.log);
    return server;
  }

  /** For mongoose. */
  get uri(): string {
    return `mongodb://${encodeURIComponent(this.socketPath)}/?directConnection=true`;
  }

  /** Lets the commands at work end, flushes and closes. Idempotent. */
  async stop(): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    const exited = new Promise<void>((resolve) => this.worker.once('exit', () => resolve()));
    this.worker.ref();
    this.worker.postMessage('stop');
    const timer = setTimeout(() => void this.worker.terminate(), STOP_MS);
    await exited;
    clearTimeout(timer);
    if (this.runtimeDirectory) await rm(this.runtimeDirectory, { recursive: true, force: true });
  }

  private listening({ directory }: EmbeddedServerOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const refuse = (reason: string) => reject(new Error(`The embedded document store cannot open ${directory}: ${reason}`));
      this.worker.once('error', (error: Error) => refuse(error.message));
      this.worker.once('message', (report: WorkerReport) => (report.type === 'listening' ? resolve() : refuse(report.type === 'failed' ? report.reason : report.type)));
      this.worker.once('exit', () => refuse('its thread ended'));
    });
  }

  private watch(log: Log): void {
    this.worker.on('error', (error: Error) => log.error({ error: error.message }, 'the thread of the embedded document store failed; restart the service'));
    this.worker.on('exit', () => {
      if (!this.stopping) log.error({}, 'the thread of the embedded document store ended; restart the service');
    });
    this.worker.on('message', (report: WorkerReport) => {
      if (report.type === 'expiry-failed') log.warn({ reason: report.reason }, 'expired documents could not be removed; tried again at the next turn');
    });
  }
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

/** A thread runs compiled code only; tests run from the sources and find it in dist. */
function workerEntry(): string {
  const path = fileURLToPath(new URL('./embedded/worker.js', import.meta.url));
  return import.meta.url.endsWith('.ts') ? path.replace(/([\\/])src\1(?!.*[\\/]src[\\/])/, '$1dist$1') : path;
}
