import { expect, it } from '@jest/globals';
import { refusedEvents } from './built-chunk.js';

it('makes one dead letter of a split event, whichever of its parts the receiver refused', () => {
  const messages = [4, 5, 5, 5, 9];
  const refused = [{ index: 1, code: 'message-too-long' as const, reason: 'first' }, { index: 3, code: 'refused-by-receiver' as const, reason: 'third' }, { index: 4, code: 'message-too-long' as const, reason: 'other' }];
  expect(refusedEvents(refused, { messages, firstMessage: 0 })).toEqual([{ index: 5, code: 'message-too-long', reason: 'first' }, { index: 9, code: 'message-too-long', reason: 'other' }]);
});
