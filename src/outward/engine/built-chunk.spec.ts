import { expect, it } from '@jest/globals';
import { encodeEnvelope } from '../../model/event-envelope.js';
import { sampleEvent } from '../../model/sample-events.js';
import { testIntegration } from '../../../test/support/engine.js';
import { deliveryPathOf, type DeliveryPath } from '../delivery/delivery-path.js';
import { EventBatch } from '../delivery/event-batch.js';
import { Rendering } from '../delivery/rendering.js';
import { buildChunk, refusedEvents } from './built-chunk.js';
import type { LanePartition, Lot } from './lane-partition.js';

it('makes one dead letter of a split event, whichever of its parts the receiver refused', () => {
  const messages = [4, 5, 5, 5, 9];
  const refused = [{ index: 1, code: 'message-too-long' as const, reason: 'first' }, { index: 3, code: 'refused-by-receiver' as const, reason: 'third' }, { index: 4, code: 'message-too-long' as const, reason: 'other' }];
  expect(refusedEvents(refused, { messages, firstMessage: 0 })).toEqual([{ index: 5, code: 'message-too-long', reason: 'first' }, { index: 9, code: 'message-too-long', reason: 'other' }]);
});

const path = (): DeliveryPath => {
  const found = deliveryPathOf(testIntegration('one', {}), 'host');
  if ('cause' in found) throw new Error(found.cause);
  return found;
};

/** All events of a batch, held by the lot. */
function lotOf(events: number, from: number, { shape, renderer }: DeliveryPath): Lot {
  const records = Array.from({ length: events }, (_, at) => ({ partition: 0, offset: from + at, key: 'k', timestamp: 0, value: encodeEnvelope({ event: { ...sampleEvent('account.owner.changed'), id: `e-${from + at}` }, producer: 'p', source: 's' }) }));
  const batch = EventBatch.parse({ partition: 0, next: from + events, records });
  const rendering = Rendering.of(batch, shape, renderer);
  rendering.hold();
  return { owner: {} as LanePartition, batch, rendering, indices: batch.types.map((_, index) => index), at: 0, end: batch.next, bytes: 0, queuedAt: 0, moreFollows: false };
}

const isHeld = ({ batch, rendering }: Lot, { shape, renderer }: DeliveryPath): boolean => Rendering.of(batch, shape, renderer) === rendering;

it('lets go of a rendering once the chunk with the last of its events was written', () => {
  const way = path();
  const lot = lotOf(40, 0, way);
  const held: boolean[] = [];
  for (let number = 0; lot.at < 40; number++) {
    const { chunk, parts } = buildChunk([lot], way, number, 10_000);
    expect(parts[0]?.done).toBe(lot.at === 40);
    chunk.written?.();
    held.push(isHeld(lot, way));
  }
  expect(held.length).toBeGreaterThan(1);
  expect(held).toEqual(held.map((_, at) => at < held.length - 1));
});

it('takes from several lots of a stream what one chunk holds, in their order and as one buffer where little comes of each', () => {
  const way = path();
  const lots = [lotOf(1, 0, way), lotOf(2, 5, way), lotOf(400, 9, way)];
  const { chunk, parts } = buildChunk(lots, way, 6);
  expect(parts.map(({ lot, done }) => [lots.indexOf(lot), done])).toEqual([[0, true], [1, true], [2, false]]);
  expect(chunk.number).toBe(7);
  expect(chunk.bytes).toBe(chunk.buffers.reduce((sum, { length }) => sum + length, 0));
  const ids: string[] = Buffer.concat(chunk.buffers).toString('utf8').match(/e-\d+/g) ?? [];
  expect(ids.filter((id, at) => ids.indexOf(id) === at).slice(0, 4)).toEqual(['e-0', 'e-5', 'e-6', 'e-9']);
  chunk.written?.();
  expect(lots.map((lot) => isHeld(lot, way))).toEqual([false, false, true]);
  const few = buildChunk([lotOf(1, 0, way), lotOf(1, 3, way)], way, 0).chunk;
  expect([few.events, few.buffers.length]).toEqual([2, 1]);
});

it('copies what lies scattered in short runs into one buffer; what lies side by side leaves as it lies', () => {
  const way = path();
  const scattered = { ...lotOf(40, 0, way), indices: [0, 3, 4, 9] };
  const { chunk } = buildChunk([scattered], way, 0);
  expect(chunk.buffers).toHaveLength(1);
  expect(Buffer.concat(chunk.buffers).toString('utf8').match(/e-\d+/g)?.filter((id, at, all) => all.indexOf(id) === at)).toEqual(['e-0', 'e-3', 'e-4', 'e-9']);
  const beside = lotOf(40, 0, way);
  const [run] = buildChunk([beside], way, 0).chunk.buffers;
  expect(run?.buffer).toBe(beside.rendering.bytes(0).buffer);
});
