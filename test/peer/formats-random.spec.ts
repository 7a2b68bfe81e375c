import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { HeaderStyle, OutputType } from '../../src/model/integration.js';
import { formatFor } from '../../src/outward/formats/index.js';
import { runFormats } from '../soak/formats-run.js';
import { formatSettings } from '../support/format-settings.js';
import { IndependentParsers } from '../support/independent-parsers.js';
import { oneRecord } from '../support/one-record.js';
import { missingTools } from '../support/peer-tools.js';
import { difference, projectionOf } from '../support/projections/compare.js';
import { sampleEvent } from '../support/sample-events.js';

/** Random events through every format, read by parsers of other makes: what they received is what the projection says. The full size is `npm run soak:formats`: a million. */
const EVENTS = Number(process.env.TIDEGATE_TEST_RANDOM_EVENTS ?? 2000);

const skip = missingTools(['go', 'java', 'javac', 'mvn', 'python3']);
if (skip) console.warn(`random events by independent parsers are left out: ${skip}`);

(skip ? describe.skip : describe)('parsers of other makes', () => {
  let parsers: IndependentParsers;
  beforeAll(async () => {
    parsers = await IndependentParsers.start();
  }, 400_000);
  afterAll(() => parsers?.end());

  it(`read ${EVENTS} random events from every format as the projection says, whole, split and behind both headers`, async () => {
    const { compared, shown, split } = await runFormats({ seed: 20_261_129, events: EVENTS, longShare: 2, splitEvery: 2, independent: parsers });
    expect(shown).toEqual([]);
    expect(split).toBeGreaterThan(EVENTS / 10);
    const all = ['cef: ParCEFone 2.1.0, validating', 'json: Python json', 'ecs: Python json', 'ocsf: Python json, then the OCSF 1.8.0 schema by jsonschema 4.26.0', 'syslog behind rfc5424: go-syslog 4.5.0', 'syslog behind rfc3164: go-syslog 4.5.0'];
    expect(all.map((key) => [key, compared.get(key)?.events])).toEqual(all.map((key) => [key, EVENTS]));
    const inTurn = ['json', 'cef', 'leef', 'ocsf', 'ecs'].flatMap((outputType) => [`${outputType} behind rfc5424: go-syslog 4.5.0`, `${outputType} behind rfc3164: go-syslog 4.5.0`]);
    expect(inTurn.map((key) => [key, compared.get(key)?.events])).toEqual(inTurn.map((key) => [key, EVENTS / 10]));
    for (const key of ['cef: ParCEFone 2.1.0, validating, split', 'ocsf: Python json, then the OCSF 1.8.0 schema by jsonschema 4.26.0, split', 'syslog behind rfc5424: go-syslog 4.5.0, split']) expect(compared.get(key)?.records).toBeGreaterThanOrEqual(EVENTS / 500);
  }, 200_000);

  /** What a parser made of one record, or what it found wrong. */
  const read = async (outputType: OutputType, header: HeaderStyle, change: (text: string) => string): Promise<unknown> => {
    const text = oneRecord(formatFor(outputType).compile(formatSettings({ outputType, header })).render(sampleEvent('account.provisioned'), '3.1042')).text;
    let received: (() => unknown) | undefined;
    parsers.of(outputType, header)?.ask(Buffer.from(change(text)), (answer) => { received = answer; });
    await parsers.settled();
    try {
      return difference(projectionOf(outputType, sampleEvent('account.provisioned'), '3.1042'), received?.());
    } catch (error) {
      return error instanceof Error ? error.message : error;
    }
  };

  it.each<[string, OutputType, HeaderStyle, (text: string) => string, string | RegExp | null]>([
    ['a record as it is', 'cef', 'none', (text) => text, null],
    ['another value', 'cef', 'none', (text) => text.replace('externalId=', 'externalId=x'), /^\/externalId: expected "01/],
    ['a bare = in a value', 'cef', 'none', (text) => text.replace(' msg=', ' msg=evil=1 '), /^java.lang.StringIndexOutOfBounds/],
    ['a value longer than its key takes', 'cef', 'none', (text) => text.replace(' act=', ` act=${'x'.repeat(64)}`).replace('outcome=', `outcome=${'x'.repeat(64)}`), 'refused'],
    ['an event as it is', 'syslog', 'rfc5424', (text) => text, null],
    ['a bare bracket in a parameter', 'syslog', 'rfc5424', (text) => text.replace(' outcome="', ' outcome="]'), /to be escaped within param value/],
    ['a priority beyond 191', 'syslog', 'rfc5424', (text) => text.replace(/^<\d+>/, '<192>'), /expecting a priority value/],
    ['an object as it is', 'ocsf', 'none', (text) => text, null],
    ['an attribute that OCSF does not know', 'ocsf', 'none', (text) => text.replace('{', '{"evil":1,'), /'evil' was unexpected/],
    ['an activity that the class does not have', 'ocsf', 'none', (text) => text.replace('"activity_id":1,', '"activity_id":77,'), /activity_id: 77 is not one of/],
    ['a name that stands twice', 'json', 'none', (text) => text.replace('{', '{"id":"evil",'), /a name stands twice/],
    ['another value deep inside', 'ecs', 'none', (text) => text.replace('"outcome":"success"', '"outcome":"failure"'), /^\/event\/outcome/],
  ])('tell %s from what was meant', async (_name, outputType, header, change, found) => {
    const told = await read(outputType, header, change);
    if (typeof found === 'object' && found !== null) expect(told).toMatch(found);
    else expect(told).toBe(found);
  });
});
