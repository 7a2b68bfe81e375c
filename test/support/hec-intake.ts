import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
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
  private constructor(readonly port: number, private readonly directory: string, private readonly process: PeerProcess) {}

  /** Built once into .cache; the first build takes minutes. */
  static prepare(): void {
    build('go', ['build', '-o', PROGRAM, '.'], SOURCES, 900_000);
  }

  static async start(): Promise<HecIntake> {
    if (!existsSync(PROGRAM)) HecIntake.prepare();
    const directory = mkdtempSync(join(tmpdir(), 'tidegate-hec-'));
    const port = await freePort();
    const process = new PeerProcess({ command: PROGRAM, parameters: [String(port), join(directory, 'events')], tcpPorts: [port], udpPorts: [] });
    const intake = new HecIntake(port, directory, process);
    await process.start();
    return intake;
  }

  async kill(): Promise<void> {
    await this.process.end('SIGKILL');
  }

  async restart(): Promise<void> {
    await this.process.start();
  }

  async records(): Promise<HecRecord[]> {
    const text = await readFile(join(this.directory, 'events'), 'utf8');
    return text.split('\n').slice(0, -1).map((line) => JSON.parse(line) as HecRecord);
  }

  async stop(): Promise<void> {
    await this.process.end('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }
}
