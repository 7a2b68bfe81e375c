import { afterEach, describe, expect, it } from '@jest/globals';
import { testCertificates } from '../../../test/support/certificates.js';
import { HttpReceiver, type HttpReceiverOptions } from '../../../test/support/http-receiver.js';
import { systemClock } from '../../contracts/clock.js';
import { integrationSchema } from '../../model/integration.js';
import { sampleEvent } from '../../model/sample-events.js';
import { NetworkDialer } from '../../platform/network/dialer.js';
import { formatFor } from '../formats/index.js';
import { transportFor } from '../transports/index.js';
import { shapeOf } from './shape.js';
import { testDelivery, type TestDelivery } from './test-delivery.js';

const open: HttpReceiver[] = [];
afterEach(async () => {
  for (const receiver of open.splice(0)) await receiver.stop();
});

async function tested(options: HttpReceiverOptions, connection: object = {}, timeoutMs = 3000): Promise<{ result: TestDelivery; receiver: HttpReceiver }> {
  const receiver = await HttpReceiver.start(options);
  open.push(receiver);
  const settings = integrationSchema.parse({ name: 'n', serverUrl: `${options.tls ? 'https' : 'http'}://127.0.0.1:${receiver.port}`, port: receiver.port, protocol: options.kind, framing: 'newline', outputType: 'json', header: 'none', connection });
  const shape = shapeOf(settings, 'gate');
  const result = await testDelivery({ settings, event: sampleEvent('siem.test'), renderer: formatFor('json').compile(shape.format), shape, transport: transportFor(settings.protocol), dialer: new NetworkDialer({ denyCidrs: [] }), clock: systemClock, timeoutMs });
  return { result, receiver };
}

describe('the Test button over HTTP', () => {
  it('answers stage by stage, TLS included, with the evidence that the answer of the receiver is', async () => {
    const { authority, server } = await testCertificates();
    for (const kind of ['http', 'splunk-hec', 'elastic-bulk'] as const) {
      const { result, receiver } = await tested({ kind, tls: { cert: server.certificate, key: server.key } }, { tls: { ca: authority.certificate }, http: { token: 't' } });
      expect(result).toMatchObject({ ok: true, failure: null, evidence: 'accepted', caveat: null });
      expect(result.stages.map(({ stage, ok }) => `${stage} ${ok}`)).toEqual(['resolve true', 'policy true', 'connect true', 'tls true', 'send true', 'close true']);
      expect(receiver.texts).toHaveLength(1);
    }
  });

  it('waits for the acknowledgement of the indexer, and fails without it', async () => {
    const connection = { http: { token: 't' }, splunk: { ack: true, ackPollMs: 50 } };
    expect((await tested({ kind: 'splunk-hec' }, connection)).result).toMatchObject({ ok: true, evidence: 'stored', caveat: null });
    const never = (request: { path: string }) => (request.path.endsWith('/ack') ? { status: 200, body: { acks: { 0: false } } } : undefined);
    const { result } = await tested({ kind: 'splunk-hec', answer: never }, connection, 1500);
    expect(result).toMatchObject({ ok: false, evidence: null, failure: { code: 'acknowledgement-missing' } });
    expect(result.stages.at(-1)).toMatchObject({ stage: 'close', ok: false });
  });

  it('names cause and fix of what the receiver refuses', async () => {
    const { result } = await tested({ kind: 'splunk-hec', answer: () => ({ status: 403, body: { text: 'Invalid token', code: 4 } }) }, { http: { token: 'wrong-token' } });
    expect(result).toMatchObject({ ok: false, failure: { code: 'credentials-refused', stage: 'send', needsPerson: true, fix: expect.stringContaining('connection.http.token') } });
    expect(JSON.stringify(result)).not.toContain('wrong-token');
    expect(result.stages.at(-1)).toMatchObject({ stage: 'send', ok: false });
  });
});
