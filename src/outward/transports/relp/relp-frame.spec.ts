import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nextTransaction, relpAnswer, relpCommand, RelpFrameReader, relpOffers, syslogCommands } from './relp-frame.js';

describe('RELP frames', () => {
  it('are written as the protocol says', () => {
    expect(relpCommand(1, 'open', 'relp_version=0\ncommands=syslog').toString()).toBe('1 open 30 relp_version=0\ncommands=syslog\n');
    expect(relpCommand(2, 'close').toString()).toBe('2 close 0\n');
    expect(syslogCommands(7, [Buffer.from('<13>ä'), Buffer.alloc(0)]).toString()).toBe('7 syslog 6 <13>ä\n8 syslog 0\n');
    expect(syslogCommands(999_999_999, [Buffer.from('a'), Buffer.from('b')]).toString()).toBe('999999999 syslog 1 a\n1 syslog 1 b\n');
    expect(nextTransaction(0)).toBe(1);
  });

  it('come back whole from any octets, cut anywhere', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (messages, cuts) => {
      const octets = syslogCommands(1, messages);
      const reader = new RelpFrameReader();
      const seen: Buffer[] = [];
      for (let at = 0, cut = 0; at < octets.byteLength; cut++) {
        const size = cuts[cut % cuts.length] ?? 1;
        for (const frame of reader.push(octets.subarray(at, at + size))) {
          expect(frame).toMatchObject({ transaction: seen.length + 1, command: 'syslog' });
          seen.push(Buffer.from(frame.data, 'latin1'));
        }
        at += size;
      }
      expect(seen).toEqual(messages.map((message) => Buffer.from(message)));
    }));
  });

  it('take a space before data that is not there', () => {
    expect(new RelpFrameReader().push(Buffer.from('0 serverclose 0 \n3 rsp 6 200 OK\n'))).toEqual([{ transaction: 0, command: 'serverclose', data: '' }, { transaction: 3, command: 'rsp', data: '200 OK' }]);
  });

  it.each(['HTTP/1.1 400 Bad Request\r\n', '<13>hello', '1 rsp 6 200 OKx', `1 rsp ${'9'.repeat(12)}`, '1 rsp 999999999 x', '1  rsp 6 200 OK\n', 'a'.repeat(70)])('refuse what is none: %s', (text) => {
    expect(() => new RelpFrameReader().push(Buffer.from(text))).toThrow(SyntaxError);
  });

  it('carry answers with a code, a text and offers', () => {
    expect(relpAnswer('200 OK\nrelp_version=0\nrelp_software=librelp,1.11.0,http://librelp.adiscon.com\ncommands=syslog')).toMatchObject({ code: 200, text: 'OK' });
    expect(relpAnswer('500')).toEqual({ code: 500, text: '', data: '' });
    expect(relpAnswer('OK')).toBeNull();
    const offers = relpOffers('relp_version=0\nrelp_software=librelp,1.11.0,url?a=b\n\ncommands=syslog');
    expect([...offers]).toEqual([['relp_version', '0'], ['relp_software', 'librelp,1.11.0,url?a=b'], ['commands', 'syslog']]);
  });
});
