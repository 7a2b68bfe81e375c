import { gunzipSync, gzipSync, inflateRawSync } from 'node:zlib';
import kafkajs, { type CompressionTypes as CompressionType } from 'kafkajs';
import { contentOf, sealedMember } from './member-seal.js';

// A CommonJS package: Node finds not all of its names as exports.
const { CompressionCodecs, CompressionTypes } = kafkajs;

/** Two thirds of the time of the usual 6, a tenth more octets. */
const LEVEL = 3;
const SMALLEST_CHUNK = 1024;
const LARGEST_CHUNK = 1_048_576;
/** What gzip may add to octets that do not shrink, and then some. */
const SLACK = 64;
/** Bits in which a batch names its codec; the client keeps codecs by the whole number. */
const CODEC_BITS = 3;

/**
 * gzip (RFC 1952) without a detour: a batch of some dozen records is packed and unpacked in a fraction of the time that the library's own codec takes to
 * hand it to another thread and to join what comes back in pieces.
 */
export function useDirectGzip(): void {
  CompressionCodecs[CompressionTypes.GZIP] = () => ({ ...CODEC, compress: async ({ buffer }: { buffer: Buffer }) => packed(buffer) });
}

/** What a send gives as its compression so that its batch is packed by gzip and sealed under the key. */
export function sealedGzip(key: Buffer): CompressionType {
  let type = sealing.get(key);
  if (type === undefined) {
    type = CompressionTypes.GZIP + (++codecs << CODEC_BITS);
    sealing.set(key, type);
    (CompressionCodecs as Record<number, () => Codec>)[type] = () => ({ ...CODEC, compress: async ({ buffer }: { buffer: Buffer }) => sealedMember(packed(buffer), key) });
  }
  return type;
}

/** As the topic holds it. */
export function packed(octets: Buffer): Buffer {
  return gzipSync(octets, { level: LEVEL, chunkSize: chunkOf(octets.length) });
}

export function unpacked(octets: Uint8Array): Buffer {
  return gunzipSync(octets, { chunkSize: chunkOf(unpackedOctets(octets)) });
}

/** Of a member whose seal fits: two thirds of the time. */
export function unpackedSealed(member: Uint8Array): Buffer {
  return inflateRawSync(contentOf(member), { chunkSize: chunkOf(unpackedOctets(member)) });
}

/** What the last member says of itself (section 2.3.1, ISIZE); a hint, as others write such batches too. */
function unpackedOctets(octets: Uint8Array): number {
  return octets.length < 18 ? 0 : new DataView(octets.buffer, octets.byteOffset).getUint32(octets.length - 4, true);
}

interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

const CODEC = { decompress: async (buffer: Buffer): Promise<Buffer> => unpacked(buffer) };
const sealing = new WeakMap<Buffer, number>();
let codecs = 0;

/** The result keeps its chunk alive for as long as its events wait: at a steady rate most batches are of one event, so a chunk is hardly larger than what comes out. */
const chunkOf = (octets: number): number => Math.min(Math.max(octets + SLACK, SMALLEST_CHUNK), LARGEST_CHUNK);
