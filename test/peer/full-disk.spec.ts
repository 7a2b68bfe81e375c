import { afterEach, beforeAll, expect, it } from '@jest/globals';
import { appendFileSync } from 'node:fs';
import { HecIntake, hecIntakeMissing } from '../support/hec-intake.js';
import { OpenSearch, openSearchMissing } from '../support/opensearch.js';
import { describeWithPeer } from '../support/peers.js';
import { Rsyslog, rsyslogMissing } from '../support/rsyslog.js';
import { Client, eventually, producerEvents, startTestService, type TestService } from '../support/service.js';
import { SyslogNg, syslogNgMissing } from '../support/syslog-ng.js';

/** What an answer is worth where the disk is full: an intake over HTTP says no; a syslog receiver reads, answers and throws away, which only a search of the SIEM can show. */
const NO_ROOM = '/dev/full';
const FULL = 200;
/** `npm run soak:loss` writes down what it found, and has time to wait until OpenSearch measures its disk. */
const resultFile = process.env['TIDEGATE_TEST_LOSS_FILE'];

function tell(line: string): void {
  console.log(line);
  if (resultFile !== undefined) appendFileSync(resultFile, `${line}\n`);
}

const ends: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface SyslogReceiver {
  storeIn(file: string | undefined): void;
  kill(): Promise<void>;
  launch(): Promise<void>;
  records(): Promise<Array<{ rawmsg: string; appName: string }>>;
}

interface Way {
  receiver: SyslogReceiver;
  name: string;
  settings: Record<string, unknown>;
  evidence: 'read' | 'accepted';
  /** Whether its SIEM names what it misses, or counts only. */
  names: boolean;
}

interface Found {
  id: string;
  partition: number;
  offset: number;
  replay: string | undefined;
  /** What a heartbeat tells. */
  runs: Array<{ partition: number; from: number; to: number }>;
}

/** The saved search of a SIEM over what its receiver stored. */
async function search({ receiver, name }: Way): Promise<Found[]> {
  return (await receiver.records()).filter(({ appName }) => appName === name).map(({ rawmsg }) => {
    const { id, sequence, attributes } = JSON.parse(rawmsg.slice(rawmsg.indexOf('{'))) as { id: string; sequence: string; attributes: { replay?: string; partitions?: Found['runs'] } };
    const [partition = -1, offset = -1] = sequence.split('.').map(Number);
    return { id, partition, offset, replay: attributes.replay, runs: attributes.partitions ?? [] };
  });
}

const copies = (found: readonly Found[], prefix: string) => found.filter(({ id }) => id.startsWith(prefix));

describeWithPeer('a syslog receiver without room on its disk', rsyslogMissing('relp') ?? syslogNgMissing(), () => {
  it('is told as having read or accepted, never as having stored; receipts of its SIEM have exactly what is missing sent again, once', async () => {
    const rsyslog = await Rsyslog.start({ relp: true });
    ends.push(() => rsyslog.stop());
    const syslogNg = await SyslogNg.start();
    ends.push(() => syslogNg.stop());
    const receivers: SyslogReceiver[] = [rsyslog, syslogNg];
    const ways: Way[] = [
      { receiver: rsyslog, name: 'rsyslog-tcp', settings: { serverUrl: `tcp://127.0.0.1:${rsyslog.ports.tcp}` }, evidence: 'read', names: false },
      { receiver: rsyslog, name: 'rsyslog-relp', settings: { serverUrl: `relp://127.0.0.1:${rsyslog.ports.relp}` }, evidence: 'accepted', names: true },
      { receiver: syslogNg, name: 'syslog-ng-tcp', settings: { serverUrl: `tcp://127.0.0.1:${syslogNg.ports.tcpOctet}`, framing: 'octet-counting' }, evidence: 'read', names: false },
    ];
    const test = await startTestService({ evidence: { heartbeatLookMs: 100 }, engine: { commitIntervalMs: 50, heartbeatMs: 50 } });
    ends.push(() => test.end());
    await test.client.ok('POST', '/api/v1/users', { name: 'search', password: 'a-long-password-of-it', rights: ['receipts:write'] });
    const door = new Client(test.client.url, `Basic ${Buffer.from('search:a-long-password-of-it').toString('base64')}`);
    const ids = new Map<string, string>();
    for (const { name, settings } of ways) {
      ids.set(name, await test.client.integrate({ name, outputType: 'json', output: { appName: name }, filter: { types: ['account.*'] }, connection: { retryInitialMs: 50, retryMaxMs: 300, sealIntervalMs: 200, heartbeatSeconds: 1 }, ...settings }));
    }
    const idOf = ({ name }: Way) => ids.get(name) ?? '';
    /** Of one subject, so that they lie in one partition. */
    const send = async (prefix: string, count: number) => {
      const { items } = await test.client.ok<{ items: Array<{ partition: number; offset: number }> }>('POST', '/api/v1/events', producerEvents(prefix, count, 1));
      return { partition: items[0]?.partition ?? -1, first: items[0]?.offset ?? -1, end: (items.at(-1)?.offset ?? -1) + 1 };
    };
    const deliveredTo = (way: Way, { partition, end }: { partition: number; end: number }) => eventually(`${way.name} has taken everything`, async () => {
      const { positions } = await test.client.ok<{ positions: Array<{ partition: number; position: number }> }>('GET', `/api/v1/integrations/${idOf(way)}/status`);
      return positions.some((one) => one.partition === partition && one.position >= end);
    }, 30_000);
    const runsOf = async (way: Way, partition: number) => (await search(way)).flatMap(({ runs }) => runs.filter((run) => run.partition === partition));
    const anew = async (file: string | undefined) => {
      await Promise.all(receivers.map(async (receiver) => {
        await receiver.kill();
        receiver.storeIn(file);
        await receiver.launch();
      }));
    };

    const before = await send('before', 20);
    for (const way of ways) await eventually(`a heartbeat tells ${way.name} of what came before`, async () => (await runsOf(way, before.partition)).some(({ to }) => to >= before.end), 30_000);

    await anew(NO_ROOM);
    const full = await send('full', FULL);
    for (const way of ways) {
      await deliveredTo(way, full);
      expect([way.name, (await test.client.ok<{ status: { evidence: string } }>('GET', `/api/v1/integrations/${idOf(way)}`)).status.evidence]).toEqual([way.name, way.evidence]);
      expect([way.name, copies(await search(way), 'full-').length]).toEqual([way.name, 0]);
    }

    await anew(undefined);
    const room = await send('room', 20);
    for (const way of ways) {
      await deliveredTo(way, room);
      await eventually(`a heartbeat tells ${way.name} of what came afterwards`, async () => (await runsOf(way, room.partition)).some(({ to }) => to >= room.end), 30_000);
      // What the receiver had thrown away is not back by itself.
      expect([way.name, copies(await search(way), 'full-').length]).toEqual([way.name, 0]);
      expect(new Set(copies(await search(way), 'room-').map(({ id }) => id)).size).toBe(20);

      // Heartbeats tile the log: between two that it has lies what those told that it has not.
      const { partition } = full;
      const told = (await runsOf(way, partition)).sort((a, b) => a.from - b.from);
      const from = Math.max(...told.filter(({ to }) => to <= full.first).map(({ to }) => to));
      const to = Math.min(...told.filter((run) => run.from >= full.end).map((run) => run.from), ...told.filter((run) => run.to >= room.end).map((run) => run.to));
      const within = (found: readonly Found[]) => new Set(found.filter((one) => one.partition === partition && one.offset >= from && one.offset < to).map(({ id }) => id));
      const has = within(await search(way));
      const missing = Array.from({ length: FULL }, (_, number) => `full-${number}`).filter((id) => !has.has(id));
      const receipt = { integration: way.name, partition, from, to };
      const first = await door.ok<{ state: string; sent: number; found: number; replayId: string }>('POST', '/api/v1/receipts', { ...receipt, ...(way.names ? { missing } : { count: has.size }) });
      expect(first).toMatchObject({ state: 'replayed' });
      expect(first.sent - first.found).toBeGreaterThanOrEqual(FULL);
      await eventually('it was sent again', async () => (await test.client.ok<{ state: string }>('GET', `/api/v1/replays/${first.replayId}`)).state === 'done', 30_000);
      await eventually('it is stored', async () => new Set(copies(await search(way), 'full-').map(({ id }) => id)).size === FULL, 30_000);

      const after = await search(way);
      // Once each, all by this replay, and nothing that was not asked for.
      expect([way.name, copies(after, 'full-').length, copies(after, 'full-').every(({ replay }) => replay === first.replayId)]).toEqual([way.name, FULL, true]);
      expect(after.filter(({ replay, ...one }) => replay !== undefined && !(one.partition === partition && one.offset >= from && one.offset < to))).toEqual([]);
      if (way.names) expect(after.filter(({ replay }) => replay !== undefined).length).toBe(FULL);

      const second = await door.ok<{ state: string; sent: number }>('POST', '/api/v1/receipts', { ...receipt, ...(way.names ? { missing: missing.filter((id) => !within(after).has(id)) } : { count: within(after).size }) });
      expect([way.name, second]).toEqual([way.name, expect.objectContaining({ state: 'found', sent: first.sent })]);
      const { deliveries } = await test.client.ok<{ deliveries: Array<{ name: string; evidence: string }> }>('GET', `/api/v1/events/${partition}.${full.first}/deliveries`);
      expect(deliveries.find(({ name }) => name === way.name)?.evidence).toBe('found');
      expect((await test.client.ok<{ total: number }>('GET', `/api/v1/replays?integrationId=${idOf(way)}`)).total).toBe(1);
      tell(`full disk, ${way.name}: ${FULL} events told as ${way.evidence}, 0 of them stored; its SIEM ${way.names ? 'named' : 'counted'} ${missing.length} missing of ${first.sent} in ${partition}.${from} to ${partition}.${to - 1}; replayed once, ${copies(after, 'full-').length} stored, found`);
    }
  }, 150_000);
});

/** An intake that says no: nothing counts as delivered, everything arrives when there is room. */
async function waitsForRoom(settings: Record<string, unknown>, fill: () => Promise<void>, clear: () => Promise<void>, idsOf: () => Promise<string[]>): Promise<string> {
  const test: TestService = await startTestService();
  ends.push(() => test.end());
  await fill();
  const id = await test.client.integrate({ filter: { types: ['account.*'] }, ...settings });
  const status = async () => (await test.client.ok<{ status: { state: string; delivered: number; rejected: number; lastFailure: { code: string; cause: string } | null } }>('GET', `/api/v1/integrations/${id}`)).status;
  await test.client.ok('POST', '/api/v1/events', producerEvents('full', FULL));
  await eventually('it is told that nothing gets through', async () => (await status()).lastFailure !== null, 30_000);
  // Some tries more: none of them may pass for a delivery, nor make dead letters.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const { state, delivered, rejected, lastFailure } = await status();
  expect({ state, delivered, rejected }).toEqual({ state: expect.stringMatching(/retrying|fault/), delivered: 0, rejected: 0 });
  await clear();
  await eventually('everything is delivered', async () => (await status()).delivered === FULL, 60_000);
  await eventually('everything is stored', async () => new Set((await idsOf()).filter((one) => one.startsWith('full-'))).size === FULL, 15_000);
  expect((await status()).rejected).toBe(0);
  return `${FULL} events waited (${lastFailure?.code ?? ''}: ${lastFailure?.cause ?? ''}), 0 told as delivered; ${FULL} stored when there was room`;
}

const connection = { retryInitialMs: 100, retryMaxMs: 500 };

describeWithPeer('the HEC intake of the OpenTelemetry collector without room on its disk', hecIntakeMissing(), () => {
  beforeAll(() => HecIntake.prepare(), 900_000);

  it('says no, and nothing is told as delivered before there is room', async () => {
    const intake = await HecIntake.start();
    ends.push(() => intake.stop());
    const anew = async (file: string | undefined) => {
      await intake.kill();
      intake.storeIn(file);
      await intake.restart();
    };
    const told = await waitsForRoom(
      { name: 'hec', serverUrl: `http://127.0.0.1:${intake.port}`, protocol: 'splunk-hec', connection: { ...connection, http: { token: 'any' } } },
      () => anew(NO_ROOM), () => anew(undefined), async () => (await intake.records()).map(({ event }) => event.id),
    );
    tell(`full disk, splunk-hec: ${told}`);
  }, 120_000);
});

describeWithPeer('_bulk of OpenSearch without room on its disk', openSearchMissing(), () => {
  beforeAll(() => OpenSearch.prepare(), 900_000);

  it('says no by the block of its flood-stage watermark, and nothing is told as delivered before there is room', async () => {
    const node = await OpenSearch.start();
    ends.push(() => node.stop());
    await node.call('PUT', '/full', { settings: { number_of_replicas: 0, number_of_shards: 1 } });
    const isBlocked = async () => JSON.stringify(await node.call('GET', '/full/_settings')).includes('read_only_allow_delete');
    const fill = async (isFull: boolean) => {
      // The block that a node sets by itself when it finds its disk full, and takes away again; it looks every ten seconds.
      if (resultFile === undefined) return void (await node.call('PUT', '/full/_settings', { 'index.blocks.read_only_allow_delete': isFull ? true : null }));
      // So much room has no disk.
      const watermark = isFull ? '1000tb' : '1b';
      await node.call('PUT', '/_cluster/settings', { transient: {
        'cluster.info.update.interval': '10s', 'cluster.routing.allocation.disk.threshold_enabled': true,
        'cluster.routing.allocation.disk.watermark.low': watermark, 'cluster.routing.allocation.disk.watermark.high': watermark, 'cluster.routing.allocation.disk.watermark.flood_stage': watermark,
      } });
      await eventually('the node has measured its disk', async () => (await isBlocked()) === isFull, 60_000);
    };
    const told = await waitsForRoom(
      { name: 'bulk', serverUrl: `http://127.0.0.1:${node.port}`, protocol: 'elastic-bulk', connection: { ...connection, elastic: { index: 'full' } } },
      () => fill(true), () => fill(false),
      () => node.ids('full'),
    );
    tell(`full disk, elastic-bulk: ${told}`);
  }, 240_000);
});
