import { afterEach, describe, expect, it } from '@jest/globals';
import syslogClient from 'syslog-client';
import { LoopbackReceiver } from '../../src/demo/loopback-receiver.js';
import { describeWithPeer } from '../support/peers.js';
import { Rsyslog, rsyslogMissing } from '../support/rsyslog.js';

/**
 * syslog-client is a sender of another make: it shows that our receiver reads what others send, as rsyslog does.
 * Why it is not the transport: docs/decisions/0003-syslog-client.md; the last tests keep its facts true.
 */
const AT = new Date('2026-11-02T08:09:10.123Z');
const HEADER = { facility: 13, severity: 5, rfc3164: false, appName: 'peer', syslogHostname: 'gate.example.org', timestamp: AT, msgid: 'account.provisioned' };
const expected = (text: string) => `<109>1 2026-11-02T08:09:10.123Z gate.example.org peer ${process.pid} account.provisioned - ${text}`;

async function send(protocol: 'udp' | 'tcp', port: number, texts: readonly string[], options: object = {}): Promise<void> {
  const client = syslogClient.createClient('127.0.0.1', { port, transport: protocol === 'udp' ? syslogClient.Transport.Udp : syslogClient.Transport.Tcp });
  client.on('error', () => {});
  // Its date formatter is called on the timestamp of the message.
  for (const text of texts) await new Promise<void>((resolve, reject) => client.log(text, { ...HEADER, ...options }, (error) => (error ? reject(error) : resolve())));
  client.close();
}

let receiver: LoopbackReceiver | undefined;
let rsyslog: Rsyslog | undefined;
afterEach(async () => {
  await receiver?.stop();
  await rsyslog?.stop();
  receiver = rsyslog = undefined;
});
const texts = ['plain', 'äöü 漢字 🙂', 'quotes " and \\ and ]', 'digits 12 <13> inside', 'x'.repeat(5000)];

describe('the built-in receiver reads an independent sender', () => {
  it('over tcp, where it ends each message with a line feed', async () => {
    receiver = await LoopbackReceiver.start({ protocol: 'tcp' });
    await send('tcp', receiver.port, texts);
    await receiver.waitFor(texts.length);
    expect(receiver.texts).toEqual(texts.map(expected));
    expect(receiver.messages.every((message) => message.framing === 'newline')).toBe(true);
  });

  it('over udp, where it sends the line feed too', async () => {
    receiver = await LoopbackReceiver.start({ protocol: 'udp' });
    await send('udp', receiver.port, texts);
    await receiver.waitFor(texts.length);
    expect(receiver.texts.sort()).toEqual(texts.map((text) => `${expected(text)}\n`).sort());
  });

  it('in RFC 3164 style, with a day padded by a space', async () => {
    receiver = await LoopbackReceiver.start({ protocol: 'tcp' });
    await send('tcp', receiver.port, ['tag: text'], { rfc3164: true });
    await receiver.waitFor(1);
    expect(receiver.texts[0]).toMatch(/^<109>[A-Z][a-z]{2} {2}\d \d\d:\d\d:\d\d gate\.example\.org tag: text$/);
  });
});

describeWithPeer('rsyslog and the built-in receiver agree on it', rsyslogMissing(), () => {
  it.each(['tcp', 'udp'] as const)('over %s', async (protocol) => {
    rsyslog = await Rsyslog.start();
    receiver = await LoopbackReceiver.start({ protocol });
    await send(protocol, rsyslog.ports[protocol], texts);
    await send(protocol, receiver.port, texts);
    await receiver.waitFor(texts.length);
    const records = await rsyslog.waitForRecords(texts.length);
    expect(records.map((record) => record.rawmsg).sort()).toEqual(receiver.texts.map((text) => text.replace(/\n$/, '')).sort());
    expect(records[0]).toMatchObject({ hostname: 'gate.example.org', appName: 'peer', msgid: 'account.provisioned' });
  });
});

describe('what it cannot do, which is why it is not the transport', () => {
  it('lets a line break in the text forge a second record', async () => {
    receiver = await LoopbackReceiver.start({ protocol: 'tcp' });
    await send('tcp', receiver.port, ['harmless\n<8>1 - - - - - - forged']);
    await receiver.waitFor(2);
    expect(receiver.texts[1]).toBe('<8>1 - - - - - - forged');
  });

  it('breaks its header with a space in the host name', async () => {
    receiver = await LoopbackReceiver.start({ protocol: 'tcp' });
    await send('tcp', receiver.port, ['text'], { syslogHostname: 'two words' });
    await receiver.waitFor(1);
    expect(receiver.texts[0]).toContain(' two words peer ');
  });

  it('knows no TLS and no octet counting', () => {
    expect(Object.keys(syslogClient.Transport).filter((key) => Number.isNaN(Number(key))).sort()).toEqual(['Tcp', 'Udp']);
  });
});
