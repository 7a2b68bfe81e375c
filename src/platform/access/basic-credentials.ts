/** What an Authorization header says. */
export type AuthorizationHeader = { type: 'none' } | { type: 'basic'; name: string; password: string } | { type: 'bearer'; token: string } | { type: 'unreadable' } | { type: 'other-scheme'; scheme: string };

/** Reads an Authorization header of scheme Basic (RFC 7617; UTF-8, as our challenge says) or Bearer (RFC 6750). */
export function readAuthorization(header: string | undefined): AuthorizationHeader {
  if (header === undefined || header.trim() === '') return { type: 'none' };
  const [scheme = '', encoded = '', ...rest] = header.trim().split(/ +/);
  // RFC 6750, 2.1
  if (scheme.toLowerCase() === 'bearer') return rest.length === 0 && /^[A-Za-z0-9._~+/-]+=*$/.test(encoded) ? { type: 'bearer', token: encoded } : { type: 'unreadable' };
  if (scheme.toLowerCase() !== 'basic') return { type: 'other-scheme', scheme: scheme.replace(/[^\w-]/g, '').slice(0, 20) };
  if (rest.length > 0 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(encoded)) return { type: 'unreadable' };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(encoded, 'base64'));
  } catch {
    return { type: 'unreadable' };
  }
  const colon = text.indexOf(':');
  if (colon < 1 || /\p{Cc}/u.test(text)) return { type: 'unreadable' };
  return { type: 'basic', name: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Whether an address to listen on is reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}
