import { describe, expect, it } from '@jest/globals';
import { SeenSession, sendTexts, targetOf, until } from '../../../../test/contract/transport/driver.js';
import { LoopbackReceiver } from '../../../demo/loopback-receiver.js';
import { NetworkDialer } from '../../../platform/network/dialer.js';
import { TcpTransport } from '../tcp/tcp.transport.js';
import { ReceiverHabits } from './receiver-memory.js';
import { StreamConnector } from './stream-connector.js';
import { StreamSession } from './stream-session.js';

describe('a session to a receiver that was taken for one that cannot prove what it read', () => {
  it('asks it again while the connection lives, and has proof from then on', async () => {
    const receiver = await LoopbackReceiver.start({ protocol: 'tcp' });
    const transport = new TcpTransport();
    const target = targetOf(transport, receiver.port, { settleMs: 20, sealIntervalMs: 100 });
    const seen = new SeenSession();
    const context = { dialer: new NetworkDialer({ denyCidrs: [] }), listener: seen.listener };
    const habits = new ReceiverHabits();
    // Two silences almost a minute ago.
    const then = performance.now() - 59_000;
    habits.unanswered(then);
    habits.unanswered(then);
    expect(habits.mode(performance.now())).toBe('quiet');
    const connector = new StreamConnector(target, context);
    const connected = await connector.connect();
    if (connected.type === 'failed') throw new Error(connected.failure.cause);
    seen.session = new StreamSession(target, context, connector, habits, connected.link);
    await sendTexts(seen, 1, ['<13>one'], transport);
    await until(() => seen.safeUpTo === 1, 'safe');
    expect(seen.safes.map(({ evidence }) => evidence)).toEqual(['sent']);
    let number = 1;
    await until(() => {
      if (habits.mode(performance.now()) === 'sealed' && seen.safeUpTo === number) void sendTexts(seen, ++number, [`<13>${number}`], transport);
      return seen.safes.some(({ evidence }) => evidence === 'read');
    }, 'proof');
    expect(seen.failures).toEqual([]);
    await seen.session.close(1000);
    expect(receiver.texts).toEqual(['<13>one', ...Array.from({ length: number - 1 }, (_, index) => `<13>${index + 2}`)]);
    await receiver.stop();
  });
});
