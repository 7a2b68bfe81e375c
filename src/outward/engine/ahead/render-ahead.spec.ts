import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ScriptedTransport, testIntegration, testLane } from '../../../../test/support/engine.js';
import { formatSettings } from '../../../../test/support/format-settings.js';
import { randomEvent } from '../../../../test/support/random-events.js';
import { silentLog, type Log } from '../../../contracts/log.js';
import type { LogBatch } from '../../../contracts/event-log.js';
import type { AuditEvent } from '../../../model/audit-event.js';
import { encodeEnvelope } from '../../../model/event-envelope.js';
import { filterSection, outputSection, type Integration, type OutputType } from '../../../model/integration.js';
import { SAMPLE_TYPES, sampleEvent } from '../../../model/sample-events.js';
import { rendererOf } from '../../delivery/delivery-path.js';
import { EventBatch } from '../../delivery/event-batch.js';
import { compileFilter } from '../../delivery/event-filter.js';
import { Rendering } from '../../delivery/rendering.js';
import type { Shape } from '../../delivery/shape.js';
import { targetOf } from '../../delivery/target.js';
import { formatFor } from '../../formats/index.js';
import type { Lane } from '../lane.js';
import { batchFor } from './batch-for.js';
import { LEAST_EVENTS, RenderAhead, type WantedPath } from './render-ahead.js';

/** The members in the order in which the intake writes them, so that the record bears the mark of one that need not be parsed. */
const completed = ({ id, type, occurredAt, receivedAt, tenantId, actor, subject, objects, outcome, reason, correlationId, severity, message, attributes, changes }: AuditEvent): AuditEvent => ({
  id, type, occurredAt, receivedAt, tenantId, actor, subject, objects, outcome, reason, correlationId, severity, message, attributes, changes,
});
const logBatch = (events: readonly AuditEvent[]): LogBatch => ({
  partition: 3, next: events.length, end: events.length,
  records: events.map((event, offset) => ({ partition: 3, offset, key: 'k', timestamp: 0, value: encodeEnvelope({ event, producer: 'p', source: '/s' }) })),
});
const samples = (count: number): AuditEvent[] => Array.from({ length: count }, (_, at) => completed({ ...sampleEvent(SAMPLE_TYPES[at % SAMPLE_TYPES.length] ?? ''), id: `e-${at}`, message: `message ${at} äö \u20ac` }));
const FORMATS: OutputType[] = ['cef', 'syslog', 'leef', 'ecs', 'ocsf'];
const FRAMINGS = ['none', 'newline', 'octet-counting'] as const;
const pathOf = (outputType: OutputType, framing: Shape['framing'] = 'newline', wantsType: WantedPath['wantsType'] = () => true, maxBytes = 8096): WantedPath => {
  const format = formatSettings({ outputType, maxBytes, ...(outputType === 'ecs' || outputType === 'ocsf' ? { header: 'none' as const } : {}) });
  return { shape: { key: `${outputType} ${framing} ${maxBytes}`, format, framing }, renderer: formatFor(outputType).compile(format), wantsType };
};
/** Fails when it is asked: what was rendered elsewhere must not be rendered again. */
const neverAsked = (path: WantedPath): WantedPath => ({ ...path, renderer: { render: () => { throw new Error('rendered on demand'); } } });
/** Octets of each event on the wire, or why there are none. */
const sent = (batch: EventBatch, { shape, renderer }: WantedPath): Array<string | object> => Array.from({ length: batch.length }, (_, index) => {
  const rendering = Rendering.of(batch, shape, renderer);
  const measured = rendering.measure(index);
  return typeof measured === 'number' ? rendering.bytes(index).toString('latin1') : measured;
});

describe('rendering in a thread of its own', () => {
  const open: RenderAhead[] = [];
  const ahead = (log: Log = silentLog, entry?: string): RenderAhead => {
    const made = entry === undefined ? new RenderAhead(log) : new RenderAhead(log, entry);
    open.push(made);
    return made;
  };
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.stop()));
  });

  it('is octet for octet what rendering on demand makes of it, in every format and framing', async () => {
    const rendering = ahead();
    const batch = logBatch(samples(150));
    for (const outputType of FORMATS) {
      for (const framing of FRAMINGS) {
        const path = pathOf(outputType, framing);
        const here = sent(EventBatch.parse(batch, undefined, false), path);
        const there = EventBatch.parse(batch, undefined, true);
        await rendering.render(there, [path]);
        expect(sent(there, neverAsked(path))).toEqual(here);
      }
    }
  }, 60_000);

  it('is the same for random events, those among them that are split, too long or bear no mark', async () => {
    const rendering = ahead();
    let checked = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(randomEvent(10), { minLength: 3, maxLength: 8 }), fc.constantFrom(...FORMATS), fc.constantFrom(...FRAMINGS), fc.constantFrom(500, 1200, 8096), async (events, outputType, framing, maxBytes) => {
        const plain = samples(LEAST_EVENTS).map((event, at) => ({ ...event, message: events[at % events.length]?.message.replace(/[^ -~]/g, '?') ?? '' }));
        const batch = logBatch([...plain, ...events.map(completed)]);
        const path = pathOf(outputType, framing, undefined, maxBytes);
        const there = EventBatch.parse(batch, undefined, true);
        await rendering.render(there, [path]);
        checked += sent(there, path).filter((message, at) => {
          expect(message).toEqual(sent(EventBatch.parse(batch, undefined, false), path)[at]);
          return typeof message === 'string';
        }).length;
      }),
      { numRuns: 12, seed: 7 },
    );
    expect(checked).toBeGreaterThan(300);
  }, 60_000);

  it('serves several shapes at once, each with the types that somebody wants in it', async () => {
    const rendering = ahead();
    const [first = '', second = ''] = SAMPLE_TYPES;
    const batch = logBatch(samples(120));
    const [cef, syslog] = [pathOf('cef', 'newline', (type) => type === first), pathOf('syslog', 'octet-counting', (type) => type === second)];
    const there = EventBatch.parse(batch, undefined, true);
    await rendering.render(there, [neverAsked(cef), neverAsked(syslog)]);
    const here = EventBatch.parse(batch, undefined, false);
    const expected = (path: WantedPath) => sent(here, path).map((message, at) => (path.wantsType(here.types[at] ?? '') ? message : { code: 'not-renderable', reason: 'rendered on demand' }));
    expect(sent(there, neverAsked(cef))).toEqual(expected(cef));
    expect(sent(there, neverAsked(syslog))).toEqual(expected(syslog));
  });

  it('answers many batches at once, each with its own', async () => {
    const rendering = ahead();
    const path = pathOf('cef');
    const batches = Array.from({ length: 6 }, (_, number) => logBatch(samples(100).map((event) => ({ ...event, id: `b-${number}-${event.id}` }))));
    const there = batches.map((batch) => EventBatch.parse(batch, undefined, true));
    await Promise.all(there.map((batch) => rendering.render(batch, [path])));
    for (const [number, batch] of there.entries()) expect(sent(batch, path)).toEqual(sent(EventBatch.parse(batches[number] ?? logBatch([]), undefined, false), path));
  });

  it('leaves a small batch, and one in too many shapes, to whoever sends it', async () => {
    const rendering = ahead();
    expect(rendering.takes(LEAST_EVENTS, [pathOf('cef')])).toBe(true);
    expect(rendering.takes(LEAST_EVENTS - 1, [pathOf('cef')])).toBe(false);
    expect(rendering.takes(LEAST_EVENTS, [])).toBe(false);
    expect(rendering.takes(LEAST_EVENTS, FORMATS.map((format) => pathOf(format)))).toBe(false);
    const small = EventBatch.parse(logBatch(samples(5)), undefined, true);
    await rendering.render(small, [pathOf('cef')]);
    expect(small.renderings.size).toBe(0);
  });

  describe('that goes wrong', () => {
    const directory = mkdtempSync(join(tmpdir(), 'tidegate-ahead-'));
    const thread = (name: string, code: string): string => {
      writeFileSync(join(directory, name), code);
      return join(directory, name);
    };
    afterAll(() => rmSync(directory, { recursive: true, force: true }));

    it.each([
      ['ends', 'process.exit(3);'],
      ['throws', "require('node:worker_threads').parentPort.on('message', () => { throw new Error('broken'); });"],
      ['is not there', undefined],
    ])('because the thread %s costs nothing but the work, is told, and is not tried again at once', async (name, code) => {
      const told: string[] = [];
      const log: Log = { ...silentLog, warn: (_facts, message) => told.push(message), child: () => log };
      const rendering = ahead(log, code === undefined ? join(directory, 'nothing.cjs') : thread(`${name}.cjs`, code));
      const path = pathOf('cef');
      const batch = EventBatch.parse(logBatch(samples(80)), undefined, true);
      await rendering.render(batch, [path]);
      expect(sent(batch, path).every((message) => typeof message === 'string')).toBe(true);
      expect(told).toEqual(['rendering in a thread of its own failed; the engine renders by itself for a minute']);
      expect(rendering.takes(80, [path])).toBe(false);
    });

    it('lets nobody wait when it is stopped', async () => {
      const rendering = ahead(silentLog, thread('mute.cjs', "require('node:worker_threads').parentPort.on('message', () => undefined);"));
      const batch = EventBatch.parse(logBatch(samples(80)), undefined, true);
      const waiting = rendering.render(batch, [pathOf('cef')]);
      await rendering.stop();
      await waiting;
      expect(batch.renderings.size).toBe(0);
      expect(rendering.takes(80, [pathOf('cef')])).toBe(false);
    });
  });

  describe('for the lanes of a feed', () => {
    const lanes: Lane[] = [];
    afterEach(() => Promise.all(lanes.splice(0).map((lane) => lane.stop(0))));
    const lane = (more: Partial<Integration>): Lane => {
      const integration = testIntegration('i', more);
      const { lane: made } = testLane(integration, new ScriptedTransport(), { path: { filter: compileFilter(integration.filter), transport: new ScriptedTransport(), target: targetOf(integration), ...rendererOf(integration, 'host') } });
      lanes.push(made);
      return made;
    };
    const prepared = async (some: Lane[], eager = false): Promise<EventBatch> => batchFor(logBatch(samples(100)), some, { ahead: ahead() }, eager);
    const cef = { outputType: 'cef' as const, header: 'rfc5424' as const };

    it('prepares each shape once, and parses nothing here', async () => {
      const batch = await prepared([lane(cef), lane(cef), lane({ outputType: 'syslog', header: 'rfc5424' }), lane({ outputType: 'json' })]);
      expect(batch.renderings.size).toBe(2);
      expect(batch.stored(0)).toBeDefined();
    });

    it('prepares nothing where a lane asks for more than the type, where fields are masked, or after a fault', async () => {
      const asks = { filter: filterSection.parse({ outcomes: ['failure'] }) };
      expect(lane({ ...cef, ...asks }).filter.test).not.toBeNull();
      expect((await prepared([lane(cef), lane({ ...cef, ...asks })])).renderings.size).toBe(0);
      expect((await prepared([lane({ ...cef, output: outputSection.parse({ mask: [{ field: 'actor.name', action: 'drop' }] }) })])).renderings.size).toBe(0);
      const eager = await prepared([lane(cef)], true);
      expect([eager.renderings.size, eager.stored(0)]).toEqual([0, undefined]);
    });
  });
});
