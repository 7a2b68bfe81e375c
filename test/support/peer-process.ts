import { spawn, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';

export interface PeerProcessOptions {
  command: string;
  parameters: readonly string[];
  environment?: NodeJS.ProcessEnv;
  /** It is up when these take connections, and these are bound. */
  tcpPorts: readonly number[];
  udpPorts: readonly number[];
}

/** A daemon of another make as a child process, ended by its process id. */
export class PeerProcess {
  private child?: ChildProcess;
  private heard = '';

  constructor(private readonly options: PeerProcessOptions) {}

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** What it wrote to its terminal, the last 20,000 characters. */
  get output(): string {
    return this.heard;
  }

  /** @throws Error when it does not listen within 15 s */
  async start(): Promise<void> {
    if (this.child) throw new Error(`${this.options.command} is running`);
    const child = spawn(this.options.command, this.options.parameters, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...this.options.environment } });
    const hear = (data: Buffer) => { this.heard = (this.heard + data.toString()).slice(-20_000); };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', (error) => hear(Buffer.from(error.message)));
    child.once('exit', () => { if (this.child === child) this.child = undefined; });
    this.child = child;
    const giveUpAt = performance.now() + 15_000;
    while (!(await this.listens())) {
      if (!this.child || performance.now() > giveUpAt) {
        await this.end('SIGKILL');
        throw new Error(`${this.options.command} does not listen\n${this.heard}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Resolves when it is gone; after 10 s it is killed. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { child } = this;
    if (!child) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(late);
    this.child = undefined;
  }

  private async listens(): Promise<boolean> {
    const answers = await Promise.all([...this.options.tcpPorts.map(acceptsConnections), ...this.options.udpPorts.map(takesDatagrams)]);
    return answers.every(Boolean);
  }
}

function acceptsConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  });
}

/** Whether somebody has bound the UDP port, from the kernel's own table. */
async function takesDatagrams(port: number): Promise<boolean> {
  const table = await readFile('/proc/net/udp', 'latin1').catch(() => null);
  return table === null || table.includes(`:${port.toString(16).toUpperCase().padStart(4, '0')} `);
}
