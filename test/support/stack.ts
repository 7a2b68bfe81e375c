import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kafkaMissing, startKafka, type TestKafka } from './kafka.js';
import { secantusExecutable, startSecantus, type Secantus } from './secantus.js';
import { eventually, type Client } from './service.js';
import { freePort } from './free-port.js';
import { ServiceProcess } from './service-process.js';

/** Why the stack cannot be started here, or undefined. In CI that is a failure. */
export async function stackMissing(): Promise<string | undefined> {
  const reason = (await kafkaMissing()) ?? (await secantusExecutable().then(() => undefined, (error: unknown) => (error instanceof Error ? error.message : String(error))));
  if (reason !== undefined && process.env['CI']) throw new Error(reason);
  if (reason !== undefined) console.warn(`skipped: ${reason}`);
  return reason;
}

export interface EngineView {
  id: string;
  pool: string;
  live: boolean;
  pid: number;
  partitions: number[];
  integrations: number;
}

/** The outgrown installation on one machine: Apache Kafka, a MongoDB-wire server, and processes of dist/main.js, each with its roles, on one secret key. */
export class Stack {
  private readonly processes: ServiceProcess[] = [];

  private constructor(
    readonly kafka: TestKafka,
    readonly documents: Secantus,
    private readonly directory: string,
    /** What every process of it is told. */
    readonly environment: Readonly<Record<string, string>>,
  ) {}

  static async start(options: { brokers?: 1 | 3; partitions?: number; sessionTimeoutMs?: number; keyFile?: string; environment?: Record<string, string> } = {}): Promise<Stack> {
    const { brokers = 1, partitions = 6, sessionTimeoutMs = 6000 } = options;
    const directory = mkdtempSync(join(tmpdir(), 'tidegate-stack-'));
    const keyFile = options.keyFile ?? makeKeyFile(directory, 'secret.key');
    const documents = await startSecantus(await secantusExecutable(), 'replica-set');
    let kafka: TestKafka | undefined;
    try {
      kafka = await startKafka(brokers);
      return new Stack(kafka, documents, directory, {
        TIDEGATE_KAFKA_BROKERS: kafka.brokers.join(','),
        TIDEGATE_KAFKA_PARTITIONS: String(partitions),
        TIDEGATE_KAFKA_REPLICATION_FACTOR: String(brokers),
        TIDEGATE_KAFKA_MIN_IN_SYNC_REPLICAS: brokers === 3 ? '2' : '1',
        TIDEGATE_KAFKA_SESSION_TIMEOUT_MS: String(sessionTimeoutMs),
        TIDEGATE_MONGODB_URI: documents.uri.replace('/?', '/tidegate?'),
        TIDEGATE_SECRET_KEY_FILE: keyFile,
        TIDEGATE_METRICS_PUBLIC: 'true',
        // On a slow machine the roles must not find each other dead.
        TIDEGATE_ENGINE_HEARTBEAT_MS: '500',
        ...options.environment,
      });
    } catch (error) {
      await kafka?.stop();
      await documents.stop();
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  async api(environment: Record<string, string> = {}): Promise<ServiceProcess> {
    return this.run('api', { TIDEGATE_ROLES: 'api', ...environment });
  }

  async engine(id: string, pool = 'default', environment: Record<string, string> = {}): Promise<ServiceProcess> {
    return this.run(id, { TIDEGATE_ROLES: 'engine', TIDEGATE_ENGINE_POOL: pool, TIDEGATE_ENGINE_ID: id, ...environment });
  }

  async run(name: string, environment: Record<string, string>): Promise<ServiceProcess> {
    const service = new ServiceProcess(mkdtempSync(join(this.directory, `${name}-`)), await freePort(), { ...this.environment, ...environment });
    this.processes.push(service);
    await service.start(60_000);
    return service;
  }

  anotherKeyFile(): string {
    return makeKeyFile(this.directory, 'another.key');
  }

  async stop(): Promise<void> {
    for (const one of this.processes) one.signal('SIGCONT');
    await Promise.all(this.processes.map((one) => one.end()));
    await this.kafka.stop();
    await this.documents.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function makeKeyFile(directory: string, name: string): string {
  const path = join(directory, name);
  writeFileSync(path, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  return path;
}

/** Waits until these engines live and, in each pool, own all the partitions between them. */
export async function enginesOwnAll(client: Client, engines: Record<string, string[]>, partitions = 6, limitMs = 60_000): Promise<void> {
  await eventually(`engines ${JSON.stringify(engines)} own ${partitions} partitions in each pool`, async () => {
    const { items } = await client.ok<{ items: EngineView[] }>('GET', '/api/v1/engines');
    return Object.entries(engines).every(([pool, ids]) => {
      const live = items.filter((engine) => engine.pool === pool && engine.live && ids.includes(engine.id));
      const owned = live.flatMap((engine) => engine.partitions).sort((a, b) => a - b);
      return live.length === ids.length && owned.length === partitions && new Set(owned).size === partitions;
    });
  }, limitMs);
}
