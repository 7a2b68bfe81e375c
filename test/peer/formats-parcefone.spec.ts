import { beforeAll, describe, expect, it } from '@jest/globals';
import { parseCef, unescapeCefValue } from '../support/parsers/cef.js';
import { oneSpelling } from '../support/independent-parsers.js';
import { parcefone, type PeerParser } from '../support/peer-parsers.js';
import { missingTools, parseWith } from '../support/peer-tools.js';
import { renderedCorpus } from '../support/rendered-corpus.js';

/** ParCEFone 2.1.0, validating: it refuses no sample and no hostile event, and reads the fields that our own strict parser reads. It leaves escapes in values as they are. */
const skip = missingTools(['java', 'javac', 'mvn']);
if (skip) console.warn(`ParCEFone is left out: ${skip}`);

(skip ? describe.skip : describe)('ParCEFone', () => {
  let parser: PeerParser;
  beforeAll(() => {
    parser = parcefone();
  }, 310_000);

  it.each([8192, 1400, 480])('reads every CEF event of at most %i octets as we mean it', (maxBytes) => {
    const corpus = renderedCorpus('cef', 'none', maxBytes);
    const lines = parseWith(parser.command, parser.options, Buffer.concat(corpus.flatMap(({ octets }) => [octets, Buffer.from('\n')])));
    expect(lines.length).toBe(corpus.length);
    corpus.forEach(({ event, sequence, octets }, index) => {
      const fields = JSON.parse(lines[index] ?? '') as Record<string, string> | null;
      expect([event.id, fields !== null]).toEqual([event.id, true]);
      const { extension, ...header } = parseCef(octets.toString('utf8'));
      expect(fields).toMatchObject({ deviceVendor: header.vendor, deviceProduct: header.product, deviceVersion: header.deviceVersion, deviceEventClassId: header.signatureId, name: header.name, severity: String(header.severity), version: '0' });
      for (const [key, value] of extension) expect([event.id, key, read(key, fields?.[key] ?? '')]).toEqual([event.id, key, key === 'c6a2' ? oneSpelling(value) : value]);
      expect(fields).toMatchObject({ externalId: event.id, TidegateSequence: sequence, cs6: event.type });
    });
  });
});

function read(key: string, raw: string): string {
  return key === 'c6a2' ? oneSpelling(raw) : unescapeCefValue(raw);
}
