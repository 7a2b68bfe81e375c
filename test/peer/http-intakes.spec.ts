import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { HecIntake, hecIntakeMissing } from '../support/hec-intake.js';
import { mulberry32 } from '../support/kill-run.js';
import { OpenSearch, openSearchMissing } from '../support/opensearch.js';
import { describeWithPeer } from '../support/peers.js';
import { eventually, producerEvents, startTestService, type TestService } from '../support/service.js';

/** Real intakes over HTTP, killed by SIGKILL while events stream to them. Small here; the full size runs by `npm run soak:http`. */
const EVENTS = Number(process.env['TIDEGATE_TEST_HTTP_EVENTS'] ?? 4000);
const KILLS = Number(process.env['TIDEGATE_TEST_HTTP_KILLS'] ?? 3);
const BATCH = 200;
const SEED = 20261128;

interface Killed {
  kill(): Promise<void>;
  restart(): Promise<void>;
}

const rows: string[] = [];
const open: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const end of open.splice(0).reverse()) await end();
});
afterAll(() => {
  if (rows.length > 0) console.log(rows.join('\n'));
});

/** Posts events, and strikes the intake down at moments spread over them. @returns the ids that were accepted, in order */
async function stream(test: TestService, intake: Killed, kills: number): Promise<string[]> {
  const random = mulberry32(SEED);
  const strikes = Array.from({ length: kills }, (_, at) => Math.floor(((at + 0.2 + 0.6 * random()) * EVENTS) / kills / BATCH));
  const accepted: string[] = [];
  const events = producerEvents('peer', EVENTS, 50);
  let striking: Promise<void> = Promise.resolve();
  for (let at = 0; at < events.length; at += BATCH) {
    const { items } = await test.client.ok<{ items: Array<{ id: string; status: string }> }>('POST', '/api/v1/events', events.slice(at, at + BATCH));
    accepted.push(...items.filter(({ status }) => status === 'accepted').map(({ id }) => id));
    if (!strikes.includes(at / BATCH)) continue;
    await striking;
    const waitMs = random() * 60;
    striking = (async () => {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      await intake.kill();
      await intake.restart();
    })();
    // The stream goes on against the dead intake for a while.
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await striking;
  return accepted;
}

async function arrivedAll(test: TestService, id: string, count: number): Promise<{ repeated: number }> {
  let last = { delivered: 0, rejected: 0, repeated: 0 };
  await eventually(`${count} events are delivered`, async () => {
    const { status } = await test.client.ok<{ status: typeof last }>('GET', `/api/v1/integrations/${id}`);
    last = status;
    return last.delivered + last.rejected >= count;
  }, 120_000 + KILLS * 30_000);
  expect(last.rejected).toBe(0);
  return { repeated: last.repeated };
}

const settings = (name: string, port: number, more: object) => ({ name, serverUrl: `http://127.0.0.1:${port}`, filter: { types: ['account.provisioned'] }, ...more });
const connection = { retryInitialMs: 100, retryMaxMs: 1000 };

describeWithPeer('the Splunk HEC intake of the OpenTelemetry collector', hecIntakeMissing(), () => {
  beforeAll(() => {
    HecIntake.prepare();
  }, 900_000);

  it(`gets every one of ${EVENTS} events although it is killed ${KILLS} times, repeats under the same id`, async () => {
    const intake = await HecIntake.start();
    open.push(() => intake.stop());
    const test = await startTestService();
    open.push(() => test.end());
    const id = await test.client.integrate(settings('hec', intake.port, { protocol: 'splunk-hec', connection: { ...connection, http: { token: 'any', gzip: true, batchWaitMs: 20, batchEvents: 100 }, splunk: { index: 'identity' } } }));
    const tried = await test.client.ok<{ ok: boolean; evidence: string }>('POST', `/api/v1/integrations/${id}/test`);
    expect(tried).toMatchObject({ ok: true, evidence: 'accepted' });

    const accepted = await stream(test, intake, KILLS);
    expect(accepted).toHaveLength(EVENTS);
    const { repeated } = await arrivedAll(test, id, EVENTS);
    const records = (await intake.records()).filter(({ event }) => event.id.startsWith('peer-'));
    const contents = new Map<string, Set<string>>();
    for (const { event } of records) contents.set(event.id, (contents.get(event.id) ?? new Set()).add(JSON.stringify(event)));
    rows.push(`splunk-hec (OpenTelemetry splunkhecreceiver): ${EVENTS} events, ${KILLS} kills, lost ${accepted.filter((one) => !contents.has(one)).length}, duplicates ${records.length - contents.size}, sent again ${repeated}`);
    expect(accepted.filter((one) => !contents.has(one))).toEqual([]);
    expect(contents.size).toBe(EVENTS);
    // What came twice is the same event.
    expect([...contents.values()].every((texts) => texts.size === 1)).toBe(true);
    const [first] = records;
    expect(first).toMatchObject({ fields: { tidegate_id: first?.event.id }, resource: { 'com.splunk.source': 'tidegate', 'com.splunk.sourcetype': '_json', 'com.splunk.index': 'identity' } });
    expect(Math.abs((first?.time ?? 0) - Date.parse('2026-11-02T10:11:12.345Z'))).toBeLessThanOrEqual(1);
  }, 300_000 + EVENTS * 5 + KILLS * 30_000);
});

describeWithPeer('_bulk of OpenSearch', openSearchMissing(), () => {
  beforeAll(() => {
    OpenSearch.prepare();
  }, 900_000);

  it(`has every one of ${EVENTS} events once although it is killed ${KILLS} times; what it cannot map becomes a dead letter with its reason`, async () => {
    const node = await OpenSearch.start();
    open.push(() => node.stop());
    await node.call('PUT', '/identity', { settings: { number_of_replicas: 0, number_of_shards: 1 }, mappings: { properties: { attributes: { properties: { number: { type: 'integer' } } } } } });
    const test = await startTestService();
    open.push(() => test.end());
    const id = await test.client.integrate(settings('bulk', node.port, { protocol: 'elastic-bulk', connection: { ...connection, http: { batchWaitMs: 20, batchEvents: 100 }, elastic: { index: 'identity' } } }));
    const tried = await test.client.ok<{ ok: boolean; evidence: string }>('POST', `/api/v1/integrations/${id}/test`);
    expect(tried).toMatchObject({ ok: true, evidence: 'accepted' });

    const accepted = await stream(test, node, KILLS);
    expect(accepted).toHaveLength(EVENTS);
    const { repeated } = await arrivedAll(test, id, EVENTS);
    const stored = (await node.documents('identity')).filter(({ _id }) => _id.startsWith('peer-'));
    const ids = new Set(stored.map(({ _id }) => _id));
    rows.push(`elastic-bulk (OpenSearch): ${EVENTS} events, ${KILLS} kills, lost ${accepted.filter((one) => !ids.has(one)).length}, duplicates ${stored.length - ids.size}, sent again ${repeated}`);
    expect(accepted.filter((one) => !ids.has(one))).toEqual([]);
    expect(stored).toHaveLength(EVENTS);
    expect(stored[0]?._source).toMatchObject({ '@timestamp': '2026-11-02T10:11:12.345Z', id: stored[0]?._id, type: 'account.provisioned' });

    const [bad = {}, good = {}] = producerEvents('mapped', 2);
    await test.client.ok('POST', '/api/v1/events', [{ ...bad, attributes: { domain: 'd', request: 'r', number: 'not a number' } }, good]);
    await eventually('the dead letter', async () => (await test.client.ok<{ total: number }>('GET', `/api/v1/dead-letters?integrationId=${id}`)).total === 1);
    const { items } = await test.client.ok<{ items: Array<{ eventId: string; code: string; reason: string }> }>('GET', `/api/v1/dead-letters?integrationId=${id}`);
    expect(items[0]).toMatchObject({ eventId: 'mapped-0', code: 'refused-by-receiver', reason: expect.stringContaining('mapper_parsing_exception') });
    await eventually('the good one', async () => (await node.documents('identity')).some(({ _id }) => _id === 'mapped-1'));
  }, 420_000 + EVENTS * 5 + KILLS * 60_000);
});
