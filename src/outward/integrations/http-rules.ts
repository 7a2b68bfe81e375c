import { HTTP_KINDS, isHttpKind, parseServerUrl, type IntegrationSettings } from '../../model/integration.js';
import type { ProblemItem } from '../../platform/http/problem.js';

/** What fits together in the settings of the protocols over HTTP. Pure. */

const BASE = '/connection/http';
/** Headers that belong to HTTP itself or to us. */
const OWN_HEADERS = new Set(['host', 'connection', 'content-length', 'content-type', 'content-encoding', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'expect', 'keep-alive', 'user-agent', 'accept', 'x-splunk-request-channel']);

export function httpFaults(settings: IntegrationSettings, before: IntegrationSettings | null, unreadable: ReadonlySet<string>): ProblemItem[] {
  const { protocol, connection: { http } } = settings;
  const kind = HTTP_KINDS[protocol];
  const faults: ProblemItem[] = [];
  const fault = (pointer: string, message: string) => faults.push({ pointer, message });
  if (kind === undefined) {
    for (const field of ['password', 'token', 'signatureSecret'] as const) {
      if (http[field] !== undefined && http[field] !== before?.connection.http[field]) fault(`${BASE}/${field}`, `has no use over ${protocol}; choose http, splunk-hec or elastic-bulk`);
    }
    return faults;
  }
  const present = (field: 'password' | 'token') => http[field] !== undefined || unreadable.has(`connection.http.${field}`);
  const scheme = parseServerUrl(settings.serverUrl)?.scheme;
  if (scheme !== 'http' && scheme !== 'https') fault('/serverUrl', `over ${protocol} it begins with https:// (or http://, unencrypted)`);
  if (!kind.auths.includes(http.auth)) fault(`${BASE}/auth`, protocol === 'splunk-hec' ? 'none: the token of splunk-hec is sent by itself' : `not possible over ${protocol}; use ${kind.auths.join(' or ')}`);
  if (!kind.bodies.includes(http.body)) fault(`${BASE}/body`, `not possible over ${protocol}; use ${kind.bodies.join(' or ')}`);
  if (protocol === 'splunk-hec' && !present('token')) fault(`${BASE}/token`, 'splunk-hec needs its token');
  if (http.auth === 'basic') {
    if (http.user === undefined) fault(`${BASE}/user`, 'auth basic needs a user');
    if (!present('password')) fault(`${BASE}/password`, 'auth basic needs a password');
  } else if (http.auth !== 'none' && !present('token')) fault(`${BASE}/token`, `auth ${http.auth} needs a token`);
  if (http.auth === 'header') {
    if (http.headerName === undefined) fault(`${BASE}/headerName`, 'auth header needs the name of the header');
    else if (OWN_HEADERS.has(http.headerName.toLowerCase())) fault(`${BASE}/headerName`, 'belongs to HTTP itself; choose another');
  }
  if (http.token !== undefined && !/^[\x20-\x7e]*$/.test(http.token)) fault(`${BASE}/token`, 'only printable ASCII characters can stand in a header');
  if (http.signatureSecret !== undefined) {
    if (protocol !== 'http' && http.signatureSecret !== before?.connection.http.signatureSecret) fault(`${BASE}/signatureSecret`, `has no use over ${protocol}`);
    const name = http.signatureHeader.toLowerCase();
    if (OWN_HEADERS.has(name) || name === 'authorization' || (http.auth === 'header' && name === http.headerName?.toLowerCase())) fault(`${BASE}/signatureHeader`, 'is in use for something else; choose another');
  }
  return faults;
}

export function httpWarnings({ protocol, serverUrl, connection: { http } }: IntegrationSettings): ProblemItem[] {
  if (!isHttpKind(protocol) || parseServerUrl(serverUrl)?.scheme !== 'http') return [];
  const secret = http.auth !== 'none' || protocol === 'splunk-hec' ? ' and the credentials' : '';
  return [{ pointer: '/serverUrl', message: `Events${secret} leave unencrypted: use https://.` }];
}
