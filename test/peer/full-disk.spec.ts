import { afterEach, expect, it } from '@jest/globals';
import { describeWithPeer } from '../support/peers.js';
import { Rsyslog, rsyslogMissing } from '../support/rsyslog.js';
import { eventually, producerEvents, startTestService } from '../support/service.js';

/** What an answer is worth: a receiver that reads and answers, and throws away because its disk is full, cannot be told from a good one by either. */
describeWithPeer('a receiver without room on its disk', rsyslogMissing('relp'), () => {
  const ends: Array<() => Promise<void>> = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  it('is told as having read or accepted, never as having stored; what comes after it was mended is stored', async () => {
    const rsyslog = await Rsyslog.start({ relp: true, storeIn: '/dev/full' });
    ends.push(() => rsyslog.stop());
    const test = await startTestService();
    ends.push(() => test.end());
    const filter = { types: ['account.*'] };
    const connection = { retryInitialMs: 50, retryMaxMs: 300 };
    const ways = new Map([
      [await test.client.integrate({ name: 'tcp', serverUrl: `tcp://127.0.0.1:${rsyslog.ports.tcp}`, outputType: 'json', filter, connection }), 'read'],
      [await test.client.integrate({ name: 'relp', serverUrl: `relp://127.0.0.1:${rsyslog.ports.relp}`, outputType: 'json', filter, connection }), 'accepted'],
    ]);
    const status = async (id: string) => (await test.client.ok<{ status: { delivered: number; evidence: string } }>('GET', `/api/v1/integrations/${id}`)).status;
    await test.client.ok('POST', '/api/v1/events', producerEvents('full', 200));
    for (const [id, evidence] of ways) {
      await eventually('everything was taken', async () => (await status(id)).delivered >= 200, 30_000);
      expect((await status(id)).evidence).toBe(evidence);
    }
    expect(await rsyslog.records()).toEqual([]);

    await rsyslog.kill();
    rsyslog.storeIn(undefined);
    await rsyslog.launch();
    await test.client.ok('POST', '/api/v1/events', producerEvents('room', 20));
    const records = await rsyslog.waitForRecords(40, 30_000);
    expect(records.filter(({ rawmsg }) => rawmsg.includes('"id":"room-')).length).toBe(40);
    const missing = 2 * 200 - records.filter(({ rawmsg }) => rawmsg.includes('"id":"full-')).length;
    console.log(`full disk: 400 deliveries were told as read or accepted, ${missing} of them were not on the disk afterwards`);
    expect(missing).toBe(400);
  }, 90_000);
});
