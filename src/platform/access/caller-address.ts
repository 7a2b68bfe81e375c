import type { GateRequest } from '../http/request.js';

/** The caller's address; an IPv4 address that came over an IPv6 socket in its own form. */
export function addressOf(request: GateRequest): string | undefined {
  return request.ip?.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
