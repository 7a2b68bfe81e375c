import { readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parseCef, unescapeCefValue } from '../support/parsers/cef.js';
import { build, CACHE, missingTools, parseWith, PEER_SOURCES } from '../support/peer-tools.js';
import { renderedCorpus } from '../support/rendered-corpus.js';

/** ParCEFone 2.1.0, validating: it refuses no sample and no hostile event, and reads the fields that our own strict parser reads. It leaves escapes in values as they are. */
const skip = missingTools(['java', 'javac', 'mvn']);
const folder = join(CACHE, 'parcefone');
const sources = join(PEER_SOURCES, 'parcefone');
if (skip) console.warn(`ParCEFone is left out: ${skip}`);

(skip ? describe.skip : describe)('ParCEFone', () => {
  let classPath = '';
  beforeAll(() => {
    build('mvn', ['-B', '-q', '-ntp', '-f', join(sources, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`], CACHE, 240_000);
    classPath = [...readdirSync(folder).filter((name) => name.endsWith('.jar')).map((name) => join(folder, name)), join(folder, 'classes')].join(delimiter);
    build('javac', ['-cp', classPath, '-d', join(folder, 'classes'), join(sources, 'src/main/java/ParcefoneLines.java')], CACHE, 60_000);
  }, 310_000);

  it.each([8192, 1400, 480])('reads every CEF event of at most %i octets as we mean it', (maxBytes) => {
    const corpus = renderedCorpus('cef', 'none', maxBytes);
    const lines = parseWith('java', ['-cp', classPath, 'ParcefoneLines'], Buffer.concat(corpus.flatMap(({ octets }) => [octets, Buffer.from('\n')])));
    expect(lines.length).toBe(corpus.length);
    corpus.forEach(({ event, sequence, octets }, index) => {
      const fields = JSON.parse(lines[index] ?? '') as Record<string, string> | null;
      expect([event.id, fields !== null]).toEqual([event.id, true]);
      const { extension, ...header } = parseCef(octets.toString('utf8'));
      expect(fields).toMatchObject({ deviceVendor: header.vendor, deviceProduct: header.product, deviceVersion: header.deviceVersion, deviceEventClassId: header.signatureId, name: header.name, severity: String(header.severity), version: '0' });
      for (const [key, value] of extension) expect([event.id, key, read(key, fields?.[key] ?? '')]).toEqual([event.id, key, key === 'c6a2' ? fullAddress(value) : value]);
      expect(fields).toMatchObject({ externalId: event.id, TidegateSequence: sequence, cs6: event.type });
    });
  });
});

function read(key: string, raw: string): string {
  return key === 'c6a2' ? fullAddress(raw) : unescapeCefValue(raw);
}

/** One spelling of an IPv6 address. */
function fullAddress(address: string): string {
  return new URL(`http://[${address}]/`).hostname;
}
