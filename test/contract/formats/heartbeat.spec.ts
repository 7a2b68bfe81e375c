import { expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../src/model/audit-event.js';
import { OUTPUT_TYPES } from '../../../src/model/integration.js';
import { heartbeatMessage, type PartitionPart } from '../../../src/outward/evidence/heartbeat-message.js';
import { formatFor } from '../../../src/outward/formats/index.js';
import { formatSettings } from '../../support/format-settings.js';
import { oneRecord } from '../../support/one-record.js';
import { parseRecord, type ReceivedRecord } from '../../support/parsers/record.js';
import { sampleEvent } from '../../support/sample-events.js';

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

it.each(OUTPUT_TYPES)('gives a receiver of %s the run of each of twelve partitions, so that it can post receipts', (outputType) => {
  const partitions = Array.from({ length: 12 }, (_, partition) => ({ ...NOTHING, partition, from: 123_456_000 + partition, to: 123_457_000 + partition, sent: 990, filtered: 10 }));
  const message = heartbeatMessage({ name: 'Production SIEM', state: 'streaming', partitions, types: [{ type: 'account.provisioned', count: 11_880 }], lastError: null });
  const event: AuditEvent = { ...sampleEvent('siem.heartbeat'), message };
  const record = parseRecord(Buffer.from(oneRecord(formatFor(outputType).compile(formatSettings({ outputType })).render(event, '0.1')).text), outputType, 'rfc5424');
  const runs = [...String(messageOf(record)).matchAll(/partition (\d+): (\d+) to (\d+) sent (\d+)/g)].map(([, ...numbers]) => numbers.map(Number));
  expect(runs).toEqual(partitions.map(({ partition, from, to, sent }) => [partition, from, to, sent]));
});
