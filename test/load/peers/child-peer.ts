import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpuSeconds, memoryOf } from '../support/process-figures.js';
import type { RunningPeer } from './peer.js';

/** Processes of one forwarder: what they use together, what they say, and their end. */
export class ChildPeer implements RunningPeer {
  private readonly children: ChildProcess[] = [];
  private output = '';

  /** @param options.output descriptor that the process writes to */
  add(command: string, parameters: readonly string[], options: { output?: number; environment?: Record<string, string> } = {}): void {
    const child = spawn(command, parameters, { stdio: ['ignore', options.output ?? 'ignore', 'pipe'], env: { ...process.env, ...options.environment } });
    this.children.push(child);
    child.stderr?.on('data', (chunk: Buffer) => (this.output = (this.output + chunk.toString()).slice(-4000)));
  }

  cpu(): number {
    return this.sum((pid) => cpuSeconds(pid));
  }

  peak(): number {
    return this.sum((pid) => memoryOf(pid).peak);
  }

  said(): string {
    return this.output;
  }

  async stop(): Promise<void> {
    for (const child of this.children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const last = setTimeout(() => child.kill('SIGKILL'), 5000);
      await gone;
      clearTimeout(last);
    }
  }

  /** One that has ended has its figures no more: the caller asks before the end. */
  private sum(figure: (pid: number) => number): number {
    return this.children.reduce((sum, { pid, exitCode }) => sum + (pid === undefined || exitCode !== null ? 0 : figure(pid)), 0);
  }
}
