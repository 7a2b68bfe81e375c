import { expect, it } from '@jest/globals';
import { OUTPUT_TYPES } from '../../../src/model/integration.js';
import { runFormats } from '../../soak/formats-run.js';

/** The full size is `npm run soak:formats`: a million. */
const EVENTS = Number(process.env.TIDEGATE_TEST_PROJECTION_EVENTS ?? 1000);

it(`${EVENTS} random events come back from every format as its projection says, whole and split`, async () => {
  const outcome = await runFormats({ seed: 20_250_304, events: EVENTS, longShare: 4, splitEvery: 1 });
  expect(outcome.shown).toEqual([]);
  for (const outputType of OUTPUT_TYPES) expect(outcome.compared.get(`${outputType}${outputType === 'syslog' ? ' behind rfc5424' : ''}: test parser`)?.events).toBe(EVENTS);
  expect(outcome.split).toBeGreaterThan(EVENTS / 10);
}, 170_000);
