import { expect, it } from '@jest/globals';
import { OUTPUT_TYPES } from '../../../src/model/integration.js';
import { runFormats } from '../../soak/formats-run.js';

/** The full size is `npm run soak:formats`: a million. */
const EVENTS = Number(process.env.TIDEGATE_TEST_PROJECTION_EVENTS ?? 1000);

it(`${EVENTS} random events come back from every format as its projection says, whole and split`, () => {
  const outcome = runFormats({ seed: 20_250_304, events: EVENTS, longShare: 4, splitEvery: 1 });
  for (const outputType of OUTPUT_TYPES) expect(outcome.records[outputType]).toBe(EVENTS);
  expect(outcome.split).toBeGreaterThan(EVENTS / 10);
}, 170_000);
