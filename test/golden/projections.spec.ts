import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { OUTPUT_TYPES } from '../../src/model/integration.js';
import { hostileEvent } from '../support/hostile-events.js';
import { projectionOf } from '../support/projections/compare.js';
import { SAMPLE_TYPES, sampleEvent } from '../support/sample-events.js';

/** What each format says a receiver gets of an event. Written down, so that the projection, too, changes only on purpose (`npm run golden:update`). */
const FOLDER = fileURLToPath(new URL('./projections', import.meta.url));
const events = [
  ...SAMPLE_TYPES.map(sampleEvent),
  hostileEvent('line-breaks', 'a\nb\r\nc\u0085d\u2028e\tf'), hostileEvent('escapes', '\\a=b|c"d]e'), hostileEvent('spaces', '  a  '), hostileEvent('surrogates', 'a\ud800b 😀'), hostileEvent('long', 'ü='.repeat(2000)),
];

describe.each(events.map((event, index) => ({ event, name: index < SAMPLE_TYPES.length ? event.type : `hostile-${event.id}` })))('the projection of $name', ({ event, name }) => {
  it('is what it was', () => {
    const path = `${FOLDER}/${name}.json`;
    const text = `${JSON.stringify(Object.fromEntries(OUTPUT_TYPES.map((outputType) => [outputType, projectionOf(outputType, JSON.parse(JSON.stringify(event)) as typeof event, '3.1042')])), null, 1)}\n`;
    if (process.env.TIDEGATE_GOLDEN_UPDATE === '1') {
      mkdirSync(FOLDER, { recursive: true });
      writeFileSync(path, text);
    }
    expect(text).toBe(existsSync(path) ? readFileSync(path, 'utf8') : 'no golden file: npm run golden:update');
  });
});
