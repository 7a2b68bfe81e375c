import { afterEach, expect, it } from '@jest/globals';
import { EVENT_LOG, type EventLog } from '../../src/contracts/event-log.js';
import type { AuditEvent } from '../../src/model/audit-event.js';
import { sequenceOf } from '../../src/model/audit-event.js';
import { decodeEnvelope, encodeEnvelope } from '../../src/model/event-envelope.js';
import { eventTypeOf } from '../../src/model/event-types.js';
import { integrationSchema, type OutputType } from '../../src/model/integration.js';
import { formatSettingsOf } from '../../src/outward/delivery/shape.js';
import { formatFor } from '../../src/outward/formats/index.js';
import { testCertificates } from '../support/certificates.js';
import { hostileEvents } from '../support/hostile-events.js';
import { parseRecord } from '../support/parsers/record.js';
import { describeWithPeer } from '../support/peers.js';
import { Rsyslog, rsyslogMissing } from '../support/rsyslog.js';
import { SAMPLE_TYPES, sampleEvent } from '../support/sample-events.js';
import { startTestService, type TestService } from '../support/service.js';

const CHANNELS = [
  { name: 'udp', protocol: 'udp', framing: 'newline' },
  { name: 'tcp-newline', protocol: 'tcp', framing: 'newline' },
  { name: 'tcp-octets', protocol: 'tcp', framing: 'octet-counting' },
  { name: 'tls', protocol: 'tls', framing: 'octet-counting' },
] as const;
const OUTPUT_TYPES = ['syslog', 'json', 'cef'] as const;
const PACE_EVENTS = 10;

/** Everything that lies in the log, by id, with its sequence. */
async function stored(test: TestService): Promise<Map<string, { event: AuditEvent; sequence: string }>> {
  const log = test.service.application.app.get<EventLog>(EVENT_LOG, { strict: false });
  const events = new Map<string, { event: AuditEvent; sequence: string }>();
  for (const { partition, first, next } of await log.ranges()) {
    const reader = await log.openReader(partition, first, 'test');
    for (let position = first; position < next; ) {
      const batch = await reader.next();
      for (const record of batch.records) {
        const { event } = decodeEnvelope(record.value);
        events.set(event.id, { event, sequence: sequenceOf(partition, record.offset) });
      }
      position = batch.next;
    }
    await reader.close();
  }
  return events;
}

describeWithPeer('the whole service and rsyslog', rsyslogMissing('gtls'), () => {
  const open: Array<() => Promise<void>> = [];
  afterEach(async () => {
    for (const end of open.splice(0).reverse()) await end();
  });

  it('stores every type and the hostile corpus in every output type over udp, tcp in both framings and tls: one event in, one record out, octet for octet', async () => {
    const { authority, server } = await testCertificates();
    const rsyslog = await Rsyslog.start({ tls: { driver: 'gtls', ca: authority.certificate, certificate: server.certificate, key: server.key } });
    open.push(() => rsyslog.stop());
    const test = await startTestService();
    open.push(() => test.end());

    const events = [...SAMPLE_TYPES.filter((type) => eventTypeOf(type)?.reserved === false).map(sampleEvent), ...hostileEvents().filter((event) => eventTypeOf(event.type)?.reserved === false)];
    const types = [...new Set(events.map((event) => event.type))];
    const settings = new Map<string, { outputType: OutputType; body: Record<string, unknown> }>();
    for (const outputType of OUTPUT_TYPES) {
      for (const { name, protocol, framing } of CHANNELS) {
        const appName = `${outputType}-${name}`;
        const body = {
          name: appName, serverUrl: '127.0.0.1', port: protocol === 'tls' ? rsyslog.ports.tls : rsyslog.ports[protocol], protocol, framing, outputType,
          output: { appName, hostname: 'gate.example.org' }, filter: { types },
          ...(protocol === 'tls' ? { connection: { tls: { ca: authority.certificate, serverName: 'receiver.test' } } } : {}),
        };
        settings.set(appName, { outputType, body });
        await test.client.integrate(body);
      }
    }

    const sent = new Set<string>();
    const whole = events.map((event, index) => ({ ...event, id: `corpus-${index}` }));
    const refused: AuditEvent[] = [];
    for (let at = 0; at < whole.length; at += PACE_EVENTS) {
      const slice = whole.slice(at, at + PACE_EVENTS);
      const answer = await test.client.call<{ items?: Array<{ index: number; id: string; status: string; reason?: string }> }>('POST', '/api/v1/events', slice.map(({ receivedAt: _ours, ...event }) => event));
      const accepted = new Set((answer.body.items ?? []).filter((item) => item.status === 'accepted').map((item) => item.index));
      slice.forEach((event, index) => (accepted.has(index) ? sent.add(event.id) : refused.push(event)));
      // Paced, because a datagram that finds no room is gone.
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    expect(sent.size).toBeGreaterThan(20);
    // The door refuses what cannot be right (an address that is none, an event of a megabyte). Who writes the log himself is not stopped by it, and must still forge nothing.
    const eventLog = test.service.application.app.get<EventLog>(EVENT_LOG, { strict: false });
    for (const event of refused) {
      const [outcome] = await eventLog.append([{ key: 'hostile', value: encodeEnvelope({ event, producer: 'stranger', source: 'urn:stranger' }) }]);
      expect(outcome?.type).toBe('appended');
      sent.add(event.id);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(sent.size).toBe(whole.length);

    const expected = sent.size * settings.size;
    const records = await rsyslog.waitForRecords(expected, 60_000);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect((await rsyslog.records()).length).toBe(expected);

    const log = await stored(test);
    for (const [appName, { outputType, body }] of settings) {
      const own = records.filter((record) => record.appName === appName);
      expect([appName, own.length]).toEqual([appName, sent.size]);
      // A small connection section is enough to render: the secrets do not matter for the text.
      const { connection: _tls, ...rest } = body;
      const renderer = formatFor(outputType).compile(formatSettingsOf(integrationSchema.parse(rest), 'unused'));
      const seen = new Set<string>();
      for (const record of own) {
        const octets = Buffer.from(record.rawmsg, 'utf8');
        const read = parseRecord(octets, outputType, 'rfc5424');
        const id = read.id ?? '';
        const origin = log.get(id);
        expect(seen.has(id)).toBe(false);
        seen.add(id);
        expect(sent.has(id)).toBe(true);
        expect(origin).toBeDefined();
        if (!origin) continue;
        expect([read.type, read.sequence]).toEqual([origin.event.type, origin.sequence]);
        const rendered = renderer.render(origin.event, origin.sequence);
        expect(record.rawmsg).toBe(rendered.type === 'rendered' ? rendered.text : 'rejected');
      }
    }
  }, 120_000);
});
