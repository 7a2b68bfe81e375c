/**
 * What filters cost: one integration that takes all events, beside 1,000 whose filters take 1/1,000 of the stream each. From the embedded log through the
 * shared reader, routing, rendering and the lanes into a transport that takes everything at once. A benchmark, not a test.
 *   npm run bench:filters
 */
import { encodeEnvelope } from '../../src/model/event-envelope.js';
import { filterSection, outputSection } from '../../src/model/integration.js';
import { sampleEvent } from '../../src/model/sample-events.js';
import { rendererOf } from '../../src/outward/delivery/delivery-path.js';
import { compileFilter } from '../../src/outward/delivery/event-filter.js';
import { targetOf } from '../../src/outward/delivery/target.js';
import { feedContext, openFeed, ScriptedTransport, testIntegration, testLane, until } from '../support/engine.js';
import { openTestEventLog } from '../support/embedded-event-log.js';
import { machine, report } from './results.js';

const EVENTS = Number(process.env['TIDEGATE_TEST_BENCH_EVENTS'] ?? 200_000);
const TENANTS = 1000;
const TYPES = ['account.owner.changed', 'account.provisioned', 'account.secret.changed', 'group.external.disabled', 'user.synced.created', 'request.state.changed'];
const ROUNDS = 3;

const fixture = await openTestEventLog({ partitions: 1 });
const { log } = fixture;
for (let from = 0; from < EVENTS; from += 1000) {
  await log.append(
    Array.from({ length: 1000 }, (_, index) => {
      const at = from + index;
      const event = { ...sampleEvent(TYPES[at % TYPES.length] ?? 'account.provisioned'), id: `f-${at}`, tenantId: `t-${(at * 7919) % TENANTS}`, attributes: { domain: `d-${at % TENANTS}`, note: 'x'.repeat(160) } };
      return { key: 'k', value: encodeEnvelope({ event, producer: 'bench', source: '/bench' }) };
    }),
  );
}

const include = (condition: object) => filterSection.parse({ include: [{ name: 'own', conditions: [condition] }] });
const CASES: Record<string, Array<ReturnType<typeof include>>> = {
  'one, all events': [filterSection.parse({})],
  '1,000 by tenantId equals': Array.from({ length: TENANTS }, (_, index) => include({ field: 'tenantId', operator: 'equals', value: `t-${index}` })),
  '1,000 by attributes.domain in, upper or lower case': Array.from({ length: TENANTS }, (_, index) => include({ field: 'attributes.domain', operator: 'in', values: [`D-${index}`], ignoreCase: true })),
  '1,000 by tenantId matches (not indexed)': Array.from({ length: TENANTS }, (_, index) => include({ field: 'tenantId', operator: 'matches', value: `t-${index}` })),
};

async function measure(filters: Array<ReturnType<typeof include>>): Promise<{ cpuUs: number; ms: number; delivered: number; filtered: number }> {
  const feed = await openFeed(log, 0, 0, feedContext(log, { readOptions: { maxRecords: 2000, maxBytes: 1_048_576, maxWaitMs: 50 } }));
  const lanes = filters.map((filter, index) => {
    const transport = new ScriptedTransport();
    transport.onSend = (session, chunk) => {
      session.safe(chunk.number);
      return Promise.resolve({ type: 'taken' });
    };
    const integration = testIntegration(`i-${index}`, { filter, outputType: 'cef', header: 'rfc5424', output: outputSection.parse({ hostname: 'gate' }) });
    return testLane(integration, transport, { path: { filter: compileFilter(filter), transport, target: targetOf(integration), ...rendererOf(integration, 'gate') } }).lane;
  });
  const begun = performance.now();
  const before = process.cpuUsage();
  const owned = lanes.map((lane) => lane.add(feed, 0, true));
  await until('all lanes are through', () => owned.every(({ cursor }) => cursor >= EVENTS), 600_000);
  const used = process.cpuUsage(before);
  const ms = performance.now() - begun;
  const delivered = lanes.reduce((sum, lane) => sum + lane.counters.delivered, 0);
  const filtered = lanes.reduce((sum, lane) => sum + lane.counters.filtered, 0);
  for (const lane of lanes) await lane.stop(0);
  await feed.stop();
  if (delivered !== EVENTS || delivered + filtered !== EVENTS * filters.length) throw new Error(`${delivered} of ${EVENTS} were delivered, ${filtered} filtered`);
  return { cpuUs: (used.user + used.system) / EVENTS, ms, delivered, filtered };
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const figures = new Map(Object.keys(CASES).map((name) => [name, { cpu: [] as number[], ms: [] as number[] }]));
// Interleaved, after a round that only warms up.
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, filters] of Object.entries(CASES)) {
    const { cpuUs, ms } = await measure(filters);
    if (round === 0) continue;
    figures.get(name)?.cpu.push(cpuUs);
    figures.get(name)?.ms.push(ms);
  }
}
const base = median(figures.get('one, all events')?.cpu ?? []);
const rows = [...figures].map(([name, { cpu, ms }]) => ({
  integrations: name,
  'CPU us per event': Math.round(median(cpu) * 100) / 100,
  'ratio to one': Math.round((median(cpu) / base) * 100) / 100,
  'events/s': Math.round(EVENTS / (median(ms) / 1000)),
}));
report('filters', { ...machine(), events: EVENTS, rounds: ROUNDS, note: 'engine alone: embedded log, routing, CEF rendering and lanes; the transport takes everything at once, so sockets are not in it' }, rows);
await fixture.dispose();
