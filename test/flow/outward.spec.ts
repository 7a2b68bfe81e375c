import { afterEach, describe, expect, it } from '@jest/globals';
import { LoopbackReceiver } from '../../src/demo/loopback-receiver.js';
import { EVENT_TYPES } from '../../src/model/event-types.js';
import { sampleEvent } from '../../src/model/sample-events.js';
import { eventually, producerEvents, startTestService, type TestService } from '../support/service.js';

interface Json {
  id: string;
  type: string;
  sequence: string;
  subject: { id: string };
  attributes: { number: number };
}

describe('events on their way to SIEMs', () => {
  const open: Array<{ end(): Promise<void> }> = [];
  const service = async (...args: Parameters<typeof startTestService>): Promise<TestService> => {
    const started = await startTestService(...args);
    open.push(started);
    return started;
  };
  const receiver = async (...args: Parameters<typeof LoopbackReceiver.start>): Promise<LoopbackReceiver> => {
    const started = await LoopbackReceiver.start(...args);
    open.push({ end: () => started.stop() });
    return started;
  };
  afterEach(async () => {
    for (const one of open.splice(0)) await one.end();
  });

  /** JSON bodies behind a syslog header. */
  const bodies = (from: LoopbackReceiver): Json[] => from.texts.map((text) => JSON.parse(text.slice(text.indexOf('{'))) as Json).filter((event) => !event.type.startsWith('audit.') && !event.type.startsWith('siem.'));
  const json = (port: number, more: Record<string, unknown> = {}) => ({ name: `json-${port}`, serverUrl: `tcp://127.0.0.1:${port}`, outputType: 'json', connection: { retryInitialMs: 20, retryMaxMs: 200, settleMs: 50, sealIntervalMs: 200 }, ...more });
  const publish = async (test: TestService, events: Array<Record<string, unknown>>): Promise<void> => {
    for (let at = 0; at < events.length; at += 500) {
      const answer = await test.client.call('POST', '/api/v1/events', events.slice(at, at + 500));
      expect(answer.status).toBe(202);
    }
  };
  const inOrderPerSubject = (events: Json[]): boolean => {
    const last = new Map<string, number>();
    return events.every((event) => {
      const before = last.get(event.subject.id) ?? -1;
      last.set(event.subject.id, event.attributes.number);
      return event.attributes.number > before;
    });
  };

  it('delivers one event of each type as Syslog, JSON and CEF to three integrations', async () => {
    const test = await service();
    const [syslog, asJson, cef] = [await receiver({ protocol: 'tcp' }), await receiver({ protocol: 'tcp' }), await receiver({ protocol: 'udp' })];
    await test.client.integrate({ name: 'a', serverUrl: `tcp://127.0.0.1:${syslog.port}` });
    await test.client.integrate(json(asJson.port));
    await test.client.integrate({ name: 'c', serverUrl: `udp://127.0.0.1:${cef.port}`, outputType: 'cef' });
    const types = EVENT_TYPES.filter((type) => !type.reserved).map((type) => type.id);
    await publish(test, [...types, 'audit.user.update'].map((type, index) => {
      const { receivedAt: _filledIn, ...event } = sampleEvent(type);
      return { ...event, id: `each-${index}` };
    }));
    for (const one of [syslog, asJson, cef]) {
      await one.until(() => types.every((_, index) => one.texts.filter((text) => text.includes(`each-${index}`)).length >= 1), 15_000, 'every type');
    }
    for (const [index, type] of types.entries()) {
      expect(syslog.texts.find((text) => text.includes(`id="each-${index}"`))).toContain(` ${type} [tidegate@32473 `);
      expect(cef.texts.find((text) => text.includes(`externalId=each-${index} `) || text.endsWith(`externalId=each-${index}`))).toContain(`CEF:0|Tidegate|Tidegate|1|${EVENT_TYPES[index]?.cefId}|`);
      expect(bodies(asJson).find((event) => event.id === `each-${index}`)?.type).toBe(type);
    }
  });

  it('gives every integration the same sequence for an event: its position in the log', async () => {
    const test = await service();
    const [one, two] = [await receiver({ protocol: 'tcp' }), await receiver({ protocol: 'tcp' })];
    await test.client.integrate(json(one.port));
    await test.client.integrate(json(two.port, { framing: 'octet-counting' }));
    const answer = await test.client.ok<{ items: Array<{ id: string; position: string }> }>('POST', '/api/v1/events', producerEvents('same', 20));
    for (const each of [one, two]) await each.until(() => bodies(each).length >= 20, 15_000, '20 events');
    for (const item of answer.items) {
      expect(bodies(one).find((event) => event.id === item.id)?.sequence).toBe(item.position);
      expect(bodies(two).find((event) => event.id === item.id)?.sequence).toBe(item.position);
    }
  });

  it('does not let a dead integration delay another, and gives it everything in order when it comes back', async () => {
    const test = await service();
    const healthy = await receiver({ protocol: 'tcp' });
    const dead = await receiver({ protocol: 'tcp' });
    const { port } = dead;
    await test.client.integrate(json(healthy.port));
    await test.client.integrate(json(port, { name: 'dead' }));
    await dead.stop();
    await publish(test, producerEvents('dead', 3000));
    await healthy.until(() => bodies(healthy).length >= 3000, 20_000, '3000 events');
    const status = await test.client.ok<{ items: Array<{ name: string; status: { state: string; lastFailure: { code: string; fix: string } | null } }> }>('GET', '/api/v1/integrations?search=dead');
    expect(['retrying', 'fault']).toContain(status.items[0]?.status.state);
    expect(status.items[0]?.status.lastFailure?.code).toBe('connection-refused');
    const again = await receiver({ protocol: 'tcp', port });
    await again.until(() => bodies(again).length >= 3000, 20_000, '3000 events');
    expect(inOrderPerSubject(bodies(again))).toBe(true);
    expect(new Set(bodies(again).map((event) => event.id)).size).toBe(3000);
    expect(inOrderPerSubject(bodies(healthy))).toBe(true);
  });

  it('leaves an integration behind that does not read, and lets it catch up with bounded memory', async () => {
    const test = await service({ engine: { queueBytes: 65_536, inFlightBytes: 2_097_152 } });
    const [fast, slow] = [await receiver({ protocol: 'tcp' }), await receiver({ protocol: 'tcp', faults: { neverReads: true } })];
    await test.client.integrate(json(fast.port));
    await test.client.integrate(json(slow.port, { name: 'slow' }));
    await publish(test, producerEvents('slow', 20_000));
    await fast.until(() => bodies(fast).length >= 20_000, 100_000, '20000 events');
    slow.misbehave({ neverReads: false });
    await slow.until(() => new Set(bodies(slow).map((event) => event.id)).size >= 20_000, 100_000, '20000 events');
    expect(inOrderPerSubject(bodies(fast))).toBe(true);
  }, 240_000);

  it('sends only the types that the filter names, and moves on past the others', async () => {
    const test = await service();
    const one = await receiver({ protocol: 'tcp' });
    const id = await test.client.integrate(json(one.port, { filter: { types: ['account.renewal.required'] } }));
    await publish(test, producerEvents('filtered', 100));
    const { receivedAt: _filledIn, ...renewal } = sampleEvent('account.renewal.required');
    await publish(test, [{ ...renewal, id: 'wanted' }]);
    await one.until(() => one.texts.some((text) => text.includes('wanted')), 15_000, 'the wanted event');
    expect(one.received).toBe(1);
    await eventually('the backlog is gone', async () => {
      const { status } = await test.client.ok<{ status: { backlog: number; delivered: number } }>('GET', `/api/v1/integrations/${id}`);
      return status.backlog === 0 && status.delivered === 1;
    });
  });

  it('tells before a change what it would have meant for the last events', async () => {
    const test = await service();
    const { id } = await test.client.ok<{ id: string }>('POST', '/api/v1/integrations', json(9));
    await publish(test, producerEvents('previewed', 60));
    const { difference } = await test.client.ok<{ difference: { events: { looked: number; complete: boolean }; noLongerSent: { byType: Record<string, number> } } }>('POST', `/api/v1/integrations/${id}/preview`, { proposed: { filter: { types: ['user.*'] } }, lastEvents: 500 });
    expect(difference.events.complete).toBe(true);
    expect(difference.noLongerSent.byType['account.provisioned']).toBe(60);
  });

  it('goes on where it stopped after a restart: nothing lost, nothing repeated after a stop in order', async () => {
    const test = await service();
    const one = await receiver({ protocol: 'tcp' });
    await test.client.integrate(json(one.port));
    await publish(test, producerEvents('before', 500));
    await one.until(() => bodies(one).length >= 500, 15_000, '500 events');
    await test.restart();
    await publish(test, producerEvents('after', 500));
    await one.until(() => bodies(one).length >= 1000, 15_000, '1000 events');
    expect(bodies(one).map((event) => event.id).filter((id, at, all) => all.indexOf(id) !== at)).toEqual([]);
  });

  it('delivers what was accepted before the restart and not yet sent', async () => {
    const test = await service();
    const dead = await receiver({ protocol: 'tcp' });
    const { port } = dead;
    await test.client.integrate(json(port));
    await dead.stop();
    await publish(test, producerEvents('waiting', 700));
    await test.restart();
    const again = await receiver({ protocol: 'tcp', port });
    await again.until(() => bodies(again).length >= 700, 20_000, '700 events');
    expect(inOrderPerSubject(bodies(again))).toBe(true);
  });

  it('takes a change of the destination over while events flow, and loses none', async () => {
    const test = await service();
    const [first, second] = [await receiver({ protocol: 'tcp' }), await receiver({ protocol: 'tcp' })];
    const id = await test.client.integrate(json(first.port));
    const events = producerEvents('moving', 6000);
    for (let at = 0; at < events.length; at += 500) {
      await publish(test, events.slice(at, at + 500));
      if (at === 2500) await test.client.ok('PATCH', `/api/v1/integrations/${id}`, { port: second.port });
    }
    const got = () => new Set([...bodies(first), ...bodies(second)].map((event) => event.id)).size;
    await eventually('all events at one of the two', () => got() >= 6000, 20_000);
    expect(second.received).toBeGreaterThan(0);
  });

  it('stops cleanly when an integration is deleted while it is sending', async () => {
    const test = await service();
    const [one, other] = [await receiver({ protocol: 'tcp', faults: { readDelayMs: 5 } }), await receiver({ protocol: 'tcp' })];
    const id = await test.client.integrate(json(one.port));
    await test.client.integrate(json(other.port, { name: 'other' }));
    await publish(test, producerEvents('deleted', 4000));
    await one.until(() => one.received > 10, 15_000, 'some events');
    await test.client.ok('DELETE', `/api/v1/integrations/${id}`);
    await other.until(() => bodies(other).length >= 4000, 20_000, '4000 events');
    await eventually('the connection ended', () => one.connections === 0);
    expect(one.unfinishedFrames).toBe(0);
    expect((await test.client.call('GET', `/api/v1/integrations/${id}`)).status).toBe(404);
  });

  it('makes an event that can never be sent a stored, counted dead letter, and goes on', async () => {
    const test = await service();
    const one = await receiver({ protocol: 'udp' });
    const id = await test.client.integrate({ name: 'small', serverUrl: `udp://127.0.0.1:${one.port}`, outputType: 'json', output: { maxBytes: 1000, oversize: 'reject' }, filter: { types: ['account.*'] } });
    const events = producerEvents('letters', 10);
    events[4] = { ...events[4], attributes: { domain: 'example.com', text: 'x'.repeat(5000) } };
    await publish(test, events);
    await one.until(() => bodies(one).length >= 9, 15_000, 'nine events');
    await eventually('the dead letter is listed', async () => {
      const letters = await test.client.ok<{ total: number; items: Array<{ eventId: string; code: string; reason: string; rendered: string; renderedCut: boolean; event: string; version: number }> }>('GET', `/api/v1/dead-letters?integrationId=${id}`);
      const [letter] = letters.items;
      if (letters.total !== 1 || letter?.eventId !== 'letters-4' || letter.code !== 'message-too-long') return false;
      // As it would have left, header included; the event itself beside it.
      expect(letter.rendered).toMatch(/^<\d+>1 .*\{"id":"letters-4".*x{5000}/);
      expect(JSON.parse(letter.event)).toMatchObject({ id: 'letters-4', attributes: { domain: 'example.com' } });
      expect(letter).toMatchObject({ renderedCut: false, version: 2 });
      return true;
    });
    await eventually('it is counted', async () => {
      const { status } = await test.client.ok<{ status: { rejected: number; backlog: number } }>('GET', `/api/v1/integrations/${id}`);
      return status.rejected === 1 && status.backlog === 0;
    });
  });
});
