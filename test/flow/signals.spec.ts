import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { enginesEnvironment } from '../support/engines-environment.js';

const MAIN = resolve('dist/main.js');
let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'tidegate-signals-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** Starts the built service, sends the signal when its output holds the text, and tells how it ended. */
function endedBy(signal: 'SIGTERM' | 'SIGINT', text: string): Promise<{ code: number | null; signal: string | null; output: string }> {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env['PATH'], TIDEGATE_DATA_DIR: dataDir, TIDEGATE_HTTP_PORT: '0', TIDEGATE_ADMIN_PASSWORD: 'a good password', ...enginesEnvironment() },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), 60_000);
  let output = '';
  let sent = false;
  const listen = (chunk: Buffer) => {
    output += chunk.toString();
    if (sent || !output.includes(text)) return;
    sent = true;
    child.kill(signal);
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  return new Promise((end) => child.once('close', (code, endSignal) => {
    clearTimeout(limit);
    end({ code, signal: endSignal, output });
  }));
}

describe('a signal to stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('%s ends the service in order from the moment it says that it is ready', async (signal) => {
    expect(await endedBy(signal, 'Tidegate is ready')).toMatchObject({ code: 0, signal: null, output: expect.stringContaining('stopping') });
  }, 90_000);

  it('counts while the service still starts, too', async () => {
    expect(await endedBy('SIGTERM', 'the first administrator was made')).toMatchObject({ code: 0, signal: null, output: expect.stringContaining('stopping') });
  }, 90_000);
});
