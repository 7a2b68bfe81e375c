/**
 * Which partition a key belongs to: murmur2 over the key's UTF-8 octets, as the default partitioner of Apache Kafka's own clients does it,
 * so that both logs, and producers that write the topic themselves, agree.
 */
const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;

export function partitionOf(key: string, partitions: number): number {
  return partitions === 1 ? 0 : (murmur2(Buffer.from(key, 'utf8')) & 0x7fffffff) % partitions;
}

/** The 32 bit hash of org.apache.kafka.common.utils.Utils.murmur2, as a signed integer. */
export function murmur2(data: Uint8Array): number {
  const length = data.length;
  let hash = SEED ^ length;
  let index = 0;
  for (; index + 4 <= length; index += 4) {
    let word = (data[index] ?? 0) | ((data[index + 1] ?? 0) << 8) | ((data[index + 2] ?? 0) << 16) | ((data[index + 3] ?? 0) << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    word = Math.imul(word, MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ word;
  }
  const rest = length - index;
  if (rest === 3) hash ^= (data[index + 2] ?? 0) << 16;
  if (rest >= 2) hash ^= (data[index + 1] ?? 0) << 8;
  if (rest >= 1) hash = Math.imul(hash ^ (data[index] ?? 0), MULTIPLIER);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MULTIPLIER);
  return hash ^ (hash >>> 15);
}
