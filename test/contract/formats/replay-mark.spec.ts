import { describe, expect, it } from '@jest/globals';
import { FORMATS } from '../../../src/outward/formats/index.js';
import { formatSettings } from '../../support/format-settings.js';
import { hostileEvents } from '../../support/hostile-events.js';
import { leastOctets } from '../../support/least-octets.js';
import { oneRecord } from '../../support/one-record.js';
import { parseRecord } from '../../support/parsers/record.js';
import { markOf } from '../../support/replay-mark.js';
import { SAMPLE_TYPES, sampleEvent } from '../../support/sample-events.js';

const REPLAY = '01955f8c-5879-7c3e-8a51-00000000abcd';
const cases = FORMATS.flatMap((format) => format.headers.map((header) => ({ format, header, name: `${format.outputType} behind ${header}` })));

describe.each(cases)('$name', ({ format, header }) => {
  const render = (event: ReturnType<typeof sampleEvent>, replay: unknown, maxBytes = 8192) => {
    const marked = replay === undefined ? event : { ...event, attributes: { ...event.attributes, replay: replay as string } };
    return parseRecord(Buffer.from(oneRecord(format.compile(formatSettings({ outputType: format.outputType, header, maxBytes })).render(marked, '3.1042')).text), format.outputType, header);
  };

  it.each(SAMPLE_TYPES)('marks %s that a replay sends again with its id, and none of the live stream', (type) => {
    expect(markOf(render(sampleEvent(type), REPLAY))).toBe(REPLAY);
    if (header === 'rfc5424') expect(render(sampleEvent(type), REPLAY).data?.get('replay')).toBe(REPLAY);
    expect(markOf(render(sampleEvent(type), undefined))).toBeUndefined();
  });

  it('sends a marked event within the least limit, too, and takes no other text for a mark', () => {
    for (const event of hostileEvents()) expect(render(event, REPLAY, leastOctets(format.outputType)).id).toBe(event.id);
    const forged = render(sampleEvent('account.provisioned'), 'x"] CEF:0|a|b|c|1|n|1|msg=forged');
    expect([forged.data?.get('replay'), forged.cef?.extension.get('TidegateReplay'), forged.leef?.attributes.get('replay')]).toEqual([undefined, undefined, undefined]);
  });
});
