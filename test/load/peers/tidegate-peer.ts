import { freePort } from '../../support/free-port.js';
import { ServiceProcess } from '../../support/service-process.js';
import { eventually } from '../../support/service.js';
import { BENCH_TYPES, benchEvent } from '../support/bench-events.js';
import { cpuSeconds, memoryOf } from '../support/process-figures.js';
import type { Peer, PeerContext, RunningPeer, Scenario } from './peer.js';

const OUTPUT = { cef: ['cef', 'rfc5424'], 'structured-data': ['syslog', 'rfc5424'], 'json-header': ['json', 'rfc5424'], 'json-lines': ['json', 'none'] } as const;
const BATCH = 500;

/**
 * Tidegate on Kafka: one process with the API, which takes the events in and owns the integrations, and for each run an engine of its own, which is what is measured:
 * seals, filters, signature checks, cursors, status and metrics are on.
 */
export class TidegatePeer implements Peer {
  readonly name = 'tidegate';
  private readonly api: ServiceProcess;

  private constructor(private readonly dataDir: string, port: number, private readonly environment: Record<string, string>) {
    this.api = new ServiceProcess(dataDir, port, { ...environment, TIDEGATE_ROLES: 'api' });
  }

  static async open(dataDir: string, brokers: readonly string[]): Promise<TidegatePeer> {
    const peer = new TidegatePeer(dataDir, await freePort(), { TIDEGATE_KAFKA_BROKERS: brokers.join(','), TIDEGATE_KAFKA_REPLICATION_FACTOR: '1', TIDEGATE_KAFKA_MIN_IN_SYNC_REPLICAS: '1', TIDEGATE_KAFKA_PARTITIONS: '12' });
    await peer.api.start(60_000);
    return peer;
  }

  /** Of the process with the API. */
  get port(): number {
    return this.api.port;
  }

  missing(): undefined {
    return undefined;
  }

  takes(): boolean {
    return true;
  }

  /** Events by the producers' door into the topic: checked, masked, completed, signed. @param first the number of the first */
  async fill(events: number, first = 0): Promise<void> {
    let next = first;
    const producer = async () => {
      for (let from = next; from < first + events; from = next) {
        next += BATCH;
        const { status } = await this.api.client.call('POST', '/api/v1/events', Array.from({ length: Math.min(BATCH, first + events - from) }, (_, index) => benchEvent(from + index)));
        if (status !== 202) throw new Error(`the intake answered ${status}`);
      }
    };
    await Promise.all([producer(), producer(), producer(), producer()]);
  }

  async start(scenario: Pick<Scenario, 'format' | 'protocol'>, { ports, run, fromNow, deadPort }: Pick<PeerContext, 'ports' | 'run' | 'fromNow'> & { deadPort?: number }): Promise<RunningPeer> {
    const [outputType, header] = OUTPUT[scenario.format];
    const ids: string[] = [];
    const receivers = [...ports.map((port) => ({ port, startFrom: fromNow ? 'now' : 'beginning' })), ...(deadPort === undefined ? [] : [{ port: deadPort, startFrom: 'beginning' }])];
    for (const [index, { port, startFrom }] of receivers.entries()) {
      const { id } = await this.api.client.ok<{ id: string }>('POST', '/api/v1/integrations', { name: `${run} ${index}`, serverUrl: `${scenario.protocol}://127.0.0.1:${port}`, outputType, header, ...(scenario.protocol === 'tcp' ? { framing: 'newline' } : {}), filter: { types: BENCH_TYPES } });
      await this.api.client.ok('POST', `/api/v1/integrations/${id}/enable`, { startFrom });
      ids.push(id);
    }
    const engine = new ServiceProcess(this.dataDir, await freePort(), { ...this.environment, TIDEGATE_ROLES: 'engine', TIDEGATE_ENGINE_ID: run.replaceAll(/[^a-z0-9-]/g, '-') });
    await engine.start(60_000);
    const before = cpuSeconds(engine.pid);
    return {
      cpu: () => cpuSeconds(engine.pid) - before,
      peak: () => memoryOf(engine.pid).peak,
      said: () => engine.said,
      stop: async () => {
        await engine.end();
        for (const id of ids) await this.api.client.ok('DELETE', `/api/v1/integrations/${id}`);
        await eventually('the engine has gone', async () => (await this.api.client.ok<{ items: { live: boolean }[] }>('GET', '/api/v1/engines')).items.every(({ live }) => !live), 60_000);
      },
    };
  }

  async close(): Promise<void> {
    await this.api.end();
  }
}
