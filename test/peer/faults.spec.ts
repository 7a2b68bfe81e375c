import { afterAll, describe, expect, it } from '@jest/globals';
import { FAULTS, type FaultName } from '../soak/faults.js';
import { faultRun, row, TABLE_HEAD, Topology } from '../soak/fault-run.js';
import { stackMissing } from '../support/stack.js';

/** Small here; the full size runs by `npm run soak:<name>`. */
const SIZES: Record<FaultName, { events: number; times: number }> = {
  engines: { events: 6000, times: 3 },
  api: { events: 6000, times: 3 },
  zombie: { events: 6000, times: 1 },
  rebalance: { events: 6000, times: 4 },
  broker: { events: 6000, times: 1 },
  'broker-of-three': { events: 6000, times: 1 },
  documents: { events: 6000, times: 1 },
};
const SENTENCES: Record<FaultName, string> = {
  engines: 'engines are killed',
  api: 'the API is killed',
  zombie: 'an engine stands still for longer than its session and wakes up as a zombie',
  rebalance: 'engines come and go',
  broker: 'the only broker is killed',
  'broker-of-three': 'a broker of three is killed',
  documents: 'the document server is killed',
};
const events = process.env['TIDEGATE_TEST_FAULT_EVENTS'];
const times = process.env['TIDEGATE_TEST_FAULT_TIMES'];
const only = process.env['TIDEGATE_TEST_FAULT'];
const missing = await stackMissing();

(missing === undefined ? describe : describe.skip)('nothing that was accepted is lost', () => {
  const rows: string[] = [];
  /** Faults that want as many brokers share it, one after the other. */
  let open: { brokers: number; topology: Topology } | undefined;
  const close = async (): Promise<void> => {
    const closing = open?.topology;
    open = undefined;
    await closing?.close();
  };
  const topologyOf = async (brokers: 1 | 3): Promise<Topology> => {
    if (open?.brokers !== brokers) {
      await close();
      open = { brokers, topology: await Topology.open(brokers) };
    }
    return open.topology;
  };
  afterAll(async () => {
    await close();
    console.log([TABLE_HEAD, ...rows].join('\n'));
  });

  for (const name of (Object.keys(FAULTS) as FaultName[]).sort((one, other) => FAULTS[one].brokers - FAULTS[other].brokers)) {
    if (only !== undefined && only !== name) continue;
    const size = { events: events === undefined ? SIZES[name].events : Number(events), times: times === undefined ? SIZES[name].times : Number(times) };
    it(`when ${SENTENCES[name]} (${size.times} times, ${size.events} events, five integrations in two pools)`, async () => {
      try {
        const result = await faultRun({ topology: await topologyOf(FAULTS[name].brokers), name, fault: FAULTS[name], ...size, seed: 20261122 });
        rows.push(row(name, result));
        expect(result.lost.slice(0, 20)).toEqual([]);
        expect(result.accepted).toBe(size.events);
        expect(result.strikes).toBe(size.times);
        expect(result.torn).toBe(0);
      } catch (error) {
        // What one fault left behind is no matter of the next.
        await close();
        throw error;
      }
    }, 360_000 + size.events * 10 + size.times * 60_000);
  }
});
