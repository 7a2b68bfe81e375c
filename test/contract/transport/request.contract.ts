import { afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { TlsOptions } from 'node:tls';
import type { Target, Transport } from '../../../src/contracts/transport.js';
import { NetworkDialer } from '../../../src/platform/network/dialer.js';
import { testCertificates } from '../../support/certificates.js';
import { HttpReceiver, type HttpKind } from '../../support/http-receiver.js';
import { deliverAll, openSession, sendTexts, targetOf, until, type SeenSession } from './driver.js';

const numbered = (count: number, length = 100) => Array.from({ length: count }, (_, index) => `<13>${String(index).padStart(8, '0')} ${'x'.repeat(length)}`);

/** What every transport over HTTP owes to the engine's lane: what the others owe (transport.contract.ts), with a stand-in for intakes at the other end. */
export function requestContract(make: () => Transport, { secure = false } = {}): void {
  const dialer = new NetworkDialer({ denyCidrs: [] });
  let transport: Transport;
  let tlsOfReceiver: TlsOptions;
  let tlsOfTarget: Target['tls'];
  const receivers: Array<{ stop(): Promise<void> }> = [];
  const sessions: SeenSession[] = [];

  beforeAll(async () => {
    const { authority, server } = await testCertificates();
    tlsOfReceiver = { cert: server.certificate, key: server.key };
    tlsOfTarget = { ca: authority.certificate, verify: true };
  });
  beforeEach(() => {
    transport = make();
  });
  afterEach(async () => {
    for (const seen of sessions.splice(0)) await seen.session.close(0);
    for (const receiver of receivers.splice(0)) await receiver.stop();
  });

  async function receiverWith(options: { readDelayMs?: number } = {}, port = 0): Promise<HttpReceiver> {
    const receiver = await HttpReceiver.start({ kind: transport.protocol as HttpKind, port, delayMs: options.readDelayMs, ...(secure ? { tls: tlsOfReceiver } : {}) });
    receivers.push(receiver);
    return receiver;
  }
  const target = (port: number, changes: Partial<Target> = {}) => targetOf(transport, port, { tls: secure ? tlsOfTarget : undefined, ...changes });
  async function open(port: number, changes: Partial<Target> = {}, signal?: AbortSignal): Promise<SeenSession> {
    const seen = await openSession(transport, dialer, target(port, changes), signal);
    sessions.push(seen);
    return seen;
  }

  it('delivers chunk after chunk in order and says up to where it is safe', async () => {
    const receiver = await receiverWith();
    const seen = await open(receiver.port);
    const texts = numbered(300);
    for (let number = 1; number <= 30; number++) expect(await sendTexts(seen, number, texts.slice((number - 1) * 10, number * 10), transport)).toEqual({ type: 'taken' });
    await until(() => seen.safeUpTo === 30, 'everything safe');
    await receiver.waitFor(300);
    expect(receiver.texts).toEqual(texts);
    expect(seen.failures).toEqual([]);
    expect(seen.safes.map((safe) => safe.upTo)).toEqual(seen.safes.map((safe) => safe.upTo).sort((a, b) => a - b));
    for (const { evidence } of seen.safes) expect(evidence).toBe(transport.reaches);
  });

  it('ends in order within the grace and reports what became safe', async () => {
    const receiver = await receiverWith();
    const seen = await open(receiver.port, { sealIntervalMs: 60_000 });
    await sendTexts(seen, 1, ['<13>one'], transport);
    await sendTexts(seen, 2, ['<13>two'], transport);
    await seen.session.close(5000);
    expect(seen.safeUpTo).toBe(2);
    expect(seen.failures).toEqual([]);
    await receiver.waitFor(2);
    expect(receiver.texts).toEqual(['<13>one', '<13>two']);
    expect(seen.stages.map((stage) => stage.stage)).toEqual(secure ? ['resolve', 'policy', 'connect', 'tls', 'send', 'close'] : ['resolve', 'policy', 'connect', 'send', 'close']);
    expect(seen.stages.every((stage) => stage.ok)).toBe(true);
    expect(await sendTexts(seen, 3, ['<13>late'], transport)).toMatchObject({ type: 'failed', failure: { code: 'cancelled' } });
  });

  it('closes at once when nothing was sent, and twice without harm', async () => {
    const receiver = await receiverWith();
    const seen = await open(receiver.port);
    await seen.session.close(5000);
    await seen.session.close(5000);
    expect(seen.safes).toEqual([]);
    expect(seen.failures).toEqual([]);
  });

  it('stops on an abort signal, before and after opening', async () => {
    const receiver = await receiverWith();
    const aborted = AbortSignal.abort();
    expect(await transport.open(target(receiver.port), { dialer, listener: { safe: () => {}, failed: () => {} }, signal: aborted })).toMatchObject({ type: 'failed', failure: { code: 'cancelled' } });
    const controller = new AbortController();
    const seen = await open(receiver.port, {}, controller.signal);
    await sendTexts(seen, 1, ['<13>one'], transport);
    controller.abort();
    expect(seen.failures).toMatchObject([{ code: 'cancelled' }]);
    expect(await sendTexts(seen, 2, ['<13>two'], transport)).toMatchObject({ type: 'failed', failure: { code: 'cancelled' } });
  });

  it('tells a failure once, and calls nothing safe after it', async () => {
    const receiver = await receiverWith();
    const { port } = receiver;
    const seen = await open(port, { sealIntervalMs: 60_000, settleMs: 60_000 });
    await sendTexts(seen, 1, ['<13>one'], transport);
    await receiver.waitFor(1);
    await until(() => seen.safeUpTo === 1, 'the first chunk shows that the receiver answers');
    let before = seen.safeUpTo;
    await sendTexts(seen, 2, ['<13>two'], transport);
    await receiver.waitFor(2);
    await receiver.crash();
    // An answer over HTTP is proof at once.
    before = seen.safeUpTo;
    // It is learned of at the next request only.
    await until(() => { void sendTexts(seen, 3, ['<13>three'], transport); return seen.failures.length > 0; }, 'the refusal comes back');
    await until(() => seen.failures.length > 0, 'the failure is told');
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(seen.failures).toHaveLength(1);
    expect(['peer-reset', 'peer-closed', 'connection-refused']).toContain(seen.failures[0]?.code);
    expect(seen.safeUpTo).toBe(before);
  });

  it('loses nothing that was called safe when the receiver is killed in the middle, again and again', async () => {
    const first = await receiverWith({ readDelayMs: 1 });
    const { port } = first;
    const stored = new Set<string>();
    let current: HttpReceiver = first;
    let kills = 0;
    let stop = false;
    const texts = numbered(20_000);
    const take = (receiver: HttpReceiver) => {
      const pending: { text: string; at: number }[] = [];
      receiver.onMessage((message) => pending.push({ text: message.text, at: performance.now() }));
      return { pending, store: (olderThanMs: number) => { const now = performance.now(); while (pending[0] && now - pending[0].at >= olderThanMs) stored.add((pending.shift() as { text: string }).text); } };
    };
    let memory = take(first);
    // The port is from the ephemeral range: for a moment the sender's own end may hold it.
    const restarted = async (onPort: number): Promise<HttpReceiver> => {
      for (let attempt = 0; ; attempt++) {
        try {
          return await receiverWith({ readDelayMs: 1 }, onPort);
        } catch (error) {
          if (attempt === 50) throw error;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    };
    const storing = setInterval(() => memory.store(0), 5);
    const killer = (async () => {
      while (!stop && kills < 6) {
        await new Promise((resolve) => setTimeout(resolve, 300 + 37 * kills));
        if (stop) return;
        kills++;
        memory.store(0);
        await current.crash();
        await new Promise((resolve) => setTimeout(resolve, 50));
        current = await restarted(port);
        memory = take(current);
      }
    })();
    const report = await deliverAll(texts, 100, transport, dialer, target(port, { settleMs: 300 }), { limitMs: 25_000, inFlightChunks: 60 });
    stop = true;
    await killer;
    clearInterval(storing);
    memory.store(0);
    expect(texts.filter((text) => !stored.has(text))).toEqual([]);
    expect(kills).toBeGreaterThan(0);
    expect(report.failures.length).toBeGreaterThan(0);
  }, 40_000);

}
