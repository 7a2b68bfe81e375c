import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../../contracts/clock.js';
import { Commands } from './commands.js';
import { removeExpired } from './expiry.js';
import { Store } from './store.js';
import { WireServer } from './wire.js';

/** What the thread is started with. */
export interface WorkerSettings {
  /** Directory of the LMDB files; made when missing. */
  directory: string;
  /** Unix socket or Windows pipe to listen on. */
  socketPath: string;
  expiryIntervalMs: number;
  cursorIdleMs: number;
  memoryBytes: number;
}
export type WorkerReport = { type: 'listening' } | { type: 'failed'; reason: string } | { type: 'expiry-failed'; reason: string } | { type: 'fault'; reason: string } | { type: 'stopped' };
export type WorkerOrder = 'stop';

/** The thread of the embedded document store: a scan here leaves the service's own thread free. */
async function main(settings: WorkerSettings): Promise<void> {
  const report = (message: WorkerReport) => parentPort?.postMessage(message);
  // A promise of lmdb that nobody can reach must not end the thread; the callers of the writes are told in their own way.
  process.on('unhandledRejection', (error) => report({ type: 'fault', reason: reasonOf(error) }));
  let store: Store;
  let server: WireServer;
  let commands: Commands;
  try {
    store = new Store(settings.directory);
    commands = new Commands(store, systemClock, { memoryBytes: settings.memoryBytes, cursorIdleMs: settings.cursorIdleMs });
    server = new WireServer(commands);
    await server.listen(settings.socketPath);
  } catch (error) {
    report({ type: 'failed', reason: reasonOf(error) });
    parentPort?.close();
    return;
  }
  let expiring: Promise<void> = Promise.resolve();
  const expire = async (): Promise<void> => {
    commands.cursors.expire();
    try {
      store.forgetDeadReaders();
      await removeExpired(store, systemClock);
    } catch (error) {
      report({ type: 'expiry-failed', reason: reasonOf(error) });
    }
  };
  let stopping = false;
  const schedule = () => setTimeout(() => {
    expiring = expire().then(() => {
      if (!stopping) timer = schedule();
    });
  }, settings.expiryIntervalMs);
  let timer = schedule();
  parentPort?.on('message', (_order: WorkerOrder) => {
    if (stopping) return;
    stopping = true;
    clearTimeout(timer);
    void (async () => {
      await server.close();
      await expiring;
      await store.close();
      report({ type: 'stopped' });
      parentPort?.close();
    })();
  });
  report({ type: 'listening' });
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

await main(workerData as WorkerSettings);
