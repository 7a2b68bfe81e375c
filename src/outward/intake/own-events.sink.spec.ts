import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import { openTestIntake, type TestIntake } from '../../../test/support/intake.js';
import type { OwnEvent } from '../../contracts/event-sink.js';
import { EVENT_TYPES } from '../../model/event-types.js';
import { sampleEvent } from '../../model/sample-events.js';

let intake: TestIntake;
beforeAll(async () => {
  intake = await openTestIntake();
});
afterAll(() => intake.close());
afterEach(() => intake.faults.clear());

const own = (changes: Partial<OwnEvent> = {}): OwnEvent => ({
  id: v7(), type: 'audit.integration.update', occurredAt: '2025-03-04T05:06:07.890Z', actor: { kind: 'user', id: 'admin', name: 'admin' }, subject: { kind: 'integration', id: 'int-1', name: 'Production' }, ...changes,
});
const storedWith = async (id: string) => (await intake.stored()).filter(({ event }) => event.id === id);

describe('our own events', () => {
  it('of every reserved type are stored and completed, as produced by tidegate', async () => {
    const events = EVENT_TYPES.filter(({ reserved }) => reserved).map(({ id }) => ({ ...sampleEvent(id), id: v7() }));
    const outcomes = await intake.sink.publish(events);
    expect(outcomes.map(({ type }) => type)).toEqual(events.map(() => 'accepted'));
    expect(intake.faults.appends).toBe(1);
    const record = own();
    await intake.sink.publish([record]);
    expect(await storedWith(record.id)).toMatchObject([{ producer: 'tidegate', source: 'tidegate:producer/tidegate', event: { message: 'admin update integration Production', severity: 2, outcome: 'success', attributes: {}, changes: [] } }]);
  });

  it('come out of the log as they were given, undefined members left out', async () => {
    const event = { ...sampleEvent('mitigation.alert.failed'), id: v7(), tenantId: undefined };
    await intake.sink.publish([event]);
    const { receivedAt: _ours, tenantId: _absent, ...expected } = event;
    expect(await storedWith(event.id)).toMatchObject([{ event: expected }]);
  });

  it('are masked too', async () => {
    const event = own({ changes: [{ field: 'token', old: 'hunter2', new: 'hunter3' }] });
    await intake.sink.publish([event]);
    expect(event.changes).toEqual([{ field: 'token', old: 'hunter2', new: 'hunter3' }]);
    expect(await storedWith(event.id)).toMatchObject([{ event: { changes: [{ field: 'token', old: '***', new: '***' }] } }]);
  });

  it('repeated after a crash are recognised, also after a restart', async () => {
    const event = own();
    const [first] = await intake.sink.publish([event]);
    await intake.restart();
    expect(await intake.sink.publish([event])).toEqual([{ ...first, duplicate: true }]);
    expect(await storedWith(event.id)).toHaveLength(1);
  });

  it('wait while the log takes no more, and are refused with the reason when they are none', async () => {
    intake.faults.unavailable = () => ({ type: 'unavailable', code: 'log-full', reason: 'the disk is full', retryAfterMs: 1000 });
    const good = own();
    expect(await intake.sink.publish([own({ severity: 11 }), good, own({ type: 'nope' })])).toEqual([{ type: 'refused', reason: expect.stringContaining('/severity') }, { type: 'retry', reason: 'the disk is full' }, { type: 'refused', reason: expect.stringContaining('/type') }]);
    intake.faults.clear();
    expect(await intake.sink.publish([good])).toMatchObject([{ type: 'accepted', duplicate: false }]);
  });

  it('that come under a used id with other content are refused, not swallowed', async () => {
    const event = own();
    await intake.sink.publish([event]);
    expect(await intake.sink.publish([{ ...event, severity: 9 }])).toMatchObject([{ type: 'refused' }]);
    expect(await storedWith(event.id)).toHaveLength(1);
  });
});
