import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { openSession, sendTexts, targetOf, until } from '../../../../test/contract/transport/driver.js';
import { LoopbackReceiver } from '../../../demo/loopback-receiver.js';
import { NetworkDialer } from '../../../platform/network/dialer.js';
import { RelpTransport } from './relp.transport.js';

const NOBODY = { safe: () => {}, failed: () => {} };

describe('RELP', () => {
  const dialer = new NetworkDialer({ denyCidrs: [] });
  const transport = new RelpTransport();
  const ends: Array<() => Promise<void>> = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  async function receiver(faults = {}): Promise<LoopbackReceiver> {
    const one = await LoopbackReceiver.start({ protocol: 'relp', faults });
    ends.push(() => one.stop());
    return one;
  }

  /** A peer that answers every octet with what the test says. */
  async function peer(onData: (socket: Socket, data: Buffer) => void): Promise<number> {
    const sockets = new Set<Socket>();
    const server: Server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', (data) => onData(socket, data));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return (server.address() as AddressInfo).port;
  }

  it('says that a receiver refused the session', async () => {
    const one = await receiver({ refusesSessions: true });
    expect(await transport.open(targetOf(transport, one.port), { dialer, listener: NOBODY })).toMatchObject({ type: 'failed', failure: { code: 'receiver-refused', stage: 'send', cause: expect.stringContaining('500 not today') } });
  });

  it('says that a plain syslog listener does not answer, and that something else does not speak RELP', async () => {
    const silent = await LoopbackReceiver.start({ protocol: 'tcp', framing: 'newline' });
    ends.push(() => silent.stop());
    const answer = await transport.open(targetOf(transport, silent.port, { connectTimeoutMs: 300 }), { dialer, listener: NOBODY });
    expect(answer).toMatchObject({ type: 'failed', failure: { code: 'not-relp', needsPerson: false, cause: expect.stringContaining('did not answer') } });
    const web = await peer((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await transport.open(targetOf(transport, web), { dialer, listener: NOBODY })).toMatchObject({ type: 'failed', failure: { code: 'not-relp', needsPerson: true } });
  });

  it.each([['200 OK', 'not-relp'], ['200 OK\nrelp_version=0\ncommands=eventlog', 'receiver-refused']])('does not use a session that was answered with %j', async (data, code) => {
    const port = await peer((socket) => socket.write(`1 rsp ${data.length} ${data}\n`));
    expect(await transport.open(targetOf(transport, port), { dialer, listener: NOBODY })).toMatchObject({ type: 'failed', failure: { code, needsPerson: true } });
  });

  it('counts nothing as accepted that was not answered before the receiver said that it ends the session', async () => {
    const one = await receiver();
    const seen = await openSession(transport, dialer, targetOf(transport, one.port));
    await sendTexts(seen, 1, ['<13>one'], transport);
    await until(() => seen.safeUpTo === 1, 'safe');
    one.misbehave({ neverAnswersMessages: true });
    await sendTexts(seen, 2, ['<13>two', '<13>three'], transport);
    await one.waitFor(3);
    one.sayServerClose();
    await until(() => seen.failures.length > 0, 'the failure is told');
    expect(seen.failures).toMatchObject([{ code: 'peer-closed', cause: expect.stringMatching(/serverclose\) with 2 messages unanswered/) }]);
    expect(seen.safes.map(({ upTo }) => upTo)).toEqual([1]);
  });

  it('is not led astray by an answer that nobody waits for', async () => {
    let opened = false;
    const port = await peer((socket) => {
      socket.write(opened ? '77 rsp 6 200 OK\n' : '1 rsp 38 200 OK\nrelp_version=0\ncommands=syslog\n'.replace('38', String('200 OK\nrelp_version=0\ncommands=syslog'.length)));
      opened = true;
    });
    const seen = await openSession(transport, dialer, targetOf(transport, port));
    await sendTexts(seen, 1, ['<13>one'], transport);
    await until(() => seen.failures.length > 0, 'the failure is told');
    expect(seen.failures).toMatchObject([{ code: 'not-relp', cause: expect.stringContaining('77') }]);
    expect(seen.safes).toEqual([]);
  });

  it('sends messages with line feeds and any octets whole', async () => {
    const one = await receiver();
    const seen = await openSession(transport, dialer, targetOf(transport, one.port));
    const texts = ['<13>two\nlines', '<13>äöü €', '1 syslog 5 forged\n2 rsp 6 200 OK'];
    await sendTexts(seen, 1, texts, transport);
    await until(() => seen.safeUpTo === 1, 'safe');
    expect(one.texts).toEqual(texts);
    await seen.session.close(1000);
  });
});
