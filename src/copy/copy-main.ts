/* `npm run copy-to-engines`: takes an installation from its embedded stores to Kafka and MongoDB. Both are named by the settings. */
import { loadSettings } from '../config/load-settings.js';
import { PinoLog } from '../platform/telemetry/pino-log.js';
import { copyToEngines, CopyRefused } from './copy-to-engines.js';

async function main(): Promise<void> {
  const settings = loadSettings(process.env);
  const { outcome, documents, events, integrations, completedAt } = await copyToEngines(settings, PinoLog.create(settings));
  const what = `${documents} documents, ${integrations} integrations with their positions, and ${events} events that one of them has not received`;
  const key = settings.secretKeyFile ?? `${settings.dataDir}/secret.key`;
  process.stdout.write(
    outcome === 'already'
      ? `Nothing to do: ${what} were copied by ${completedAt.toISOString()}.\n`
      : `Copied ${outcome === 'continued' ? '(continued) ' : ''}${what}.\n` +
          `Give every process ${key} as TIDEGATE_SECRET_KEY_FILE, start them with the same TIDEGATE_KAFKA_BROKERS and TIDEGATE_MONGODB_URI, and keep the embedded stores until you have seen them work.\n` +
          'Event positions (the sequence that receivers see) begin anew; a resend of an event from before is not recognised as one.\n',
  );
}

main().catch((error: unknown) => {
  process.stderr.write(`The copy did not end: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof CopyRefused ? 78 : 1);
});
