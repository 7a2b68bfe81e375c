import { expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../src/model/audit-event.js';
import { OUTPUT_TYPES } from '../../../src/model/integration.js';
import { heartbeatMessage, type PartitionPart } from '../../../src/outward/evidence/heartbeat-message.js';
import { heartbeatParts } from '../../../src/outward/evidence/heartbeat-parts.js';
import { formatFor } from '../../../src/outward/formats/index.js';
import { formatSettings } from '../../support/format-settings.js';
import { oneRecord } from '../../support/one-record.js';
import { parseRecord, type ReceivedRecord } from '../../support/parsers/record.js';
import { SAMPLE_TYPES, sampleEvent } from '../../support/sample-events.js';

const NOTHING = { filtered: 0, rejected: 0, lost: 0, skipped: 0, unrecorded: 0, backlog: 0, exact: true };
const messageOf = (record: ReceivedRecord) => record.text ?? record.cef?.extension.get('msg') ?? record.leef?.attributes.get('msg') ?? (record.json ?? record.ocsf ?? record.ecs)?.['message'];

it('tells state, counts, runs, types and the last error in one sentence; what is 0 in a partition is left out', () => {
  const partitions: PartitionPart[] = [
    { ...NOTHING, partition: 0, from: 1200, to: 1455, sent: 250, filtered: 3, rejected: 2, backlog: 5 },
    { ...NOTHING, partition: 1, from: 7, to: 7, sent: 0 },
    { ...NOTHING, partition: 2, from: 90, to: 100, sent: 9, lost: 1, exact: false },
  ];
  expect(heartbeatMessage({ name: 'Production SIEM', state: 'retrying', partitions, types: [{ type: 'account.provisioned', count: 259 }], lastError: '2026-01-31T10:00:00.000Z connection-refused: nobody listens' })).toBe(
    'Heartbeat of Production SIEM: retrying; sent 259, filtered 3, rejected 2, lost 1, skipped 0, unrecorded 0, backlog 5; partition 0: 1200 to 1455 sent 250 filtered 3 rejected 2 backlog 5; '
    + 'partition 2: 90 to 100 sent 9 lost 1 inexact; account.provisioned 259; last error 2026-01-31T10:00:00.000Z connection-refused: nobody listens',
  );
  expect(heartbeatMessage({ name: 'quiet', state: 'idle', partitions: partitions.slice(1, 2), types: [], lastError: null })).toBe('Heartbeat of quiet: idle; sent 0, filtered 0, rejected 0, backlog 0');
});

it.each(OUTPUT_TYPES)('gives a receiver of %s the run of each of a hundred partitions and each count by type, in parts of which none is cut', (outputType) => {
  const partitions = Array.from({ length: 100 }, (_, partition) => ({ ...NOTHING, partition, from: 123_456_000 + partition, to: 123_457_000 + partition, sent: 990, filtered: 7, rejected: 1, lost: 2, backlog: 12_345 }));
  const types = SAMPLE_TYPES.map((type, index) => ({ type, count: 1000 + index }));
  const lastError = '2026-01-31T10:00:00.000Z connection-refused: nobody listens';
  const parts = heartbeatParts({ name: 'Ümläut = SIEM | eins', state: 'streaming', partitions, types, lastError });
  expect(parts.length).toBeGreaterThan(5);
  const messages = parts.map(({ message }) => {
    const event: AuditEvent = { ...sampleEvent('siem.heartbeat'), message };
    return String(messageOf(parseRecord(Buffer.from(oneRecord(formatFor(outputType).compile(formatSettings({ outputType })).render(event, '0.1')).text), outputType, 'rfc5424')));
  });
  expect(messages).toEqual(parts.map(({ message }) => message));
  const runs = messages.flatMap((message) => [...message.matchAll(/partition (\d+): (\d+) to (\d+) sent (\d+)/g)].map(([, ...numbers]) => numbers.map(Number)));
  expect(runs).toEqual(partitions.map(({ partition, from, to, sent }) => [partition, from, to, sent]));
  for (const { type, count } of types) expect(messages.filter((message) => new RegExp(`[;,] ${type} ${count}([;,]|$)`).test(message))).toHaveLength(1);
  messages.forEach((message, index) => expect(message).toContain(`(part ${index + 1} of ${messages.length})`));
  expect(messages.at(-1)).toMatch(/last error .* nobody listens$/);
});

it('is one event without a part number where it fits', () => {
  const facts = { name: 'one', state: 'idle', partitions: [{ ...NOTHING, partition: 0, from: 0, to: 5, sent: 5 }], types: [{ type: 'account.provisioned', count: 5 }], lastError: null };
  expect(heartbeatParts(facts)).toEqual([{ partitions: facts.partitions, types: facts.types, lastError: null, message: heartbeatMessage(facts) }]);
});
