import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface EventLogProcess {
  /** What it said so far. */
  lines: string[];
  kill(signal: NodeJS.Signals): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** It ended by itself. */
  ended: Promise<unknown>;
}

/** Starts test/support/event-log-child.js; ready when this ends. Kill it after the test. `fileBytes`: files larger than this cannot be written, as on a full disk. */
export async function startEventLogProcess(mode: 'write' | 'own' | 'fill', directory: string, name: string, fileBytes?: number): Promise<EventLogProcess> {
  const command = [process.execPath, fileURLToPath(new URL('./event-log-child.js', import.meta.url)), mode, directory, name];
  const limited = fileBytes === undefined ? command : ['/bin/bash', '-c', 'ulimit -f "$1"; shift; exec "$@"', 'bash', String(Math.floor(fileBytes / 1024)), ...command];
  const child = spawn(limited[0] ?? '', limited.slice(1), { stdio: ['ignore', 'pipe', fileBytes === undefined ? 'inherit' : 'ignore'] });
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
    ended,
    kill: async (signal) => {
      child.kill(signal);
      await ended;
    },
    signal: (signal) => void child.kill(signal),
  };
}
