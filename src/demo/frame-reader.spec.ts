import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FrameReader } from './frame-reader.js';

const read = (reader: FrameReader, text: string) => reader.push(Buffer.from(text)).map((frame) => frame.bytes.toString());

describe('reading frames from a stream', () => {
  it('tells octet counting from lines at the start of each frame', () => {
    const reader = new FrameReader('detect');
    expect(read(reader, '5 <1>a\n<2>line\n{"json":1}\n7 <3>12 b')).toEqual(['<1>a\n', '<2>line', '{"json":1}', '<3>12 b']);
    expect(reader.unfinished).toBe(0);
  });

  it('keeps to one framing when told so', () => {
    expect(read(new FrameReader('newline'), '5 <1>a\n')).toEqual(['5 <1>a']);
    expect(() => read(new FrameReader('octet-counting'), '<1>a\n')).toThrow('invalid frame header');
    expect(() => read(new FrameReader('octet-counting'), '05 <1>a')).toThrow('invalid frame header');
    expect(() => read(new FrameReader('detect'), '12345678901 x')).toThrow('invalid frame header');
  });

  it('counts octets, not characters', () => {
    expect(read(new FrameReader('octet-counting'), '2 ä3 abc')).toEqual(['ä', 'abc']);
  });

  it('holds back a frame that has not ended', () => {
    const reader = new FrameReader('detect');
    expect(read(reader, '1')).toEqual([]);
    expect(read(reader, '0 <1>')).toEqual([]);
    expect(reader.unfinished).toBe(6);
    expect(read(reader, '3456789x<2>')).toEqual(['<1>3456789']);
    expect(reader.unfinished).toBe(4);
  });

  it('reads the same frames however the stream is cut', () => {
    const message = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }).map((text) => `<13>${text.replaceAll('\n', ' ')}`);
    fc.assert(fc.property(fc.array(fc.record({ text: message, counted: fc.boolean() }), { maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (messages, cuts) => {
      const stream = Buffer.concat(messages.map(({ text, counted }) => Buffer.from(counted ? `${Buffer.byteLength(text)} ${text}` : `${text}\n`)));
      const reader = new FrameReader('detect');
      const frames: string[] = [];
      for (let at = 0, turn = 0; at < stream.byteLength; turn++) {
        const length = cuts[turn % cuts.length] ?? 1;
        frames.push(...reader.push(stream.subarray(at, at + length)).map((frame) => frame.bytes.toString()));
        at += length;
      }
      expect(frames).toEqual(messages.map(({ text }) => text));
    }));
  });
});
