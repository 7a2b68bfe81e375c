import { BlockList, isIP } from 'node:net';

/** Which addresses outgoing connections may never reach (`network.denyCidrs`). IPv4 addresses written as IPv6 are the same addresses. */
export class AddressPolicy {
  private readonly denied = new BlockList();

  /** @throws Error naming the setting, the value and the fix, when an entry is no address or CIDR block */
  constructor(denyCidrs: readonly string[]) {
    for (const entry of denyCidrs) this.add(entry.trim());
  }

  allows(address: string): boolean {
    const bare = address.replace(/%.*$/, '');
    const family = isIP(bare);
    if (family === 0) return false;
    return !this.denied.check(bare, family === 6 ? 'ipv6' : 'ipv4');
  }

  private add(entry: string): void {
    const [address = '', prefix, ...rest] = entry.split('/');
    const family = isIP(address);
    const longest = family === 6 ? 128 : 32;
    const bits = prefix === undefined ? longest : Number(prefix);
    if (family === 0 || rest.length > 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) || bits > longest) {
      throw new Error(`network.denyCidrs: "${entry}" is no address or CIDR block; write for example 10.0.0.0/8 or fd00::/8.`);
    }
    this.denied.addSubnet(address, bits, family === 6 ? 'ipv6' : 'ipv4');
  }
}
