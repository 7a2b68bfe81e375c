import { randomBytes } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import { useDirectGzip } from './gzip-codec.js';

interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

describe('the gzip codec', () => {
  let codec: Codec;
  beforeAll(() => {
    useDirectGzip();
    codec = (kafkajs.CompressionCodecs[kafkajs.CompressionTypes.GZIP] as () => Codec)();
  });

  it.each([0, 1, 700, 16_384, 3_000_000])('gives %i octets back as they were, and is read by any other', async (octets) => {
    for (const raw of [randomBytes(octets), Buffer.alloc(octets, 'event ')]) {
      const packed = await codec.compress({ buffer: raw });
      expect(gunzipSync(packed).equals(raw)).toBe(true);
      expect((await codec.decompress(packed)).equals(raw)).toBe(true);
      expect((await codec.decompress(gzipSync(raw, { level: 9 }))).equals(raw)).toBe(true);
    }
  });

  it('reads several members one after the other, and a length that is not true', async () => {
    const both = Buffer.concat([gzipSync(Buffer.alloc(100_000, 'a')), gzipSync('b')]);
    expect((await codec.decompress(both)).toString()).toBe(`${'a'.repeat(100_000)}b`);
  });

  it('refuses what is no gzip', async () => {
    await expect(codec.decompress(randomBytes(40))).rejects.toThrow();
    await expect(codec.decompress(Buffer.alloc(3))).rejects.toThrow();
  });
});
