import { expect, it } from '@jest/globals';
import { encodeEnvelope } from '../../model/event-envelope.js';
import { sampleEvent } from '../../model/sample-events.js';
import { testIntegration } from '../../../test/support/engine.js';
import { deliveryPathOf } from '../delivery/delivery-path.js';
import { EventBatch } from '../delivery/event-batch.js';
import { Rendering } from '../delivery/rendering.js';
import { buildChunk, refusedEvents } from './built-chunk.js';
import type { LanePartition, Lot } from './lane-partition.js';

it('makes one dead letter of a split event, whichever of its parts the receiver refused', () => {
  const messages = [4, 5, 5, 5, 9];
  const refused = [{ index: 1, code: 'message-too-long' as const, reason: 'first' }, { index: 3, code: 'refused-by-receiver' as const, reason: 'third' }, { index: 4, code: 'message-too-long' as const, reason: 'other' }];
  expect(refusedEvents(refused, { messages, firstMessage: 0 })).toEqual([{ index: 5, code: 'message-too-long', reason: 'first' }, { index: 9, code: 'message-too-long', reason: 'other' }]);
});

it('lets go of a rendering once the chunk with the last of its events was written', () => {
  const events = 40;
  const records = Array.from({ length: events }, (_, offset) => ({ partition: 0, offset, key: 'k', timestamp: 0, value: encodeEnvelope({ event: { ...sampleEvent('account.owner.changed'), id: `e-${offset}` }, producer: 'p', source: 's' }) }));
  const batch = EventBatch.parse({ partition: 0, next: events, records });
  const path = deliveryPathOf(testIntegration('one', {}), 'host');
  if ('cause' in path) throw new Error(path.cause);
  const rendering = Rendering.of(batch, path.shape, path.renderer);
  rendering.hold();
  const lot: Lot = { owner: {} as LanePartition, batch, rendering, indices: batch.types.map((_, index) => index), at: 0, end: events, bytes: 0, queuedAt: 0 };
  const held: boolean[] = [];
  for (let number = 0; lot.at < events; number++) {
    const { chunk, parts } = buildChunk([lot], path, number, 10_000);
    chunk.written?.();
    held.push(Rendering.of(batch, path.shape, path.renderer) === rendering);
    expect(parts[0]?.done).toBe(lot.at === events);
  }
  expect(held.length).toBeGreaterThan(1);
  expect(held).toEqual(held.map((_, at) => at < held.length - 1));
});
