import { afterEach, describe, expect, it } from '@jest/globals';
import type { EmbeddedEventLogOptions } from '../../../src/platform/event-log/embedded/embedded-event-log.js';
import type { ProducerKey } from '../../../src/contracts/producer-keys.js';
import { openTestEventLog, type TestEventLog } from '../../support/embedded-event-log.js';
import { append, record } from './event-log.contract.js';

const opened: TestEventLog[] = [];
async function open(options: Partial<EmbeddedEventLogOptions> = {}): Promise<TestEventLog> {
  const fixture = await openTestEventLog(options);
  opened.push(fixture);
  return fixture;
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map((fixture) => fixture.dispose()));
});
const key = (id: string, more: Partial<ProducerKey> = {}): ProducerKey => ({ key: `hr\n/hr\n${id}`, contentHash: 'ab'.repeat(32), eventId: `event-${id}`, partition: 3, offset: 2 ** 40, ...more });

describe('producer keys beside the embedded log', () => {
  it('remembers what was appended, and nothing else', async () => {
    const { log } = await open();
    await log.producerKeys.remember([key('1'), key('2', { contentHash: 'not hex' })]);
    const found = await log.producerKeys.find(['hr\n/hr\n1', 'hr\n/hr\n2', 'hr\n/hr\n3']);
    expect([...found.values()]).toEqual([key('1'), key('2', { contentHash: 'not hex' })]);
  });

  it('tells keys of up to a thousand octets apart, and longer ones too', async () => {
    const { log } = await open();
    const long = 'é'.repeat(700);
    await log.producerKeys.remember([key('', { key: `${long}1`, eventId: 'one' }), key('', { key: `${long}2`, eventId: 'two' }), key('', { key: 'x'.repeat(1000), eventId: 'three' })]);
    const found = await log.producerKeys.find([`${long}1`, `${long}2`, `${long}3`, 'x'.repeat(1000)]);
    expect([...found.values()].map(({ eventId }) => eventId)).toEqual(['one', 'two', 'three']);
  });

  it('forgets a key when its time is over, counts from the last time it was remembered, and gives the room back', async () => {
    let now = 1_000_000;
    const fixture = await open({ producerKeyMs: 10_000, clock: { now: () => now } });
    await fixture.log.producerKeys.remember([key('old'), key('renewed')]);
    now += 6000;
    await fixture.log.producerKeys.remember([key('renewed'), key('young')]);
    now += 5000;
    const ids = async (): Promise<string[]> => [...(await fixture.log.producerKeys.find(['hr\n/hr\nold', 'hr\n/hr\nrenewed', 'hr\n/hr\nyoung'])).values()].map(({ eventId }) => eventId);
    expect(await ids()).toEqual(['event-renewed', 'event-young']);
    await fixture.log.sweepProducerKeys();
    expect(await ids()).toEqual(['event-renewed', 'event-young']);
    now -= 5000;
    expect(await ids()).toEqual(['event-renewed', 'event-young']);
    now += 20_000;
    await fixture.log.sweepProducerKeys();
    now -= 20_000;
    expect(await ids()).toEqual([]);
  });

  it('remembers over a restart; a crash between the append and the key repeats an event and loses none', async () => {
    const fixture = await open();
    const [first] = await append(fixture.log, [record('k', 'first')]);
    await fixture.log.producerKeys.remember([key('first', { offset: first?.offset ?? -1 })]);
    await append(fixture.log, [record('k', 'second')]);
    const log = await fixture.reopen();
    const found = await log.producerKeys.find(['hr\n/hr\nfirst', 'hr\n/hr\nsecond']);
    expect([...found.keys()]).toEqual(['hr\n/hr\nfirst']);
    expect((await log.ranges()).reduce((sum, { next }) => sum + next, 0)).toBe(2);
  });

  it('is shared by the processes on one directory', async () => {
    const fixture = await open();
    const other = await fixture.another();
    await other.producerKeys.remember([key('1')]);
    expect((await fixture.log.producerKeys.find(['hr\n/hr\n1'])).size).toBe(1);
  });
});
