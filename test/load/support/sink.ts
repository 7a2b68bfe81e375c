import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

export interface SinkOptions {
  tcpPorts?: number;
  udpPorts?: number;
  framing?: 'newline' | 'counted';
  /** What each message must begin with. */
  start: string;
}

export interface SinkCounts {
  messages: number[];
  /** Of `messages`: those with a control character inside, with another beginning, or that were torn. */
  bad: number[];
  octets: number;
  connections: number;
  /** CPU seconds of the sink. */
  cpu: number;
  /** When it first and last read something, microseconds since 1970; 0 for never. */
  firstUs: number;
  lastUs: number;
}

/** One event that bore its time in its id: `lat-<16 digits>`. Microseconds since 1970. */
export interface Arrival {
  port: number;
  sentUs: number;
  readUs: number;
}

/** The receiver of the benchmarks (`sink.c`), a process of its own. */
export class Sink {
  private readonly waiting: Array<(line: string) => void> = [];
  private ports: number[] = [];

  private constructor(private readonly child: ChildProcess) {
    if (!child.stdout) throw new Error('the sink has no output');
    createInterface({ input: child.stdout }).on('line', (line) => this.waiting.shift()?.(line));
  }

  static async start({ tcpPorts = 0, udpPorts = 0, framing = 'newline', start }: SinkOptions): Promise<Sink> {
    const child = spawn(program(), [String(tcpPorts), String(udpPorts), framing, start], { stdio: ['pipe', 'pipe', 'inherit'] });
    const sink = new Sink(child);
    sink.ports = (await sink.line()).split(' ').filter((port) => port !== '').map(Number);
    return sink;
  }

  /** TCP ports first, then those of UDP. */
  get portList(): readonly number[] {
    return this.ports;
  }

  async counts(): Promise<SinkCounts> {
    return JSON.parse(await this.ask('counts')) as SinkCounts;
  }

  /** From now on events with a time in their id are noted. */
  async time(): Promise<void> {
    await this.ask('time');
  }

  async arrivals(): Promise<Arrival[]> {
    const answer = await this.ask('arrivals');
    return answer.split(';').filter((entry) => entry !== '').map((entry) => {
      const [port = 0, sentUs = 0, readUs = 0] = entry.split(' ').map(Number);
      return { port, sentUs, readUs };
    });
  }

  async reset(): Promise<void> {
    await this.ask('reset');
  }

  /** Ends when every port has so many messages. @throws when that takes too long, with what is there */
  async reaches(messages: number, limitMs: number): Promise<SinkCounts> {
    const giveUpAt = performance.now() + limitMs;
    for (;;) {
      const counts = await this.counts();
      if (counts.messages.every((count) => count >= messages)) return counts;
      if (performance.now() > giveUpAt) throw new Error(`after ${limitMs / 1000} s the sink has ${counts.messages.join(', ')} of ${messages}`);
      await new Promise((wake) => setTimeout(wake, 10));
    }
  }

  end(): void {
    this.child.stdin?.end();
    this.child.kill();
  }

  private ask(command: string): Promise<string> {
    const line = this.line();
    this.child.stdin?.write(`${command}\n`);
    return line;
  }

  private line(): Promise<string> {
    return new Promise((answer, fail) => {
      const gone = () => fail(new Error('the sink has ended'));
      this.child.once('exit', gone);
      this.waiting.push((line) => {
        this.child.off('exit', gone);
        answer(line);
      });
    });
  }
}

/** Compiled when it is not there yet, or older than its source. */
function program(): string {
  const source = resolve('test/load/support/sink.c');
  const built = resolve('.cache/bench-sink/sink');
  if (existsSync(built) && statSync(built).mtimeMs >= statSync(source).mtimeMs) return built;
  mkdirSync(join(built, '..'), { recursive: true });
  try {
    execFileSync('cc', ['-O3', '-Wall', '-o', built, source]);
  } catch (error) {
    throw new Error(`the sink of the benchmarks needs a C compiler (Debian package gcc): ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  return built;
}
