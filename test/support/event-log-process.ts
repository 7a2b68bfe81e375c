import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface EventLogProcess {
  /** What it said so far. */
  lines: string[];
  kill(signal: NodeJS.Signals): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

/** Starts test/support/event-log-child.js; ready when this ends. Kill it after the test. */
export async function startEventLogProcess(mode: 'write' | 'own', directory: string, name: string): Promise<EventLogProcess> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./event-log-child.js', import.meta.url)), mode, directory, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const ended = Promise.all([once(child, 'exit'), once(child.stdout, 'close')]);
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'ready') resolve();
      else if (line !== '') lines.push(line);
    });
    child.once('exit', (code) => reject(new Error(`the process on the event log ended with ${code}`)));
  });
  return {
    lines,
    kill: async (signal) => {
      child.kill(signal);
      await ended;
    },
    signal: (signal) => void child.kill(signal),
  };
}
