import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { randomEvent } from '../../../test/support/random-events.js';
import { settingsFrom } from '../../config/settings.js';
import { silentLog } from '../../contracts/log.js';
import { eventTypeOf } from '../../model/event-types.js';
import { SAMPLE_TYPES, sampleEvent } from '../../model/sample-events.js';
import { Judges } from './judges.js';
import type { Judgement, RequestToJudge } from './request-judge.js';
import { RequestFault } from './request-fault.js';

const JSON_TYPE = { 'content-type': 'application/json' };
const BATCH_TYPE = { 'content-type': 'application/cloudevents-batch+json' };
const open: Judges[] = [];
const judges = (threadBytes: number, threadIdleMs = 30_000): Judges => {
  const one = new Judges(settingsFrom({ intake: { batchItems: 200, eventBytes: 65_536, threadBytes, threadIdleMs } }), silentLog);
  open.push(one);
  return one;
};
afterEach(() => Promise.all(open.splice(0).map((one) => one.onApplicationShutdown())));

const requestOf = (body: unknown, headers: RequestToJudge['headers'] = JSON_TYPE): RequestToJudge => ({
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), headers, producer: 'hr', source: 'tidegate:producer/hr', nowMs: Date.parse('2026-01-31T10:00:00.000Z'),
});

/** An id that is made anew each time is no difference. */
function comparable(judgement: Judgement): unknown {
  const anew = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;
  return { ...judgement, good: judgement.good.map(({ event, ...place }) => ({ ...place, event: { ...event, id: event.id.replace(anew, 'anew'), record: event.record.toString('utf8').replace(anew, 'anew') } })) };
}

async function said(by: Judges, request: RequestToJudge): Promise<unknown> {
  try {
    return comparable(await by.judge(request));
  } catch (error) {
    if (!(error instanceof RequestFault)) throw error;
    return { status: error.status, code: error.code, detail: error.detail, extra: error.extra };
  }
}

const events = SAMPLE_TYPES.filter((type) => eventTypeOf(type)?.reserved !== true).map((type) => {
  const { receivedAt: _ours, ...event } = sampleEvent(type);
  return event;
});
const envelope = { specversion: '1.0', id: 'c-1', source: 'urn:x', type: 'account.provisioned', data: { subject: { id: 'acc' } } };

describe('a request in the thread is judged as one here', () => {
  const requests: Record<string, RequestToJudge> = {
    'one event': requestOf({ type: 'account.provisioned', subject: { id: 'a' } }),
    'one of each type': requestOf(events),
    'good and bad ones': requestOf([events[0], { type: 'no.such.type' }, 5, { ...events[1], subject: 1 }, { type: 'siem.heartbeat' }, events[2]]),
    'one with every fault': requestOf({ type: 'account.provisioned', subject: { id: '' }, severity: 11, outcome: 'maybe' }),
    'a batch of CloudEvents': requestOf([envelope, { ...envelope, id: undefined }, { ...envelope, id: 'c-2', data: { subject: {} } }], BATCH_TYPE),
    'one in binary mode': requestOf({ subject: { id: 'a' } }, { ...JSON_TYPE, 'ce-specversion': '1.0', 'ce-id': 'b-1', 'ce-source': 'urn:x', 'ce-type': 'account.provisioned' }),
    'no JSON': requestOf('[{"a":1},{'),
    'no event': requestOf('[]'),
    'too many events': requestOf(Array.from({ length: 201 }, () => events[0])),
    'an event too large': requestOf([{ ...events[0], message: 'm'.repeat(70_000) }]),
    'another content type': requestOf('x', { 'content-type': 'text/plain' }),
  };
  it.each(Object.keys(requests))('%s', async (name) => {
    const request = requests[name];
    if (!request) throw new Error('no request');
    const here = await said(judges(0), request);
    expect(await said(judges(1), request)).toEqual(here);
  });

  it('whatever the events hold', async () => {
    const [here, thread] = [judges(0), judges(1)];
    await fc.assert(fc.asyncProperty(fc.array(randomEvent(1), { minLength: 1, maxLength: 5 }), async (sent) => {
      const request = requestOf(sent.map(({ receivedAt: _ours, ...event }) => event));
      expect(await said(thread, request)).toEqual(await said(here, request));
    }), { numRuns: 100 });
  });
});

interface Insides {
  thread: { terminate: () => Promise<number>; postMessage: (message: unknown) => void } | undefined;
}
const insides = (of: Judges): Insides => of as unknown as Insides;

describe('the thread', () => {
  const batch = requestOf(events);

  it('is not started for requests that are small', async () => {
    const one = judges(10_000_000);
    await one.judge(batch);
    expect(insides(one).thread).toBeUndefined();
  });

  it('judges each of many requests at a time once, with those that it has no room for judged here', async () => {
    const one = judges(1);
    const requests = Array.from({ length: 20 }, (_, index) => requestOf(events.map((event) => ({ ...event, id: `${index}-${event.id}`.slice(0, 40) }))));
    const judgements = await Promise.all(requests.map((request) => one.judge(request)));
    for (const [index, judgement] of judgements.entries()) {
      expect(judgement.good).toHaveLength(events.length);
      expect(judgement.good.every(({ event }) => event.id.startsWith(`${index}-`) && event.record.includes(`"id":"${event.id}"`))).toBe(true);
    }
  });

  it('that dies leaves no request without an answer, and the next one has a thread again', async () => {
    const one = judges(1);
    await one.judge(batch);
    const waiting = [one.judge(batch), one.judge(batch)];
    await insides(one).thread?.terminate();
    for (const judgement of await Promise.all(waiting)) expect(judgement.good).toHaveLength(events.length);
    expect(insides(one).thread).toBeUndefined();
    await one.judge(batch);
    expect(insides(one).thread).toBeDefined();
  });

  it('that meets a defect ends, and the request is judged here', async () => {
    const one = judges(1);
    await one.judge(batch);
    const waiting = one.judge(batch);
    insides(one).thread?.postMessage(null);
    expect((await waiting).good).toHaveLength(events.length);
  });

  it('without work ends', async () => {
    const one = judges(1, 20);
    await one.judge(batch);
    for (const giveUpAt = performance.now() + 10_000; insides(one).thread !== undefined && performance.now() < giveUpAt; ) await new Promise((wake) => setTimeout(wake, 10));
    expect(insides(one).thread).toBeUndefined();
    expect((await one.judge(batch)).good).toHaveLength(events.length);
  });

  it('is not asked any more once the service stops', async () => {
    const one = judges(1);
    const waiting = one.judge(batch);
    await one.onApplicationShutdown();
    expect((await waiting).good).toHaveLength(events.length);
    expect((await one.judge(batch)).good).toHaveLength(events.length);
  });
});
