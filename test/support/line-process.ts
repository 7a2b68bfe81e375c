import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/** A parser of another make that reads records from its standard input and answers each with one line, in order, for as long as there are records. */
export class LineProcess {
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  private readonly waiting: Array<(line: string) => void> = [];
  private answered = 0;
  private unsent: Buffer[] = [];
  private rest = '';
  private complaint = '';
  private failure: Error | undefined;
  private wake: (() => void) | undefined;

  constructor(private readonly command: string, options: readonly string[]) {
    this.child = spawn(command, options, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stdout.setEncoding('utf8').on('data', (data: string) => this.hear(data));
    this.child.stderr.setEncoding('utf8').on('data', (data: string) => { this.complaint = (this.complaint + data).slice(-5000); });
    // A parser that ended takes nothing more; its end is told below.
    this.child.stdin.on('error', () => undefined);
    this.child.once('error', (error) => this.fail(error.message));
    this.child.once('close', (code) => this.fail(`ended with ${String(code)}: ${this.complaint}`));
  }

  /** Puts a record in the queue; what the parser answers to it goes to `answer`. */
  ask(frame: readonly Buffer[], answer: (line: string) => void): void {
    this.unsent.push(...frame);
    this.waiting.push(answer);
  }

  /** Hands over what is in the queue. */
  send(): void {
    if (this.unsent.length === 0) return;
    this.child.stdin.write(Buffer.concat(this.unsent));
    this.unsent = [];
  }

  /** Resolves when everything asked before is answered. @throws Error when the parser ended before that */
  async settled(): Promise<void> {
    this.send();
    while (this.answered < this.waiting.length) {
      if (this.failure !== undefined) throw this.failure;
      await new Promise<void>((resolve) => { this.wake = resolve; });
    }
    this.waiting.length = 0;
    this.answered = 0;
  }

  /** Resolves when it is gone; nobody waits for an answer any more. */
  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('close', resolve));
    this.child.stdin.end();
    const late = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(late);
  }

  private hear(data: string): void {
    const lines = (this.rest + data).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      const answer = this.waiting[this.answered];
      if (answer === undefined) return this.fail(`answered what it was not asked: ${line.slice(0, 200)}`);
      this.answered += 1;
      answer(line);
    }
    this.wake?.();
  }

  private fail(reason: string): void {
    this.failure ??= new Error(`${this.command}: ${reason}`);
    this.wake?.();
  }
}
