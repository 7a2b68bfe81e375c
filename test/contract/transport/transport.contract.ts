import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { TlsOptions } from 'node:tls';
import type { Target, Transport } from '../../../src/contracts/transport.js';
import { LoopbackReceiver, type ReceiverFaults } from '../../../src/demo/loopback-receiver.js';
import { NetworkDialer } from '../../../src/platform/network/dialer.js';
import { testCertificates } from '../../support/certificates.js';
import { deliverAll, openSession, sendTexts, targetOf, until, type SeenSession } from './driver.js';

const numbered = (count: number, length = 100) => Array.from({ length: count }, (_, index) => `<13>${String(index).padStart(8, '0')} ${'x'.repeat(length)}`);
const KIBIBYTE = 1024;

/** What every transport owes to the engine's lane, with the built-in receiver at the other end. `encrypted`: over TLS. */
export function transportContract(make: () => Transport, encrypted = false): void {
  const dialer = new NetworkDialer({ denyCidrs: [] });
  let transport: Transport;
  let tlsOfReceiver: TlsOptions;
  let tlsOfTarget: Target['tls'];
  const receivers: LoopbackReceiver[] = [];
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

  async function receiverWith(faults: Partial<ReceiverFaults> = {}, port = 0): Promise<LoopbackReceiver> {
    const receiver = await LoopbackReceiver.start({ protocol: transport.protocol, tls: encrypted ? tlsOfReceiver : undefined, faults, port });
    receivers.push(receiver);
    return receiver;
  }
  const target = (port: number, changes: Partial<Target> = {}) => targetOf(transport, port, { tls: encrypted ? tlsOfTarget : undefined, ...changes });
  async function open(port: number, changes: Partial<Target> = {}, signal?: AbortSignal): Promise<SeenSession> {
    const seen = await openSession(transport, dialer, target(port, changes), signal);
    sessions.push(seen);
    return seen;
  }
  /** How delivery is shown: a stream is sealed, a message is answered, or nothing comes back. */
  const kind = () => (transport.unit === 'stream' ? 'sealed' : transport.reaches === 'sent' ? 'datagram' : 'answered');
  const onlyFor = (...kinds: Array<ReturnType<typeof kind>>) => (name: string, test: () => Promise<void>) => it(name, async () => {
    if (kinds.includes(kind())) await test();
    else expect(kinds).not.toContain(kind());
  });

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
    expect(seen.stages.map((stage) => stage.stage)).toEqual(encrypted ? ['resolve', 'policy', 'connect', 'tls', 'send', 'close'] : ['resolve', 'policy', 'connect', 'send', 'close']);
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
    await until(() => kind() === 'datagram' || seen.safeUpTo === 1, 'the first chunk shows that the receiver answers');
    const before = seen.safeUpTo;
    await sendTexts(seen, 2, ['<13>two'], transport);
    await receiver.waitFor(2);
    await receiver.crash();
    // A datagram learns of it at the next send only.
    if (kind() === 'datagram') await until(() => { void sendTexts(seen, 3, ['<13>three'], transport); return seen.failures.length > 0; }, 'the refusal comes back');
    await until(() => seen.failures.length > 0, 'the failure is told');
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(seen.failures).toHaveLength(1);
    expect(['peer-reset', 'peer-closed', 'connection-refused']).toContain(seen.failures[0]?.code);
    expect(seen.safeUpTo).toBe(before);
  });

  it('loses nothing that was called safe when the receiver is killed in the middle, again and again', async () => {
    const first = await receiverWith({ readDelayMs: 1 });
    const { port } = first;
    // What was read a moment before the crash is lost with the process, as with a real one.
    const stored = new Set<string>();
    let current = first;
    let kills = 0;
    let stop = false;
    const texts = numbered(kind() !== 'datagram' ? 20_000 : 4000);
    const take = (receiver: LoopbackReceiver) => {
      const pending: { text: string; at: number }[] = [];
      receiver.onMessage((message) => pending.push({ text: message.text, at: performance.now() }));
      return { pending, store: (olderThanMs: number) => { const now = performance.now(); while (pending[0] && now - pending[0].at >= olderThanMs) stored.add((pending.shift() as { text: string }).text); } };
    };
    let memory = take(first);
    // The port is from the ephemeral range: for a moment the sender's own end may hold it.
    const restarted = async (onPort: number): Promise<LoopbackReceiver> => {
      for (let attempt = 0; ; attempt++) {
        try {
          return await receiverWith({ readDelayMs: 1 }, onPort);
        } catch (error) {
          if (attempt === 50) throw error;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    };
    const storing = setInterval(() => memory.store(20), 5);
    const killer = (async () => {
      while (!stop && kills < 6) {
        await new Promise((resolve) => setTimeout(resolve, 300 + 37 * kills));
        if (stop) return;
        kills++;
        memory.store(20);
        await current.crash();
        await new Promise((resolve) => setTimeout(resolve, 50));
        current = await restarted(port);
        memory = take(current);
      }
    })();
    const report = await deliverAll(texts, kind() !== 'datagram' ? 100 : 20, transport, dialer, target(port, { settleMs: kind() !== 'datagram' ? 300 : 20 }), { limitMs: 25_000, inFlightChunks: kind() !== 'datagram' ? 60 : 2 });
    stop = true;
    await killer;
    clearInterval(storing);
    memory.store(0);
    if (kind() !== 'datagram') expect(texts.filter((text) => !stored.has(text))).toEqual([]);
    else expect(stored.size).toBeGreaterThan(0);
    expect(kills).toBeGreaterThan(0);
    expect(report.failures.length).toBeGreaterThan(0);
  }, 40_000);

  describe('streams', () => {
    const sealedOnly = onlyFor('sealed');
    const connectionOnly = onlyFor('sealed', 'answered');

    connectionOnly('answers a refused connection with the cause', async () => {
      const receiver = await receiverWith();
      const { port } = receiver;
      await receiver.stop();
      const outcome = await transport.open(target(port), { dialer, listener: { safe: () => {}, failed: () => {} } });
      expect(outcome).toMatchObject({ type: 'failed', failure: { code: 'connection-refused', stage: 'connect' } });
    });

    sealedOnly('writes the buffers as they are, whatever their framing', async () => {
      const receiver = await receiverWith();
      const seen = await open(receiver.port);
      await sendTexts(seen, 1, ['<13>counted ä', '<13>with\nbreak'], transport, 'octet-counting');
      await sendTexts(seen, 2, ['<13>a line'], transport, 'newline');
      await receiver.waitFor(3);
      expect(receiver.messages.map((message) => [message.framing, message.text])).toEqual([['octet-counting', '<13>counted ä'], ['octet-counting', '<13>with\nbreak'], ['newline', '<13>a line']]);
    });

    sealedOnly('keeps no more than two chunks in memory while the receiver does not read, then fails', async () => {
      const receiver = await receiverWith();
      const seen = await open(receiver.port, { sendTimeoutMs: 500, sealIntervalMs: 60_000 });
      await sendTexts(seen, 1, ['<13>hello'], transport);
      await until(() => seen.safeUpTo === 1, 'the receiver shows that it answers');
      receiver.misbehave({ neverReads: true });
      const chunk = Buffer.alloc(256 * KIBIBYTE, 'y');
      let taken = 1;
      let outcome;
      const rssBefore = process.memoryUsage().external + process.memoryUsage().arrayBuffers;
      do {
        outcome = await seen.session.send({ number: ++taken, buffers: [chunk], events: 1, bytes: chunk.byteLength });
      } while (outcome.type === 'taken' && taken < 1000);
      expect(outcome).toMatchObject({ type: 'failed', failure: { code: 'send-timeout' } });
      expect(seen.failures).toHaveLength(1);
      expect(seen.safeUpTo).toBe(1);
      // The same buffer is sent each time: what would grow is the number of writes, each of which keeps its chunk. Kernel buffers hold some megabytes.
      expect(taken).toBeLessThan(200);
      expect(process.memoryUsage().external + process.memoryUsage().arrayBuffers - rssBefore).toBeLessThan(32 * KIBIBYTE * KIBIBYTE);
    });

    connectionOnly('fails when the receiver closes or resets in the middle', async () => {
      // A write may be told of a reset first; where answers are read, too, the read then sees nothing but an end.
      for (const [faults, codes] of [[{ closesAfterBytes: 5000 }, ['peer-closed', 'peer-reset']], [{ resetsAfterBytes: 5000 }, kind() === 'answered' ? ['peer-closed', 'peer-reset'] : ['peer-reset']]] as const) {
        const receiver = await receiverWith(faults);
        const seen = await open(receiver.port);
        for (let number = 1; number <= 100 && seen.failures.length === 0; number++) await sendTexts(seen, number, numbered(10), transport);
        await until(() => seen.failures.length > 0, 'the failure is told');
        expect(codes).toContain(seen.failures[0]?.code);
      }
    });

    connectionOnly('fails when the receiver closes an idle connection', async () => {
      const receiver = await receiverWith();
      const seen = await open(receiver.port);
      await receiver.until(() => receiver.connections === 1, 5000, 'the connection');
      receiver.closeConnections();
      await until(() => seen.failures.length > 0, 'the failure is told');
      expect(seen.failures[0]?.code).toBe('peer-closed');
    });

    connectionOnly('calls nothing safe when the receiver ends the connection by itself before it read everything', async () => {
      for (const onConnect of ['close', 'reset'] as const) {
        const receiver = await receiverWith({ onConnect });
        const seen = await openSession(transport, dialer, target(receiver.port)).catch(() => null);
        if (seen === null) continue;
        await sendTexts(seen, 1, ['<13>into the void'], transport);
        await until(() => seen.failures.length > 0, 'the failure is told');
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(seen.safes).toEqual([]);
      }
    });

    sealedOnly('seals under load without mixing the order, on few connections', async () => {
      const receiver = await receiverWith();
      const seen = await open(receiver.port);
      const texts = numbered(20_000, 400);
      const startedAt = performance.now();
      for (let number = 1; number <= 200; number++) expect(await sendTexts(seen, number, texts.slice((number - 1) * 100, number * 100), transport)).toEqual({ type: 'taken' });
      await until(() => seen.safeUpTo === 200, 'everything safe');
      const seconds = (performance.now() - startedAt) / 1000;
      expect(receiver.texts).toEqual(texts);
      expect(receiver.unfinishedFrames).toBe(0);
      // The first connection, the one after the first chunk, then at most four a second.
      expect(receiver.accepted).toBeLessThanOrEqual(3 + Math.ceil(4 * seconds));
    });

    sealedOnly('does not seal an idle connection again', async () => {
      const receiver = await receiverWith();
      const seen = await open(receiver.port, { sealIntervalMs: 20 });
      await sendTexts(seen, 1, ['<13>one'], transport);
      await until(() => seen.safeUpTo === 1, 'safe');
      const before = receiver.accepted;
      await new Promise((resolve) => setTimeout(resolve, 600));
      expect(receiver.accepted).toBe(before);
      expect(seen.failures).toEqual([]);
    });

    sealedOnly('finds out that a receiver never answers a half-close, says so, and goes on with the quiet period', async () => {
      const receiver = await receiverWith({ neverAnswersHalfClose: true });
      const texts = numbered(500);
      const report = await deliverAll(texts, 50, transport, dialer, target(receiver.port, { sendTimeoutMs: 200, settleMs: 50 }), { limitMs: 20_000 });
      expect(new Set(receiver.texts)).toEqual(new Set(texts));
      expect(report.failures).toMatchObject([{ code: 'send-timeout', stage: 'close' }]);
      expect([...report.evidence]).toEqual(['sent']);
      expect(transport.reachesAt?.({ host: '127.0.0.1', port: receiver.port })).toBe('sent');
      const again = await deliverAll(texts, 50, transport, dialer, target(receiver.port, { sendTimeoutMs: 200, settleMs: 50 }), { limitMs: 20_000 });
      expect(again).toMatchObject({ sessions: 1, failures: [], resent: 0 });
    });

    sealedOnly('never believes less proof of a receiver that has answered before: one that hangs gets everything again', async () => {
      const receiver = await receiverWith();
      const { port } = receiver;
      const changes = { sendTimeoutMs: 300, settleMs: 50, sealIntervalMs: 50 };
      await deliverAll(['<13>hello'], 1, transport, dialer, target(port, changes), { limitMs: 10_000 });
      receiver.misbehave({ neverReads: true, neverAnswersHalfClose: true });
      for (let round = 0; round < 3; round++) {
        const seen = await open(port, changes);
        await sendTexts(seen, 1, ['<13>lost with a hanging receiver'], transport);
        await until(() => seen.failures.length > 0, 'the failure is told');
        expect(seen.failures[0]).toMatchObject({ code: 'send-timeout', stage: 'close' });
        expect(seen.safes).toEqual([]);
      }
      expect(transport.reachesAt?.({ host: '127.0.0.1', port })).toBe('read');
    });

    sealedOnly('keeps to the quiet period alone when seals are off', async () => {
      const receiver = await receiverWith();
      const seen = await open(receiver.port, { sealIntervalMs: 0, settleMs: 50 });
      await sendTexts(seen, 1, ['<13>one'], transport);
      await sendTexts(seen, 2, ['<13>two'], transport);
      await until(() => seen.safeUpTo === 2, 'safe');
      expect(new Set(seen.safes.map((safe) => safe.evidence))).toEqual(new Set(['sent']));
      expect(receiver.accepted).toBe(1);
    });

    sealedOnly('replaces a connection after its lifetime, without a failure and in order', async () => {
      for (const sealIntervalMs of [0, 60_000]) {
        const receiver = await receiverWith();
        const seen = await open(receiver.port, { linkLifetimeMs: 150, sealIntervalMs, settleMs: 20 });
        const texts = numbered(200);
        for (let number = 1; number <= 200; number++) {
          await sendTexts(seen, number, texts.slice(number - 1, number), transport);
          await new Promise((resolve) => setTimeout(resolve, 4));
        }
        await until(() => seen.safeUpTo === 200 || seen.failures.length > 0, 'safe');
        expect(seen.failures).toEqual([]);
        expect(receiver.texts).toEqual(texts);
        expect(receiver.accepted).toBeGreaterThan(2);
      }
    });

    sealedOnly('gives up the wait of close when the grace is over, without calling the rest safe', async () => {
      const receiver = await receiverWith({ neverAnswersHalfClose: true });
      const seen = await open(receiver.port);
      await sendTexts(seen, 1, ['<13>one'], transport);
      const startedAt = performance.now();
      await seen.session.close(200);
      expect(performance.now() - startedAt).toBeLessThan(3000);
      expect(seen.safes).toEqual([]);
      expect(seen.failures).toEqual([]);
    });
  });

  describe('answers', () => {
    const answeredOnly = onlyFor('answered');

    answeredOnly('keeps the order and few messages unanswered while the receiver is slow', async () => {
      const receiver = await receiverWith({ readDelayMs: 2 });
      const seen = await open(receiver.port, { relpWindow: 10 });
      const texts = numbered(500);
      for (let number = 1; number <= 5; number++) {
        expect(await sendTexts(seen, number, texts.slice((number - 1) * 100, number * 100), transport)).toEqual({ type: 'taken' });
        // The rest of a chunk waits for answers, so at most a window of it is on its way when the next is asked for.
        expect(receiver.received).toBeGreaterThanOrEqual(number * 100 - 10);
      }
      await until(() => seen.safeUpTo === 5, 'everything safe');
      expect(receiver.texts).toEqual(texts);
    });

    answeredOnly('sends a refused message again in another session, and loses none', async () => {
      const receiver = await receiverWith({ refusesEachNth: 333 });
      const texts = numbered(1000);
      const report = await deliverAll(texts, 50, transport, dialer, target(receiver.port), { limitMs: 20_000 });
      expect(new Set(receiver.texts)).toEqual(new Set(texts));
      expect(report.failures.length).toBeGreaterThan(0);
      expect(new Set(report.failures.map(({ code }) => code))).toEqual(new Set(['receiver-refused']));
      expect([...report.evidence]).toEqual(['accepted']);
    });

    answeredOnly('fails, and calls nothing safe, when messages stay without an answer', async () => {
      const receiver = await receiverWith({ neverAnswersMessages: true });
      const seen = await open(receiver.port, { sendTimeoutMs: 200 });
      await sendTexts(seen, 1, ['<13>one'], transport);
      await until(() => seen.failures.length > 0, 'the failure is told');
      expect(seen.failures).toMatchObject([{ code: 'send-timeout', stage: 'send' }]);
      expect(seen.safes).toEqual([]);
    });

    answeredOnly('gives up the wait of close when the grace is over, without calling the rest safe', async () => {
      const receiver = await receiverWith({ neverAnswersMessages: true });
      const seen = await open(receiver.port);
      await sendTexts(seen, 1, ['<13>one'], transport);
      const startedAt = performance.now();
      await seen.session.close(200);
      expect(performance.now() - startedAt).toBeLessThan(3000);
      expect(seen.safes).toEqual([]);
      expect(seen.failures).toEqual([]);
    });

    answeredOnly('replaces a connection after its lifetime, without a failure and in order', async () => {
      const receiver = await receiverWith();
      const seen = await open(receiver.port, { linkLifetimeMs: 150 });
      const texts = numbered(200);
      for (let number = 1; number <= 200; number++) {
        await sendTexts(seen, number, texts.slice(number - 1, number), transport);
        await new Promise((resolve) => setTimeout(resolve, 6));
      }
      await until(() => seen.safeUpTo === 200 || seen.failures.length > 0, 'safe');
      expect(seen.failures).toEqual([]);
      expect(receiver.texts).toEqual(texts);
      expect(receiver.accepted).toBeGreaterThan(2);
    });

    answeredOnly('keeps a bounded part of a chunk in memory while the receiver does not read, then fails', async () => {
      const receiver = await receiverWith();
      const seen = await open(receiver.port, { sendTimeoutMs: 500, relpWindow: 20 });
      await sendTexts(seen, 1, ['<13>hello'], transport);
      await until(() => seen.safeUpTo === 1, 'safe');
      receiver.misbehave({ neverReads: true });
      const big = 'y'.repeat(64 * KIBIBYTE);
      const outcome = await sendTexts(seen, 2, Array.from({ length: 200 }, () => big), transport);
      expect(outcome).toMatchObject({ type: 'failed', failure: { code: 'send-timeout' } });
      expect(seen.failures).toHaveLength(1);
      expect(seen.safeUpTo).toBe(1);
    });
  });

  describe('datagrams', () => {
    const datagramOnly = onlyFor('datagram');

    datagramOnly('sends one message a datagram and names those that never fit', async () => {
      const receiver = await receiverWith();
      const seen = await open(receiver.port);
      expect(await sendTexts(seen, 1, ['<13>one', 'x'.repeat(65_508), '<13>with\nbreak'], transport)).toMatchObject({ type: 'taken', rejected: [{ index: 1, code: 'message-too-long', reason: expect.stringContaining('65508') }] });
      await receiver.waitFor(2);
      expect(receiver.texts.sort()).toEqual(['<13>one', '<13>with\nbreak']);
      await until(() => seen.safeUpTo === 1, 'safe');
    });

    datagramOnly('fails when the receiver is not there, and says so', async () => {
      const receiver = await receiverWith();
      const { port } = receiver;
      await receiver.stop();
      const seen = await open(port, { settleMs: 500 });
      await sendTexts(seen, 1, ['<13>one'], transport);
      await until(() => seen.failures.length > 0, 'the refusal comes back');
      expect(seen.failures[0]).toMatchObject({ code: 'connection-refused', stage: 'send' });
      expect(seen.safes).toEqual([]);
    });

    datagramOnly('says plainly that only "sent" can be shown', async () => {
      expect(transport.reaches).toBe('sent');
      expect(transport.caveat).toMatch(/sent/);
    });
  });
}
