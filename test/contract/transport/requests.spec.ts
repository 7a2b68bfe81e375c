import { afterEach, describe, expect, it } from '@jest/globals';
import { createHmac } from 'node:crypto';
import type { HttpTarget, Target } from '../../../src/contracts/transport.js';
import { ElasticBulkTransport } from '../../../src/outward/transports/elastic-bulk/elastic-bulk.transport.js';
import { HttpTransport } from '../../../src/outward/transports/http/http.transport.js';
import type { RequestTransport } from '../../../src/outward/transports/shared/request-transport.js';
import { SplunkHecTransport } from '../../../src/outward/transports/splunk-hec/splunk-hec.transport.js';
import { NetworkDialer } from '../../../src/platform/network/dialer.js';
import { testCertificates } from '../../support/certificates.js';
import { chunkOf, HttpReceiver, type Answer, type HttpKind, type HttpReceiverOptions, type SeenRequest } from '../../support/http-receiver.js';
import { openSession, until, type SeenSession } from './driver.js';
import { requestContract } from './request.contract.js';

/** What the transports over HTTP make of answers, with a stand-in that gives them on demand. The real intakes are in test/peer. */

const dialer = new NetworkDialer({ denyCidrs: [] });
const open: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const end of open.splice(0).reverse()) await end();
});

const TRANSPORTS: Record<HttpKind, () => RequestTransport> = { http: () => new HttpTransport(), 'splunk-hec': () => new SplunkHecTransport(), 'elastic-bulk': () => new ElasticBulkTransport() };

interface Ground {
  transport: RequestTransport;
  receiver: HttpReceiver;
  target: Target;
  session: () => Promise<SeenSession>;
}

async function ground(kind: HttpKind, http: Partial<HttpTarget> = {}, more: Partial<HttpReceiverOptions> = {}, changes: Partial<Target> = {}): Promise<Ground> {
  const receiver = await HttpReceiver.start({ kind, ...more });
  open.push(() => receiver.stop());
  const transport = TRANSPORTS[kind]();
  const target: Target = {
    host: '127.0.0.1', port: receiver.port, protocol: kind, framing: 'newline', connectTimeoutMs: 2000, sendTimeoutMs: 2000, settleMs: 0, linkLifetimeMs: 0, sealIntervalMs: 0,
    http: { secure: false, path: '', headers: {}, gzip: false, body: 'ndjson', index: 'events', ...http }, ...changes,
  };
  const session = async () => {
    const seen = await openSession(transport, dialer, target);
    open.push(() => seen.session.close(0));
    return seen;
  };
  return { transport, receiver, target, session };
}

/** Answers a fixed answer to requests that hold one of the texts. */
const when = (texts: readonly string[], answer: Answer) => ({ texts: held }: SeenRequest) => (held.some((text) => texts.includes(text)) ? answer : undefined);
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `event ${index}`);

describe('the transport contract over http', () => requestContract(() => new HttpTransport()));
describe('the transport contract over https', () => requestContract(() => new HttpTransport(), { secure: true }));
describe('the transport contract over splunk-hec with acknowledgement', () => requestContract(() => new SplunkHecTransport()));
describe('the transport contract over elastic-bulk', () => requestContract(() => new ElasticBulkTransport()));

describe('an answer of a receiver over HTTP', () => {
  it.each<[HttpKind, number, string, boolean]>([
    ['http', 301, 'redirected', true], ['http', 308, 'redirected', true], ['http', 401, 'credentials-refused', true], ['http', 403, 'access-refused', true], ['http', 404, 'path-not-found', true],
    ['http', 405, 'method-not-allowed', true], ['http', 408, 'receiver-error', false], ['http', 425, 'receiver-error', false], ['http', 429, 'receiver-busy', false], ['http', 500, 'receiver-error', false], ['http', 502, 'receiver-error', false],
    ['http', 503, 'receiver-busy', false], ['http', 504, 'receiver-error', false], ['http', 400, 'request-refused', true], ['http', 422, 'request-refused', true],
    ['splunk-hec', 302, 'redirected', true], ['splunk-hec', 404, 'path-not-found', true], ['splunk-hec', 502, 'receiver-error', false], ['splunk-hec', 200, 'answer-unexpected', true],
    ['elastic-bulk', 401, 'credentials-refused', true], ['elastic-bulk', 403, 'access-refused', true], ['elastic-bulk', 429, 'receiver-busy', false], ['elastic-bulk', 503, 'receiver-busy', false], ['elastic-bulk', 400, 'request-refused', true], ['elastic-bulk', 200, 'answer-unexpected', true],
  ])('%s: HTTP %i is %s (a person must act: %s), and nothing is safe', async (kind, status, code, needsPerson) => {
    const { session } = await ground(kind, {}, { answer: () => ({ status, body: '<html>no</html>', ...(status < 400 && status >= 300 ? { headers: { location: 'http://127.0.0.1:1/elsewhere?token=secret' } } : {}) }) });
    const seen = await session();
    const outcome = await seen.session.send(chunkOf(kind, 1, numbered(5)));
    expect(outcome).toMatchObject({ type: 'failed', failure: { code, needsPerson, stage: 'send' } });
    expect(JSON.stringify(outcome)).not.toContain('token=secret');
    expect(seen.failures).toHaveLength(1);
    expect(seen.safes).toEqual([]);
  });

  it('tells how long the receiver asks to wait, in seconds or as a date', async () => {
    for (const [retryAfter, least, most] of [['7', 7000, 7000], [new Date(Date.now() + 60_000).toUTCString(), 50_000, 60_000], ['999999999', 3_600_000, 3_600_000]] as const) {
      const { session } = await ground('http', {}, { answer: () => ({ status: 429, headers: { 'retry-after': retryAfter } }) });
      const outcome = await (await session()).session.send(chunkOf('http', 1, ['one']));
      const waitMs = outcome.type === 'failed' ? (outcome.failure.retryAfterMs ?? -1) : -1;
      expect(waitMs).toBeGreaterThanOrEqual(least);
      expect(waitMs).toBeLessThanOrEqual(most);
    }
  });

  it('that does not come, or is cut off, fails the session; what was sent is not safe', async () => {
    for (const [answer, codes] of [['hang', ['answer-timeout']], ['reset', ['peer-reset']]] as const) {
      const { session } = await ground('http', {}, { answer: () => answer }, { sendTimeoutMs: 300 });
      const seen = await session();
      const outcome = await seen.session.send(chunkOf('http', 1, ['one']));
      expect(codes).toContain(outcome.type === 'failed' ? outcome.failure.code : 'none');
      expect(seen.safes).toEqual([]);
    }
  });
});

describe.each<HttpKind>(['http', 'splunk-hec', 'elastic-bulk'])('a %s receiver', (kind) => {
  it('gets a request in halves when it finds it too large; an event that is too large alone is rejected, and the size is remembered', async () => {
    const large = 'x'.repeat(5000);
    const { receiver, session } = await ground(kind, {}, { answer: ({ body }) => (body.length > 2000 ? { status: 413 } : undefined) });
    const seen = await session();
    const texts = [...numbered(60), large, 'last'];
    expect(await seen.session.send(chunkOf(kind, 1, texts))).toMatchObject({ type: 'taken', rejected: [{ index: 60, code: 'message-too-long' }] });
    expect(receiver.texts).toEqual(texts.filter((text) => text !== large));
    expect(seen.safes).toEqual([{ upTo: 1, evidence: 'accepted' }]);
    const before = receiver.requests.length;
    await seen.session.send(chunkOf(kind, 2, numbered(20).map((text) => `again ${text}`)));
    expect(receiver.requests.slice(before).every(({ body }) => body.length <= 2500)).toBe(true);
  });

  it('that finds everything too large has a wrong limit in front of it: nothing is given up, and it taught nothing about sizes', async () => {
    let refusing = true;
    const { receiver, session } = await ground(kind, {}, { answer: () => (refusing ? { status: 413 } : undefined) });
    for (const count of [300, 5]) expect(await (await session()).session.send(chunkOf(kind, 1, numbered(count)))).toMatchObject({ type: 'failed', failure: { code: 'request-refused', needsPerson: true, cause: expect.stringContaining('too large') } });
    expect(receiver.requests.length).toBeLessThanOrEqual(64 + 9);
    refusing = false;
    const before = receiver.requests.length;
    expect(await (await session()).session.send(chunkOf(kind, 1, numbered(300)))).toEqual({ type: 'taken' });
    expect(receiver.requests).toHaveLength(before + 1);
    refusing = true;
    const seen = await session();
    expect(await seen.session.send(chunkOf(kind, 1, ['one']))).toMatchObject({ type: 'taken', rejected: [{ code: 'message-too-long' }] });
    expect(await seen.session.send(chunkOf(kind, 2, numbered(20)))).toMatchObject({ type: 'failed', failure: { code: 'request-refused' } });
  });

  const refusal = (status: number): Answer => (kind === 'elastic-bulk' && status === 422 ? { status: 200, body: { items: [{ create: { status } }] } } : { status, body: { code: 6 } });

  it.each([400, 413, 422])('that answers %i to a lone event, the first since the start, gets the next one: the refused one is a dead letter', async (status) => {
    const { receiver, session } = await ground(kind, {}, { answer: when(['bad'], refusal(status)) });
    const seen = await session();
    expect(await seen.session.send(chunkOf(kind, 1, ['bad']))).toMatchObject({ type: 'taken', rejected: [{ index: 0, code: status === 413 ? 'message-too-long' : 'refused-by-receiver', reason: expect.stringContaining(String(status)) }] });
    expect(await seen.session.send(chunkOf(kind, 2, ['good']))).toEqual({ type: 'taken' });
    expect(receiver.texts).toEqual(['good']);
    expect(seen).toMatchObject({ failures: [], safeUpTo: 2 });
  });

  it.each([400, 413])('that took none yet and answers %i to five different events has a wrong setting: the fifth waits, and it is said where the others are', async (status) => {
    const { session } = await ground(kind, {}, { answer: () => refusal(status) });
    const seen = await session();
    // One that comes again is no other one.
    for (const [at, text] of ['event 0', 'event 0', 'event 1', 'event 2', 'event 3'].entries()) expect(await seen.session.send(chunkOf(kind, at + 1, [text]))).toMatchObject({ type: 'taken', rejected: [{ index: 0 }] });
    for (const next of [seen, await session()]) {
      expect(await next.session.send(chunkOf(kind, 6, ['event 4']))).toMatchObject({ type: 'failed', failure: { code: 'request-refused', needsPerson: true, cause: expect.stringContaining(String(status)), fix: expect.stringContaining('among its dead letters') } });
    }
    expect(seen.safeUpTo).toBe(5);
  });

  it('that took none yet and refuses events each for another reason dislikes the events, up to twenty in a row', async () => {
    let at = 0;
    const { session } = await ground(kind, {}, { answer: () => refusal([400, 413, 422][at++ % 3] ?? 0) });
    const seen = await session();
    for (let number = 1; number <= 12; number++) expect(await seen.session.send(chunkOf(kind, number, [`event ${number}`]))).toMatchObject({ type: 'taken', rejected: [{}] });
    expect(await seen.session.send(chunkOf(kind, 13, ['event 13']))).toMatchObject({ type: 'failed', failure: { code: 'request-refused' } });
  });

  it('that takes the events of one integration has said nothing about the settings of another, nor about changed ones', async () => {
const { transport, target, session } = await ground(kind, {}, { answer: when(numbered(5), refusal(400)) }, { of: 'first:1' });
    expect(await (await session()).session.send(chunkOf(kind, 1, ['good']))).toEqual({ type: 'taken' });
    for (const settings of ['second:1', 'first:2']) {
      const other = await openSession(transport, dialer, { ...target, of: settings });
      open.push(() => other.session.close(0));
      expect(await other.session.send(chunkOf(kind, 1, numbered(5)))).toMatchObject({ type: 'failed', failure: { code: 'request-refused', needsPerson: true } });
    }
    expect(await (await session()).session.send(chunkOf(kind, 1, numbered(5)))).toMatchObject({ type: 'taken', rejected: numbered(5).map(() => ({ code: 'refused-by-receiver' })) });
  });

  it('keeps its connection, and gets a new one after its lifetime', async () => {
    const { receiver, session } = await ground(kind, {}, {}, { linkLifetimeMs: 150 });
    const seen = await session();
    for (let number = 1; number <= 5; number++) await seen.session.send(chunkOf(kind, number, [`event ${number}`]));
    expect(receiver.accepted).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 250));
    await seen.session.send(chunkOf(kind, 6, ['event 6']));
    expect(receiver.accepted).toBe(2);
    expect(receiver.texts).toHaveLength(6);
    expect(seen.failures).toEqual([]);
  });

  it('that closes an idle connection is no failure: the next request opens another', async () => {
    const { receiver, session } = await ground(kind);
    const seen = await session();
    await seen.session.send(chunkOf(kind, 1, ['one']));
    await receiver.dropConnections();
    expect(await seen.session.send(chunkOf(kind, 2, ['two']))).toEqual({ type: 'taken' });
    expect(seen.failures).toEqual([]);
    expect(receiver.texts).toEqual(['one', 'two']);
  });

  it('is not reached where the network policy forbids it, nor with a certificate that is not trusted', async () => {
    const { transport, target } = await ground(kind);
    const listener = { safe: () => {}, failed: () => {} };
    expect(await transport.open(target, { dialer: new NetworkDialer({ denyCidrs: ['127.0.0.0/8'] }), listener })).toMatchObject({ type: 'failed', failure: { code: 'address-not-allowed', stage: 'policy', needsPerson: true } });
    const { server } = await testCertificates();
    const secured = await ground(kind, { secure: true }, { tls: { cert: server.certificate, key: server.key } }, { tls: { verify: true } });
    expect(await secured.transport.open(secured.target, { dialer, listener })).toMatchObject({ type: 'failed', failure: { code: 'certificate-untrusted', stage: 'tls', needsPerson: true } });
    expect(secured.receiver.requests).toEqual([]);
  });

  it('that wants a client certificate gets it, and without one takes nothing: a person must act', async () => {
    const { authority, server, client } = await testCertificates();
    const tls = { cert: server.certificate, key: server.key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true };
    const trusting = { ca: authority.certificate, serverName: 'receiver.test', verify: true };
    const shown = await ground(kind, { secure: true }, { tls }, { tls: { ...trusting, certificate: client.certificate, key: client.key } });
    const seen = await shown.session();
    expect(await seen.session.send(chunkOf(kind, 1, ['one']))).toEqual({ type: 'taken' });
    expect([seen.safeUpTo, seen.failures, shown.receiver.texts]).toEqual([1, [], ['one']]);

    const without = await ground(kind, { secure: true }, { tls }, { tls: trusting });
    const refused = await without.session();
    expect(await refused.session.send(chunkOf(kind, 1, ['one']))).toMatchObject({ type: 'failed', failure: { needsPerson: true } });
    expect([refused.safeUpTo, without.receiver.texts]).toEqual([0, []]);
  });
});

describe('http', () => {
  it('finds the events that a receiver refuses, and delivers the others in order', async () => {
    const { receiver, session } = await ground('http', {}, { answer: when(['event 3', 'event 17'], { status: 400, body: { error: 'field too long' } }) });
    const seen = await session();
    expect(await seen.session.send(chunkOf('http', 1, numbered(20)))).toEqual({
      type: 'taken', rejected: [3, 17].map((index) => ({ index, code: 'refused-by-receiver', reason: 'HTTP 400: {"error":"field too long"}' })),
    });
    expect(receiver.texts).toEqual(numbered(20).filter((text) => text !== 'event 3' && text !== 'event 17'));
    expect(seen.safes).toEqual([{ upTo: 1, evidence: 'accepted' }]);
  });

  it('gives no event up while the receiver has never taken one, nor when it refuses too many in a row: that is a wrong setting', async () => {
    let refusing = true;
    const { receiver, session } = await ground('http', {}, { answer: () => (refusing ? { status: 400 } : undefined) });
    expect(await (await session()).session.send(chunkOf('http', 1, numbered(300)))).toMatchObject({ type: 'failed', failure: { code: 'request-refused', needsPerson: true } });
    expect(receiver.requests.length).toBeLessThanOrEqual(64);
    refusing = false;
    expect(await (await session()).session.send(chunkOf('http', 1, ['good']))).toEqual({ type: 'taken' });
    refusing = true;
    const seen = await session();
    expect(await seen.session.send(chunkOf('http', 1, numbered(3)))).toMatchObject({ type: 'taken', rejected: [{ index: 0 }, { index: 1 }, { index: 2 }] });
    expect(await seen.session.send(chunkOf('http', 2, numbered(21)))).toMatchObject({ type: 'failed', failure: { code: 'request-refused' } });
  });

  it('sends lines or an array, compressed and signed when told so, with its own header', async () => {
    for (const [body, type] of [['ndjson', 'application/x-ndjson'], ['json-array', 'application/json'], ['cloudevents-batch', 'application/cloudevents-batch+json']] as const) {
      const { receiver, session } = await ground('http', { body, gzip: true, path: '/in?v=2', headers: { 'dd-api-key': 'k' }, signature: { header: 'x-signature', secret: 'shared' } });
      const chunk = chunkOf('http', 1, ['one', 'zwei ü']);
      await (await session()).session.send(body === 'ndjson' ? chunk : { ...chunk, buffers: chunk.buffers.map((buffer) => buffer.subarray(0, buffer.length - 1)) });
      const [request] = receiver.requests;
      expect(request?.path).toBe('/in?v=2');
      expect(request?.headers).toMatchObject({ 'content-type': type, 'content-encoding': 'gzip', 'dd-api-key': 'k', host: `127.0.0.1:${receiver.port}` });
      expect(receiver.texts).toEqual(['one', 'zwei ü']);
      const [, seconds, digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(request?.headers['x-signature'])) ?? [];
      expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(30);
      expect(digest).toBe(createHmac('sha256', 'shared').update(`${seconds}.${request?.body.toString()}`).digest('hex'));
    }
  });

  it('does not take 207 for a yes: what is not taken is found, and the rest delivered', async () => {
    const { receiver, session } = await ground('http', {}, { answer: when(['event 3'], { status: 207 }) });
    expect(await (await session()).session.send(chunkOf('http', 1, numbered(8)))).toMatchObject({ type: 'taken', rejected: [{ index: 3, code: 'refused-by-receiver', reason: expect.stringContaining('only a part') }] });
    expect(receiver.texts).toEqual(numbered(8).filter((text) => text !== 'event 3'));
  });

  it('follows no redirect', async () => {
    const other = await HttpReceiver.start({ kind: 'http' });
    open.push(() => other.stop());
    const { session } = await ground('http', {}, { answer: () => ({ status: 307, headers: { location: `http://127.0.0.1:${other.port}/` } }) });
    expect(await (await session()).session.send(chunkOf('http', 1, ['one']))).toMatchObject({ type: 'failed', failure: { code: 'redirected', cause: expect.stringContaining(String(other.port)) } });
    expect(other.requests).toEqual([]);
  });

  it('says what is wrong when the port wants TLS and the URL says http', async () => {
    const { server } = await testCertificates();
    const { session } = await ground('http', {}, { tls: { cert: server.certificate, key: server.key } });
    const outcome = await (await session()).session.send(chunkOf('http', 1, ['one']));
    expect(outcome.type === 'failed' && ['answer-unexpected', 'peer-reset'].includes(outcome.failure.code)).toBe(true);
  });
});

describe('splunk-hec', () => {
  const says = (status: number, code: number, more: object = {}): Answer => ({ status, body: { text: 'whatever', code, ...more } });

  it.each<[number, number, string, boolean]>([
    [403, 1, 'credentials-refused', true], [401, 2, 'credentials-refused', true], [401, 3, 'credentials-refused', true], [403, 4, 'credentials-refused', true], [500, 8, 'receiver-error', false], [503, 9, 'receiver-busy', false],
    [400, 10, 'settings-refused', true], [400, 11, 'settings-refused', true], [400, 14, 'settings-refused', true], [400, 7, 'settings-refused', true], [503, 23, 'receiver-busy', false], [429, 26, 'receiver-busy', false], [400, 6, 'request-refused', true],
  ])('HTTP %i with code %i is %s (a person must act: %s), whatever the text says', async (status, code, expected, needsPerson) => {
    const { session } = await ground('splunk-hec', {}, { answer: () => says(status, code) });
    expect(await (await session()).session.send(chunkOf('splunk-hec', 1, numbered(5)))).toMatchObject({ type: 'failed', failure: { code: expected, needsPerson } });
  });

  it('rejects the event that the receiver names when it refuses it alone, too, and sends the others again', async () => {
    const { receiver, session } = await ground('splunk-hec', {}, { answer: ({ texts }) => (texts.includes('event 4') ? says(400, 6, { 'invalid-event-number': texts.indexOf('event 4') }) : undefined) });
    const seen = await session();
    expect(await seen.session.send(chunkOf('splunk-hec', 1, numbered(10)))).toEqual({ type: 'taken', rejected: [{ index: 4, code: 'refused-by-receiver', reason: 'HTTP 400, code 6: whatever' }] });
    expect(receiver.texts).toEqual(numbered(10).filter((text) => text !== 'event 4'));
    expect(receiver.requests.map(({ texts }) => texts.length)).toEqual([10, 4, 1, 5]);
    expect(seen.safes).toEqual([{ upTo: 1, evidence: 'accepted' }]);
  });

  it('gives up no event that the receiver named in place of another', async () => {
    const { receiver, session } = await ground('splunk-hec', {}, { answer: ({ texts }) => (texts.includes('event 4') ? says(400, 6, { 'invalid-event-number': texts.indexOf('event 4') + 1 }) : undefined) });
    expect(await (await session()).session.send(chunkOf('splunk-hec', 1, numbered(10)))).toMatchObject({ type: 'taken', rejected: [{ index: 4 }] });
    expect(receiver.texts).toEqual(numbered(10).filter((text) => text !== 'event 4'));
  });

  it.each([-1, 1.5, 10, 1000])('finds the event by itself when the number that the receiver names is none of the request: %d', async (number) => {
    const { receiver, session } = await ground('splunk-hec', {}, { answer: ({ texts }) => (texts.includes('event 4') ? says(400, 6, { 'invalid-event-number': number }) : undefined) });
    expect(await (await session()).session.send(chunkOf('splunk-hec', 1, numbered(10)))).toMatchObject({ type: 'taken', rejected: [{ index: 4, code: 'refused-by-receiver' }] });
    expect(receiver.texts).toEqual(numbered(10).filter((text) => text !== 'event 4'));
  });

  it('asks no more than 64 times of a receiver that took none yet', async () => {
    const { receiver, session } = await ground('splunk-hec', {}, { answer: () => says(400, 6, { 'invalid-event-number': 0 }) });
    expect(await (await session()).session.send(chunkOf('splunk-hec', 1, numbered(300)))).toMatchObject({ type: 'failed', failure: { code: 'request-refused' } });
    expect(receiver.requests).toHaveLength(64);
  });

  it('with acknowledgement fails when a receipt is given again: another indexer answers', async () => {
    const { receiver, session } = await ground('splunk-hec', { acknowledgements: { pollMs: 60_000, timeoutMs: 60_000 } });
    const seen = await session();
    expect(await seen.session.send(chunkOf('splunk-hec', 1, ['one']))).toEqual({ type: 'taken' });
    receiver.answer = () => says(200, 0, { ackId: 0 });
    expect(await seen.session.send(chunkOf('splunk-hec', 2, ['two']))).toMatchObject({ type: 'failed', failure: { code: 'acknowledgement-missing', needsPerson: false, fix: expect.stringContaining('sticky') } });
    expect(seen.failures).toHaveLength(1);
    expect(seen.safes).toEqual([]);
  });

  it('with acknowledgement calls nothing safe before the indexer stored it, in order', async () => {
    const { receiver, session } = await ground('splunk-hec', { acknowledgements: { pollMs: 20, timeoutMs: 5000 }, headers: { authorization: 'Splunk t' } });
    receiver.withheld.add(1);
    const seen = await session();
    for (let number = 1; number <= 3; number++) expect(await seen.session.send(chunkOf('splunk-hec', number, [`event ${number}`]))).toEqual({ type: 'taken' });
    await until(() => seen.safeUpTo === 1, 'the first is stored');
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(seen.safes).toEqual([{ upTo: 1, evidence: 'stored' }]);
    receiver.withheld.clear();
    await until(() => seen.safeUpTo === 3, 'all are stored');
    const paths = new Set(receiver.requests.map(({ path }) => path));
    expect(paths).toEqual(new Set(['/services/collector/event', '/services/collector/ack']));
    const channels = new Set(receiver.requests.map(({ headers }) => headers['x-splunk-request-channel']));
    expect(channels.size).toBe(1);
    expect([...channels][0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(receiver.requests.every(({ headers }) => headers.authorization === 'Splunk t')).toBe(true);
  });

  it('with acknowledgement sends again what is never acknowledged, and says so', async () => {
    const { receiver, session } = await ground('splunk-hec', { acknowledgements: { pollMs: 20, timeoutMs: 300 } });
    receiver.withheld.add(0);
    const seen = await session();
    await seen.session.send(chunkOf('splunk-hec', 1, ['one']));
    await until(() => seen.failures.length > 0, 'the acknowledgement counts as lost');
    expect(seen.failures).toMatchObject([{ code: 'acknowledgement-missing', needsPerson: false }]);
    expect(seen.safes).toEqual([]);
  });

  it('with acknowledgement sends again what an indexer had open when it was restarted: its new receipts begin at the old numbers', async () => {
    const { receiver, session } = await ground('splunk-hec', { acknowledgements: { pollMs: 20, timeoutMs: 60_000 } });
    receiver.withheld.add(1);
    const seen = await session();
    for (const number of [1, 2]) await seen.session.send(chunkOf('splunk-hec', number, [`event ${number}`]));
    await until(() => seen.safeUpTo === 1, 'the first is stored');
    receiver.forgetChannels();
    receiver.withheld.clear();
    expect(await seen.session.send(chunkOf('splunk-hec', 3, ['event 3']))).toMatchObject({ type: 'failed', failure: { code: 'acknowledgement-missing', needsPerson: false } });
    expect(seen.safes).toEqual([{ upTo: 1, evidence: 'stored' }]);
  });

  it('with acknowledgement does not take the receipt of a part of the next chunk for that of the chunk before the restart', async () => {
    const { receiver, session } = await ground('splunk-hec', { acknowledgements: { pollMs: 1, timeoutMs: 60_000 } }, { delayMs: 20, answer: ({ texts }) => (texts.length > 1 ? { status: 413 } : undefined) });
    receiver.withheld.add(1);
    const seen = await session();
    for (const number of [1, 2]) await seen.session.send(chunkOf('splunk-hec', number, [`event ${number}`]));
    await until(() => seen.safeUpTo === 1, 'the first is stored');
    receiver.forgetChannels();
    receiver.withheld.clear();
    expect(await seen.session.send(chunkOf('splunk-hec', 3, numbered(8)))).toMatchObject({ type: 'failed', failure: { code: 'acknowledgement-missing' } });
    expect(seen.safes).toEqual([{ upTo: 1, evidence: 'stored' }]);
  });

  it('with acknowledgement keeps the receipts of its sessions apart, also where a channel is set', async () => {
    const { receiver, session } = await ground('splunk-hec', { channel: '5d2fa8f0-0d9b-4c51-8b6d-9b8a4a1f3c11', acknowledgements: { pollMs: 20, timeoutMs: 60_000 } });
    receiver.withheld.add(0);
    const [one, other] = [await session(), await session()];
    await one.session.send(chunkOf('splunk-hec', 1, ['one']));
    receiver.forgetChannels();
    receiver.withheld.clear();
    await other.session.send(chunkOf('splunk-hec', 1, ['two']));
    await until(() => other.safeUpTo === 1, 'the second is stored');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(one.safes).toEqual([]);
  });

  it.each<[string, Answer, string, boolean]>([
    ['503, it is going down', says(503, 23), 'receiver-busy', false], ['503 of a balancer', { status: 503, body: '<html>' }, 'receiver-busy', false], ['500', says(500, 8), 'receiver-error', false],
    ['that the channel is missing', says(400, 10), 'settings-refused', true], ['that acknowledgement is off', says(400, 14), 'settings-refused', true], ['401', says(401, 2), 'credentials-refused', true], ['404', { status: 404, body: 'no' }, 'path-not-found', true],
    ['200 with something else', { status: 200, body: 'fine' }, 'answer-unexpected', true], ['200 with a code only', says(200, 0), 'answer-unexpected', true], ['200 without a word on the receipt, until the limit', { status: 200, body: { acks: {} } }, 'acknowledgement-missing', false],
    ['nothing, and cuts the connection', 'reset', 'peer-reset', false], ['nothing', 'hang', 'answer-timeout', false],
  ])('with acknowledgement sends again what is open when the question is answered by %s', async (_case, answer, code, needsPerson) => {
    const { session } = await ground('splunk-hec', { acknowledgements: { pollMs: 20, timeoutMs: 300 } }, { answer: ({ path }) => (path.endsWith('/ack') ? answer : undefined) }, { sendTimeoutMs: 500 });
    const seen = await session();
    await seen.session.send(chunkOf('splunk-hec', 1, ['one']));
    await until(() => seen.failures.length > 0, 'what is open counts as lost');
    expect(seen.failures).toMatchObject([{ code, needsPerson }]);
    expect(seen.safes).toEqual([]);
    expect(await seen.session.send(chunkOf('splunk-hec', 2, ['two']))).toMatchObject({ type: 'failed' });
  });

  it('with acknowledgement does not take a bare yes of a token that has it switched off', async () => {
    const { session } = await ground('splunk-hec', { acknowledgements: { pollMs: 20, timeoutMs: 300 } }, { answer: () => says(200, 0) });
    expect(await (await session()).session.send(chunkOf('splunk-hec', 1, ['one']))).toMatchObject({ type: 'failed', failure: { code: 'acknowledgement-missing', needsPerson: true } });
  });

  it('waits before more than a thousand receipts are open', async () => {
    const { receiver, session } = await ground('splunk-hec', { acknowledgements: { pollMs: 60_000, timeoutMs: 600_000 } });
    const seen = await session();
    for (let number = 1; number <= 1000; number++) await seen.session.send(chunkOf('splunk-hec', number, ['e']));
    const held = seen.session.send(chunkOf('splunk-hec', 1001, ['one more']));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(receiver.requests).toHaveLength(1000);
    await seen.session.close(0);
    expect(await held).toMatchObject({ type: 'failed', failure: { code: 'cancelled' } });
  });
});

describe('elastic-bulk', () => {
  const items = (statuses: number[]): Answer => ({ status: 200, body: { errors: true, items: statuses.map((status) => ({ create: { status, ...(status === 400 ? { error: { type: 'mapper_parsing_exception', reason: 'failed to parse field [n]' } } : {}) } })) } });

  it('takes what is there already for delivered, and rejects what can never be mapped, with the reason', async () => {
    const { receiver, session } = await ground('elastic-bulk', {}, { answer: () => items([201, 409, 400, 200]) });
    const seen = await session();
    expect(await seen.session.send(chunkOf('elastic-bulk', 1, numbered(4)))).toEqual({
      type: 'taken', rejected: [{ index: 2, code: 'refused-by-receiver', reason: 'item status 400, mapper_parsing_exception: failed to parse field [n]' }],
    });
    expect(seen.safes).toEqual([{ upTo: 1, evidence: 'accepted' }]);
    expect(receiver.requests[0]?.path).toMatch(/^\/events\/_bulk\?filter_path=/);
  });

  it.each([[[201, 429, 201], 'receiver-busy', false], [[201, 503], 'receiver-busy', false], [[201, 403], 'access-refused', true], [[404, 404], 'path-not-found', true], [[201], 'answer-unexpected', true]] as const)('fails for items %j with %s', async (statuses, code, needsPerson) => {
    const { session } = await ground('elastic-bulk', {}, { answer: () => items([...statuses]) });
    const seen = await session();
    expect(await seen.session.send(chunkOf('elastic-bulk', 1, numbered(Math.max(2, statuses.length))))).toMatchObject({ type: 'failed', failure: { code, needsPerson } });
    expect(seen.safes).toEqual([]);
  });

  it.each([['index_closed_exception', 'closed'], ['invalid_index_name_exception', 'no'], ['validation_exception', 'this action would add [2] shards'], ['cluster_block_exception', 'read-only'], ['security_exception', 'no'], ['illegal_argument_exception', 'pipeline with id [audit] does not exist']])('stands in fault for %s: it is about the index, not the event (%s)', async (type, reason) => {
    const { receiver, session } = await ground('elastic-bulk');
    expect(await (await session()).session.send(chunkOf('elastic-bulk', 1, ['good']))).toEqual({ type: 'taken' });
    receiver.answer = () => ({ status: 200, body: { items: [{ create: { status: 400, error: { type, reason } } }] } });
    expect(await (await session()).session.send(chunkOf('elastic-bulk', 1, ['one']))).toMatchObject({ type: 'failed', failure: { code: 'settings-refused', needsPerson: true, cause: expect.stringContaining(reason) } });
  });

  it('comes again under the same id, and so never twice', async () => {
    const { receiver, session } = await ground('elastic-bulk');
    await (await session()).session.send(chunkOf('elastic-bulk', 1, numbered(10)));
    expect(await (await session()).session.send(chunkOf('elastic-bulk', 1, numbered(12)))).toEqual({ type: 'taken' });
    expect(receiver.texts).toEqual(numbered(12));
  });
});
