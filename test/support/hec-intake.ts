import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onePreparerSync } from './one-preparer.js';
import { build, CACHE, missingTools } from './peer-tools.js';
import { PeerProcess } from './peer-process.js';
import { freePort } from './free-port.js';

const SOURCES = fileURLToPath(new URL('../peer/intakes/otel-hec/', import.meta.url));
const PROGRAM = join(CACHE, 'otel-hec');

export const hecIntakeMissing = (): string | null => missingTools(['go']);

/** An event as the intake understood it. */
export interface HecRecord {
  event: { id: string } & Record<string, unknown>;
  fields: Record<string, unknown>;
  resource: Record<string, unknown>;
  time: number;
}

/** The Splunk HEC intake of the OpenTelemetry collector, as a process to be killed. What it said yes to lies in a file. */
export class HecIntake {
  private starts = 0;
  private elsewhere: string | undefined;

  private constructor(readonly port: number, private readonly directory: string, private readonly process: PeerProcess, private readonly parameters: string[]) {}

  /** Built once into .cache; the first build takes minutes. */
  static prepare(): void {
    onePreparerSync('otel-hec', () => build('go', ['build', '-o', PROGRAM, '.'], SOURCES, 900_000));
  }

  static async start(): Promise<HecIntake> {
    if (!existsSync(PROGRAM)) HecIntake.prepare();
    const directory = mkdtempSync(join(tmpdir(), 'tidegate-hec-'));
    const port = await freePort();
    const parameters = [String(port)];
    const process = new PeerProcess({ command: PROGRAM, parameters, tcpPorts: [port], udpPorts: [] });
    const intake = new HecIntake(port, directory, process, parameters);
    await intake.restart();
    return intake;
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** What it writes to, in the order of the starts. */
  get files(): string[] {
    return Array.from({ length: this.starts }, (_, start) => join(this.directory, `events-${start + 1}`));
  }

  /** Gives it a disk without room (`/dev/full`) from its next start on, or one with room again. */
  storeIn(file: string | undefined): void {
    this.elsewhere = file;
  }

  async kill(): Promise<void> {
    await this.process.end('SIGKILL');
  }

  async restart(): Promise<void> {
    this.starts++;
    // One file a start: a killed process may leave half a line behind.
    this.parameters[1] = this.elsewhere ?? join(this.directory, `events-${this.starts}`);
    await this.process.start();
  }

  async records(): Promise<HecRecord[]> {
    const texts = await Promise.all(this.files.map((file) => readFile(file, 'utf8').catch(() => '')));
    return texts.flatMap((text) => text.split('\n').slice(0, -1)).map((line) => JSON.parse(line) as HecRecord);
  }

  async stop(): Promise<void> {
    await this.process.end('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }
}
