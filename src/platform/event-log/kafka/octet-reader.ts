/** Reads the protocol's primitive types (Kafka protocol guide, "Protocol Primitive Types") one behind the other. @throws RangeError beyond the end */
export class OctetReader {
  constructor(readonly octets: Buffer, public at = 0, readonly end = octets.length) {}

  get left(): number {
    return this.end - this.at;
  }

  int16(): number {
    return this.octets.readInt16BE((this.at += 2) - 2);
  }

  int32(): number {
    return this.octets.readInt32BE((this.at += 4) - 4);
  }

  /** As the client has it: in decimal. */
  int64(): string {
    return String(this.octets.readBigInt64BE((this.at += 8) - 8));
  }

  /** Null for a negative length. */
  text(octets: number): string | null {
    return octets < 0 ? null : this.octets.toString('utf8', this.at, this.pass(octets));
  }

  /** ZigZag (KIP-98); up to 53 bits, for times and lengths. */
  varint(): number {
    const { octets } = this;
    let octet = octets[this.at++] ?? 0;
    let value = octet & 0x7f;
    for (let scale = 0x80; octet >= 0x80; scale *= 0x80) {
      if (scale > 2 ** 49) throw new RangeError('a number of more than 53 bits');
      octet = octets[this.at++] ?? 0;
      value += (octet & 0x7f) * scale;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** Null for a negative length. */
  counted(): Buffer | null {
    const length = this.varint();
    return length < 0 ? null : this.octets.subarray(this.at, this.pass(length));
  }

  /** Goes so many octets on. @param end of what they are a part of. @returns where it is then */
  pass(octets: number, end = this.end): number {
    this.at += octets;
    if (this.at > end) throw new RangeError(`${octets} octets are said to be where ${end - this.at + octets} are left`);
    return this.at;
  }
}
