import type { HttpTarget } from '../../contracts/transport.js';
import { isHttpKind, parseServerUrl, type IntegrationSettings } from '../../model/integration.js';

/** How a receiver over HTTP is spoken to; undefined for the other protocols. Secrets are open in it. */
export function httpTargetOf(settings: IntegrationSettings): HttpTarget | undefined {
  const { protocol, connection } = settings;
  if (!isHttpKind(protocol)) return undefined;
  const url = parseServerUrl(settings.serverUrl);
  const { http, splunk, elastic } = connection;
  return {
    secure: url?.scheme === 'https',
    path: (url?.path ?? '').replace(/^\/$/, ''),
    headers: authorizationOf(settings),
    gzip: http.gzip,
    body: http.body,
    ...(protocol === 'http' && http.signatureSecret !== undefined ? { signature: { header: http.signatureHeader.toLowerCase(), secret: http.signatureSecret } } : {}),
    ...(protocol === 'elastic-bulk' ? { index: elastic.index } : {}),
    ...(protocol === 'splunk-hec' && splunk.channel !== undefined ? { channel: splunk.channel } : {}),
    ...(protocol === 'splunk-hec' && splunk.ack ? { acknowledgements: { pollMs: splunk.ackPollMs, timeoutMs: splunk.ackTimeoutMs } } : {}),
  };
}

function authorizationOf({ protocol, connection: { http } }: IntegrationSettings): Record<string, string> {
  const token = http.token ?? '';
  if (protocol === 'splunk-hec') return { authorization: `Splunk ${token}` };
  switch (http.auth) {
    case 'none':
      return {};
    case 'basic':
      // RFC 7617, 2.1: the octets are those of UTF-8.
      return { authorization: `Basic ${Buffer.from(`${http.user ?? ''}:${http.password ?? ''}`, 'utf8').toString('base64')}` };
    case 'bearer':
      return { authorization: `Bearer ${token}` };
    case 'api-key':
      return { authorization: `ApiKey ${token}` };
    case 'header':
      return { [(http.headerName ?? 'authorization').toLowerCase()]: token };
  }
}
