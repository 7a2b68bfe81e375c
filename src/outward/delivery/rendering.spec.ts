import { describe, expect, it } from '@jest/globals';
import type { Renderer } from '../../contracts/format.js';
import { encodeEnvelope } from '../../model/event-envelope.js';
import { sampleEvent } from '../../model/sample-events.js';
import { connectionSection, filterSection, integrationSchema, outputSection, type Framing, type Protocol } from '../../model/integration.js';
import { EventBatch } from './event-batch.js';
import { Rendering } from './rendering.js';
import { frame, shapeOf, type Shape } from './shape.js';

const settings = (protocol: Protocol, framing: Framing, more: Record<string, unknown> = {}) =>
  integrationSchema.parse({ name: 'x', serverUrl: 'h', port: 514, protocol, framing, connection: connectionSection.parse({}), output: outputSection.parse({}), filter: filterSection.parse({}), ...more });
const shape = (framing: Shape['framing']): Shape => ({ ...shapeOf(settings(framing === 'none' ? 'udp' : 'tcp', framing === 'none' ? 'newline' : framing), 'host'), key: framing });
/** A batch of events whose rendering is the text at the same place. */
const batchOf = (count: number): EventBatch =>
  EventBatch.parse({
    partition: 3,
    next: 100 + count,
    records: Array.from({ length: count }, (_, at) => ({ partition: 3, offset: 100 + at, key: 'k', timestamp: 0, value: encodeEnvelope({ event: { ...sampleEvent('account.owner.changed'), id: `e-${at}` }, producer: 'p', source: 's' }) })),
  });
const texts = (list: readonly string[]): Renderer & { calls: number } => {
  const renderer = { calls: 0, render: (event: { id: string }) => (renderer.calls++, { type: 'rendered' as const, text: list[Number(event.id.slice(2))] ?? '', shortened: false }) };
  return renderer;
};
const HOSTILE = ['plain', 'Zoë 😀 ünïcode', '\ud800 lone', '', 'x'.repeat(70_000), '漢字'.repeat(3000), '\u2028 line'];

describe('renderings of a batch', () => {
  it.each(['octet-counting', 'newline', 'none'] as const)('hold the octets that the %s framing of each text has', (framing) => {
    const rendering = new Rendering(batchOf(HOSTILE.length), shape(framing), texts(HOSTILE));
    HOSTILE.forEach((text, index) => {
      const expected = framing === 'none' ? Buffer.from(text) : frame(text, framing, 'tcp');
      expect(rendering.bytes(index).equals(expected)).toBe(true);
      expect(rendering.measure(index)).toBe(expected.byteLength);
    });
  });

  it('count octets, not characters', () => {
    expect(new Rendering(batchOf(1), shape('octet-counting'), texts(['😀é'])).bytes(0).toString('utf8')).toBe('6 😀é');
  });

  it('leave as one buffer where they lie side by side, and never mixed up where they do not', () => {
    const list = Array.from({ length: 40 }, (_, at) => `event ${at} ${'ü'.repeat(at * 37)}`);
    const rendering = new Rendering(batchOf(40), shape('newline'), texts(list));
    const together: Buffer[] = [];
    rendering.appendAll(together, Array.from({ length: 20 }, (_, index) => index));
    expect(together).toHaveLength(1);
    expect(Buffer.concat(together).toString('utf8')).toBe(`${list.slice(0, 20).join('\n')}\n`);
    for (const order of [[0, 2, 4, 1, 3], [39, 0, 38, 1], [5, 5], [19, 20, 21]]) {
      const buffers: Buffer[] = [];
      rendering.appendAll(buffers, order);
      expect(Buffer.concat(buffers).toString('utf8')).toBe(order.map((index) => `${list[index]}\n`).join(''));
    }
  });

  it('are copied one behind the other, in any order', () => {
    const list = ['a', 'b', 'c'.repeat(3000), 'd', 'ü', 'f'];
    const rendering = new Rendering(batchOf(6), shape('newline'), texts(list));
    const all = Buffer.alloc(4000, '-');
    expect(rendering.copyAll(all, 1, [0, 4])).toBe(6);
    expect(rendering.copyAll(all, 6, [2, 3])).toBe(6 + 3001 + 2);
    expect(all.toString('utf8', 0, 6 + 3001 + 3)).toBe(`-a\nü\n${'c'.repeat(3000)}\nd\n-`);
  });

  it('keep what was rendered when a slab is full', () => {
    const list = Array.from({ length: 30 }, (_, at) => `${at}:${'y'.repeat(30_000)}`);
    const rendering = new Rendering(batchOf(30), shape('newline'), texts(list));
    const buffers: Buffer[] = [];
    rendering.appendAll(buffers, Array.from({ length: 30 }, (_, index) => index));
    expect(buffers.length).toBeGreaterThan(1);
    expect(Buffer.concat(buffers).toString('utf8')).toBe(`${list.join('\n')}\n`);
  });

  it.each(['octet-counting', 'newline', 'none'] as const)('keep the parts of a split event together, each framed as a message of its own (%s)', (framing) => {
    const parts = [['one'], ['two a', 'zwei ü', '三'.repeat(90_000)], ['three']];
    const split: Renderer = { render: ({ id }) => ({ type: 'parts', texts: parts[Number(id.slice(2))] ?? [] }) };
    const rendering = new Rendering(batchOf(3), shape(framing), split);
    const framed = parts.map((texts) => texts.map((text) => (framing === 'none' ? Buffer.from(text) : frame(text, framing, 'tcp'))));
    const run: Buffer[] = [];
    parts.forEach((_, index) => {
      const messages: Buffer[] = [];
      rendering.addMessages(messages, index);
      expect(messages.map(String)).toEqual(framed[index]?.map(String));
      expect(rendering.measure(index)).toBe(Buffer.concat(framed[index] ?? []).length);
    });
    rendering.appendAll(run, [0, 1, 2]);
    expect(Buffer.concat(run).equals(Buffer.concat(framed.flat()))).toBe(true);
  });

  it('are made once a shape, whoever asks', () => {
    const batch = batchOf(3);
    const renderer = texts(['a', 'b', 'c']);
    const other = texts(['a', 'b', 'c']);
    for (let round = 0; round < 3; round++) for (const index of [0, 1, 2]) Rendering.of(batch, shape('newline'), renderer).measure(index);
    Rendering.of(batch, shape('octet-counting'), other).measure(1);
    expect([renderer.calls, other.calls]).toEqual([3, 1]);
  });

  it('say why an event has none, also when the format throws', () => {
    const reject: Renderer = { render: (event) => (event.id === 'e-0' ? { type: 'reject', code: 'message-too-long', reason: 'too long' } : Object.assign((): never => { throw new TypeError('a bug'); }, {})()) };
    const rendering = new Rendering(batchOf(2), shape('newline'), reject);
    expect(rendering.measure(0)).toEqual({ code: 'message-too-long', reason: 'too long' });
    expect(rendering.measure(1)).toEqual({ code: 'not-renderable', reason: 'a bug' });
    expect(() => rendering.bytes(1)).toThrow(RangeError);
  });
});

describe('the shape of an integration', () => {
  it('is equal for all that the bytes depend on, and for nothing else', () => {
    const key = (value: ReturnType<typeof settings>) => shapeOf(value, 'host').key;
    const base = settings('tcp', 'newline');
    expect(key({ ...base, name: 'other', port: 9, serverUrl: 'elsewhere', connection: { ...base.connection, settleMs: 5 }, filter: filterSection.parse({ types: ['account.*'] }) })).toBe(key(base));
    expect(key(settings('tls', 'newline'))).toBe(key(base));
    for (const different of [settings('tcp', 'octet-counting'), settings('udp', 'newline'), settings('tcp', 'newline', { outputType: 'cef' }), settings('tcp', 'newline', { header: 'rfc3164' }), settings('tcp', 'newline', { output: { facility: 4 } }), settings('tcp', 'newline', { output: { maxBytes: 500 } })]) {
      expect(key(different)).not.toBe(key(base));
    }
    expect(shapeOf(base, 'one').key).not.toBe(shapeOf(base, 'two').key);
  });

  it('frames no datagram', () => {
    expect(frame('text', 'newline', 'udp').toString()).toBe('text');
    expect(shapeOf(settings('udp', 'newline'), 'host').framing).toBe('none');
  });

  it('give their memory back with the last who holds them, and are made anew for who asks after that', () => {
    const list = Array.from({ length: 400 }, (_, at) => `event ${at} ${'x'.repeat(900)}`);
    const [batch, of] = [batchOf(400), shape('newline')];
    const renderer = texts(list);
    const rendering = Rendering.of(batch, of, renderer);
    rendering.hold();
    rendering.hold();
    const before = rendering.bytes(7);
    rendering.release();
    expect(Rendering.of(batch, of, renderer)).toBe(rendering);
    expect(rendering.bytes(7).buffer).toBe(before.buffer);
    rendering.release();
    const anew = Rendering.of(batch, of, renderer);
    expect(anew).not.toBe(rendering);
    for (const late of [rendering, anew]) expect(late.bytes(9).toString('utf8')).toBe(`${list[9]}\n`);
    expect(renderer.calls).toBe(3);
  });
});
