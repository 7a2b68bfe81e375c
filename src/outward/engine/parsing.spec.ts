import { describe, expect, it } from '@jest/globals';
import { compileFilter } from '../delivery/event-filter.js';
import { filterSection } from '../../model/integration.js';
import { parsingFor } from './parsing.js';

const byType = compileFilter(filterSection.parse({ types: ['account.*'] }));
const byTenant = compileFilter(filterSection.parse({ include: [{ name: 'tenant', conditions: [{ field: 'tenantId', operator: 'equals', value: 'a' }] }] }));
const lane = (shapeKey: string | undefined, filter = byType, sendsStored = false) => ({ shapeKey, filter, sendsStored });

describe('when events are parsed', () => {
  it.each([
    ['one lane', [lane('cef')], 'forgotten'],
    ['lanes of one shape', [lane('cef'), lane('cef')], 'forgotten'],
    ['lanes of two shapes', [lane('cef'), lane('leef')], 'kept'],
    ['lanes of two shapes, of which one sends events on as they lie', [lane('cef'), lane('json', byType, true)], 'forgotten'],
    ['a lane that has no way to deliver beside another', [lane(undefined), lane('cef')], 'forgotten'],
    ['a filter that asks for more than the type', [lane('json', byTenant, true)], 'kept'],
  ])('%s', (_what, lanes, parsing) => {
    expect(parsingFor(lanes)).toBe(parsing);
  });
});
