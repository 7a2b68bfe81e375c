import { createHmac } from 'node:crypto';
import { hmacPerKey, SignedOctets } from './hmac-sha256.js';

/** A gzip member without anything optional (RFC 1952, section 2.3) begins with so many octets. */
const PLAIN_HEAD_OCTETS = 10;
const SEAL_OCTETS = 32;
/** How a sealed member begins: deflate, with an extra field, of no time, made on Unix; then an extra field of 36 octets with one subfield, `TG`, of 32 (section 2.3.1.1). */
const HEAD = Buffer.from([0x1f, 0x8b, 8, 0x04, 0, 0, 0, 0, 0, 3, 4 + SEAL_OCTETS, 0, 0x54, 0x47, SEAL_OCTETS, 0]);
const SEALED_HEAD_OCTETS = HEAD.length + SEAL_OCTETS;
/** Checksum and length (section 2.3.1). */
const TRAILER_OCTETS = 8;
const PURPOSE = 'tidegate: a batch as it was packed';

/**
 * The member with a seal in its extra field, which any reader of gzip passes: HMAC-SHA-256 over all that follows it. What was packed is an eighth of what it holds, so it is signed and checked for an eighth of the cost.
 * @param member as zlib makes it, without name and comment
 */
export function sealedMember(member: Buffer, key: Buffer): Buffer {
  const content = member.subarray(PLAIN_HEAD_OCTETS);
  signed.clear();
  signed.add(content);
  return Buffer.concat([HEAD, hmacOf(key).of(signed), content]);
}

/** What such a member holds, packed by deflate alone (RFC 1951): the seal has said already what the checksum behind it would say. */
export function contentOf(sealed: Uint8Array): Uint8Array {
  return sealed.subarray(SEALED_HEAD_OCTETS, sealed.length - TRAILER_OCTETS);
}

/** Whether its seal is one under these keys; undefined where it bears none. */
export function bearsMemberSeal(octets: Uint8Array, keys: readonly Buffer[]): boolean | undefined {
  const member = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  if (member.length <= SEALED_HEAD_OCTETS + TRAILER_OCTETS || HEAD.compare(member, 0, HEAD.length) !== 0) return undefined;
  const seal = member.subarray(HEAD.length, SEALED_HEAD_OCTETS);
  signed.clear();
  signed.add(member.subarray(SEALED_HEAD_OCTETS));
  return keys.some((key) => hmacOf(key).matches(seal, signed));
}

/** One at a time, filled and signed without anything in between. */
const signed = new SignedOctets();

/** Under a key of its own: what is signed for another purpose is no seal here. */
const hmacOf = hmacPerKey((key) => createHmac('sha256', key).update(PURPOSE).digest());
