import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { FRAMINGS, HEADER_STYLES, isEncrypted, isHttpKind, isJsonOutput, OUTPUT_HEADERS, OUTPUT_TYPES, parseServerUrl, PROTOCOL_TABLE, PROTOCOLS, type Framing, type HeaderStyle, type IntegrationSettings, type OutputType, type Protocol } from '../../model/integration.js';
import type { ProblemItem } from '../../platform/http/problem.js';
import { pointerOf } from '../../platform/http/zod.pipe.js';
import { filterFaults } from './filter-rules.js';
import { httpFaults, httpWarnings } from './http-rules.js';
import { maskFaults } from './mask-rules.js';
import { tlsFaults, tlsWarnings } from './tls-material.js';

/** What fits together; the rules that span fields. Pure. */

export interface Combination {
  protocol: Protocol;
  outputType: OutputType;
  header: HeaderStyle;
  framing: Framing;
}

/**
 * Header styles that an output type can have over a protocol: without a header only over a stream, where a raw input reads it. HTTP bodies and `_bulk` hold JSON
 * objects and so neither header nor other text; a HEC event may be a text with its header, or JSON without one. Empty: the two do not go together.
 */
export function headersOf(protocol: Protocol, outputType: OutputType): HeaderStyle[] {
  const json = isJsonOutput(outputType);
  if (isHttpKind(protocol) && !json && protocol !== 'splunk-hec') return [];
  if (isHttpKind(protocol) && json) return ['none'];
  return HEADER_STYLES.filter((header) => OUTPUT_HEADERS[outputType].includes(header) && !(header === 'none' && protocol === 'udp'));
}

/** Every combination that is accepted. */
export function validCombinations(): Combination[] {
  return PROTOCOLS.flatMap((protocol) =>
    OUTPUT_TYPES.flatMap((outputType) =>
      headersOf(protocol, outputType).flatMap((header) => FRAMINGS.filter((framing) => PROTOCOL_TABLE[protocol].framings.includes(framing)).map((framing) => ({ protocol, outputType, header, framing }))),
    ),
  );
}

export interface RuleContext {
  /** Settings before the change; null at creation. */
  before: IntegrationSettings | null;
  /** Paths of sealed fields that cannot be read: what depends on them is not judged until they are set again. */
  unreadable: ReadonlySet<string>;
}

/** Each fault of complete settings with its pointer. */
export function ruleFaults(settings: IntegrationSettings, { before, unreadable }: RuleContext): ProblemItem[] {
  const faults: ProblemItem[] = [];
  const fault = (pointer: string, message: string) => faults.push({ pointer, message });
  const { protocol, outputType, header, framing, output, connection } = settings;
  const table = PROTOCOL_TABLE[protocol];

  const host = parseServerUrl(settings.serverUrl)?.host ?? '';
  if (!isHost(host)) fault('/serverUrl', `"${host.slice(0, 100)}" is no host name or IP address`);
  if (/\p{Cc}/u.test(settings.name)) fault('/name', 'no control characters');
  if (!table.framings.includes(framing)) fault('/framing', `not possible over ${protocol}; use ${table.framings.join(' or ')}`);
  if (headersOf(protocol, outputType).length === 0) fault('/outputType', `not possible over ${protocol}; use ${OUTPUT_TYPES.filter((type) => headersOf(protocol, type).length > 0).join(' or ')}`);
  else if (!headersOf(protocol, outputType).includes(header)) fault('/header', `not possible with output type ${outputType} over ${protocol}; use ${headersOf(protocol, outputType).join(' or ')}`);
  if (header === 'rfc3164' && !/^[^:[\]]{1,32}$/.test(output.appName)) fault('/output/appName', 'as the TAG of an RFC 3164 header: at most 32 characters, no colon or bracket');
  if (output.maxBytes !== undefined && output.maxBytes > table.hardMaxBytes) fault('/output/maxBytes', `at most ${table.hardMaxBytes} over ${protocol}`);
  if (!isTimeZone(output.timeZone)) fault('/output/timeZone', 'not a known IANA time zone, for example UTC or Europe/Vienna');
  if (connection.retryMaxMs < connection.retryInitialMs) fault('/connection/retryMaxMs', `at least connection.retryInitialMs (${connection.retryInitialMs})`);
  if (outputType === 'leef' && output.leef.version === '1.0' && output.leef.delimiter !== 'tab') fault('/output/leef/delimiter', 'LEEF 1.0 has the tab alone; use version 2.0');
  faults.push(...filterFaults(settings.filter), ...maskFaults(settings, unreadable));
  if (connection.relp.tls && protocol !== 'relp' && before?.connection.relp.tls !== true) fault('/connection/relp/tls', `needs protocol relp; over ${protocol} it has no effect`);
  faults.push(...tlsSectionFaults(settings, before, unreadable), ...httpFaults(settings, before, unreadable));
  return faults;
}

/** The least form of an event whose every text is too long: required members, and the names of all that was cut. */
const LEAST_OBJECT_BYTES = 1400;

/** What is accepted and yet worth a word. */
export function settingsWarnings(settings: IntegrationSettings, now: number): ProblemItem[] {
  const { protocol, outputType, connection: { tls }, output } = settings;
  const warnings: ProblemItem[] = [];
  warnings.push(...httpWarnings(settings));
  if (isEncrypted(settings)) warnings.push(...tlsWarnings(tls, now));
  else if (usesTls(tls)) warnings.push({ pointer: '/connection/tls', message: `The TLS settings are kept but not used: events leave unencrypted over ${protocol}.` });
  if (protocol === 'udp' && (output.maxBytes ?? 0) > 1472) warnings.push({ pointer: '/output/maxBytes', message: 'Datagrams over 1,472 octets are fragmented on most networks and easily lost.' });
  if ((outputType === 'ocsf' || outputType === 'ecs') && (output.maxBytes ?? LEAST_OBJECT_BYTES) < LEAST_OBJECT_BYTES) warnings.push({ pointer: '/output/maxBytes', message: `What ${outputType} requires may need up to ${LEAST_OBJECT_BYTES} octets: with less some events can only become dead letters.` });
  return warnings;
}

/** Texts that are no well-formed Unicode (lone surrogates) would be stored as something else than was sent. */
export function illFormedTexts(value: unknown, path: readonly PropertyKey[] = []): ProblemItem[] {
  if (typeof value === 'string') return value.isWellFormed() ? [] : [{ pointer: pointerOf(path), message: 'not well-formed Unicode text' }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => illFormedTexts(member, [...path, key]));
}

function tlsSectionFaults(settings: IntegrationSettings, before: IntegrationSettings | null, unreadable: ReadonlySet<string>): ProblemItem[] {
  const { tls } = settings.connection;
  const old = before?.connection.tls;
  const changed = (Object.keys(tls) as Array<keyof typeof tls>).filter((field) => tls[field] !== (old?.[field] ?? (field === 'verify' ? true : undefined)));
  if (!isEncrypted(settings)) {
    const wanted = settings.protocol === 'relp' ? 'needs connection.relp.tls; without it' : `needs protocol tls or an https:// server URL; over ${settings.protocol}`;
    return changed.filter((field) => field !== 'verify' || !tls.verify).map((field) => ({ pointer: `/connection/tls/${field}`, message: `${wanted} nothing is encrypted` }));
  }
  const faults: ProblemItem[] = [];
  if (tls.serverName !== undefined && !isHost(tls.serverName)) faults.push({ pointer: '/connection/tls/serverName', message: 'no host name or IP address' });
  const material = changed.some((field) => field === 'ca' || field === 'certificate' || field === 'key') || (old?.certificate !== undefined && tls.certificate === undefined) || (old?.key !== undefined && tls.key === undefined);
  if (material && ![...unreadable].some((path) => path.startsWith('connection.tls.'))) faults.push(...tlsFaults(tls));
  return faults;
}

function usesTls(tls: IntegrationSettings['connection']['tls']): boolean {
  return Object.entries(tls).some(([field, value]) => (field === 'verify' ? value === false : value !== undefined));
}

function isHost(host: string): boolean {
  if (isIP(host) !== 0) return true;
  const ascii = domainToASCII(host).replace(/\.$/, '');
  return ascii.length <= 253 && ascii.split('.').every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label));
}

function isTimeZone(timeZone: string): boolean {
  if (!/^[A-Za-z]/.test(timeZone)) return false;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
