import 'reflect-metadata';
import { loadSettings, SettingsInvalid } from './config/load-settings.js';
import type { Settings } from './config/settings.js';
import { HeapGrowth } from './platform/heap-growth.js';
import { PinoLog } from './platform/telemetry/pino-log.js';
import { startService, type RunningService } from './service.js';

/** sysexits.h EX_CONFIG: a supervisor need not try again before somebody mended the settings. */
const EXIT_CONFIG = 78;

function readSettings(): Settings {
  try {
    return loadSettings(process.env);
  } catch (error) {
    if (!(error instanceof SettingsInvalid)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(EXIT_CONFIG);
  }
}

async function main(): Promise<void> {
  const settings = readSettings();
  const log = PinoLog.create(settings);
  // A forgotten rejection must not end a service that has accepted events; it is a defect and is said so.
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'a promise was rejected and nobody looked'));
  const starting = startService(settings, log);
  stopOnSignal(log, starting);
  const { url, openApiUrl, docsUrl } = await starting;
  // What is loaded at the start stays: V8 may grow around it as it likes.
  new HeapGrowth(settings.memory).start();
  process.stdout.write(`Tidegate is ready at ${url} (roles ${settings.roles.join(', ')})\n`);
  if (settings.roles.includes('api')) process.stdout.write(`  OpenAPI    ${openApiUrl}\n  reference  ${docsUrl}\n`);
}

/** Signals count from the first moment on: one that comes during the start stops the service as soon as it stands. */
function stopOnSignal(log: PinoLog, starting: Promise<RunningService>): void {
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      log.info({ signal }, 'stopping; a second signal ends at once');
      void stop(log, starting);
    });
  }
}

async function stop(log: PinoLog, starting: Promise<RunningService>): Promise<void> {
  // A start that failed has closed what it had opened, and main says why.
  const running = await starting.catch(() => undefined);
  if (!running) return;
  try {
    await running.application.close();
    process.exit(0);
  } catch (error) {
    log.error({ err: error }, 'the stop met a fault');
    process.exit(1);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`Tidegate cannot start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
