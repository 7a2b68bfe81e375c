import { beforeAll, describe, expect, it } from '@jest/globals';
import type { OutputType } from '../../src/model/integration.js';
import { parseRecord, type ReceivedRecord } from '../support/parsers/record.js';
import { strictText } from '../support/parsers/strict-text.js';
import { parseRfc3164 } from '../support/parsers/rfc3164.js';
import { goSyslog } from '../support/peer-parsers.js';
import { missingTools, parseWith } from '../support/peer-tools.js';
import { renderedCorpus } from '../support/rendered-corpus.js';

/** leodido/go-syslog, strict: what it reads is what our own strict parser reads, for every sample and the hostile corpus. */
interface GoRecord {
  error?: string;
  facility: number | null;
  severity: number | null;
  timestamp: string | null;
  hostname: string | null;
  appname: string | null;
  procId: string | null;
  msgId: string | null;
  message: string | null;
  data: Record<string, Record<string, string>> | null;
}

const skip = missingTools(['go']);
if (skip) console.warn(`go-syslog is left out: ${skip}`);

(skip ? describe.skip : describe)('go-syslog', () => {
  let program = '';
  beforeAll(() => {
    program = goSyslog().command;
  }, 250_000);

  const read = (style: string, records: readonly Buffer[]): GoRecord[] =>
    parseWith(program, [style], Buffer.concat(records.flatMap((octets) => [Buffer.from(`${octets.length} `), octets]))).map((line) => JSON.parse(line) as GoRecord);

  it.each<OutputType>(['syslog', 'json', 'cef'])('reads %s behind RFC 5424 as we mean it', (outputType) => {
    const corpus = renderedCorpus(outputType, 'rfc5424');
    const records = read('rfc5424', corpus.map(({ octets }) => octets));
    expect(records.length).toBe(corpus.length);
    corpus.forEach(({ event, sequence, octets }, index) => {
      const go = records[index];
      const own = parseRecord(octets, outputType, 'rfc5424');
      expect([event.id, go?.error]).toEqual([event.id, undefined]);
      expect(go).toMatchObject({ facility: own.header?.facility, severity: own.header?.severity, hostname: 'gate.example.com', appname: 'tidegate', msgId: event.type, procId: null });
      expect(Date.parse(go?.timestamp ?? '')).toBe(Date.parse(event.occurredAt));
      expect(go?.data?.['tidegate@32473']).toEqual(Object.fromEntries(own.data ?? []));
      expect(go?.data?.['tidegate@32473']).toMatchObject({ id: event.id, type: event.type, seq: sequence });
      expect(go?.message ?? '').toBe(bodyOf(octets, own));
    });
  });

  it.each<OutputType>(['syslog', 'json', 'cef'])('reads %s behind RFC 3164 as we mean it', (outputType) => {
    const corpus = renderedCorpus(outputType, 'rfc3164');
    const records = read('rfc3164', corpus.map(({ octets }) => octets));
    expect(records.length).toBe(corpus.length);
    corpus.forEach(({ event, octets }, index) => {
      const go = records[index];
      const own = parseRfc3164(strictText(octets));
      expect([event.id, go?.error]).toEqual([event.id, undefined]);
      expect(go).toMatchObject({ facility: own.facility, severity: own.severity, hostname: own.hostname, appname: own.tag, message: own.message });
      expect(go?.timestamp?.slice(5, 19)).toBe(event.occurredAt.slice(5, 19));
    });
  });
});

/** What stands behind the structured data. */
function bodyOf(octets: Buffer, own: ReceivedRecord): string {
  if (own.text !== undefined) return own.text;
  const text = octets.toString('utf8');
  return text.slice(text.indexOf('] ') + 2);
}
