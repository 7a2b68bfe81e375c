import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve as resolvePath } from 'node:path';
import { ADMIN_PASSWORD, Client } from './service.js';

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { 'start:prod': string } };
/** As it is shipped: with what `npm run start:prod` gives to Node. */
const FLAGS = scripts['start:prod'].split(' ').slice(1, -1);
const MAIN = resolvePath('dist/main.js');

/** The compiled service as a process of its own, to be killed. */
export class ServiceProcess {
  private child: ChildProcess | undefined;
  private output = '';
  readonly client: Client;

  constructor(
    readonly dataDir: string,
    readonly port: number,
    private readonly environment: Record<string, string> = {},
  ) {
    this.client = new Client(`http://127.0.0.1:${port}`);
  }

  get pid(): number {
    return this.child?.pid ?? -1;
  }

  /** Starts it and waits until it says that it is ready. @throws with its output when it ends before */
  async start(limitMs = 60_000): Promise<void> {
    this.output = '';
    const child = spawn(process.execPath, [...FLAGS, MAIN], {
      env: { ...process.env, TIDEGATE_DATA_DIR: this.dataDir, TIDEGATE_HTTP_PORT: String(this.port), TIDEGATE_ADMIN_PASSWORD: ADMIN_PASSWORD, TIDEGATE_LOG_LEVEL: 'error', ...this.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the service was not ready within ${limitMs} ms: ${this.output}`)), limitMs);
      const listen = (chunk: Buffer) => {
        this.output = (this.output + chunk.toString()).slice(-20_000);
        if (this.output.includes('Tidegate is ready at')) {
          clearTimeout(timer);
          resolve();
        }
      };
      child.stdout.on('data', listen);
      child.stderr.on('data', listen);
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        reject(new Error(`the service ended (${code ?? signal}) before it was ready: ${this.output}`));
      });
    });
  }

  /** What it printed last. */
  get said(): string {
    return this.output;
  }

  /** Ends it by its id and waits until it is gone. @returns its exit code; null when a signal ended it, undefined when it did not run */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null | undefined> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return undefined;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const last = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await gone;
    clearTimeout(last);
    return child.exitCode;
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }
}
