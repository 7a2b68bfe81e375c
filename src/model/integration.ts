import { z } from 'zod';
import { filterSection } from './event-filter.js';
import { maskFields } from './event-mask.js';
import { cefSection, ecsSection, leefSection, ocsfSection } from './format-sections.js';

export { filterSection, wantsType } from './event-filter.js';

/**
 * A SIEM integration: where events go and how they look. Each field is written once, here: type, default, limits, help text and secrecy;
 * REST validation, OpenAPI, masking, the form and the docs row come from it.
 */

export const PROTOCOLS = ['udp', 'tcp', 'tls', 'relp', 'http', 'splunk-hec', 'elastic-bulk'] as const;
export type Protocol = (typeof PROTOCOLS)[number];
export const FRAMINGS = ['octet-counting', 'newline'] as const;
export type Framing = (typeof FRAMINGS)[number];
export const HEADER_STYLES = ['rfc5424', 'rfc3164', 'none'] as const;
export type HeaderStyle = (typeof HEADER_STYLES)[number];
export const OUTPUT_TYPES = ['syslog', 'json', 'cef', 'leef', 'ocsf', 'ecs'] as const;
export type OutputType = (typeof OUTPUT_TYPES)[number];

/** What a request of protocol http holds. */
export const HTTP_BODIES = ['ndjson', 'json-array', 'cloudevents-batch'] as const;
export type HttpBody = (typeof HTTP_BODIES)[number];
export const HTTP_AUTHS = ['none', 'basic', 'bearer', 'api-key', 'header'] as const;
export type HttpAuth = (typeof HTTP_AUTHS)[number];

/** The protocols over HTTP, each with the ways to log in that it knows; the token of splunk-hec is a way of its own. */
export const HTTP_KINDS: Partial<Record<Protocol, { auths: readonly HttpAuth[]; bodies: readonly HttpBody[] }>> = {
  http: { auths: ['none', 'basic', 'bearer', 'header'], bodies: HTTP_BODIES },
  'splunk-hec': { auths: ['none'], bodies: ['ndjson'] },
  'elastic-bulk': { auths: ['none', 'basic', 'bearer', 'api-key'], bodies: ['ndjson'] },
};

export function isHttpKind(protocol: Protocol): protocol is 'http' | 'splunk-hec' | 'elastic-bulk' {
  return HTTP_KINDS[protocol] !== undefined;
}

/** Whether an output type is one JSON object an event. */
export function isJsonOutput(outputType: OutputType): boolean {
  return JSON_OUTPUTS.has(outputType);
}
const JSON_OUTPUTS: ReadonlySet<string> = new Set(['json', 'ocsf', 'ecs']);

/** The protocol table: what fills in when the administrator does not say. */
export const PROTOCOL_TABLE: Record<Protocol, { defaultPort: number; framings: readonly Framing[]; defaultFraming: Framing; defaultMaxBytes: number; hardMaxBytes: number }> = {
  // RFC 5426: one message a datagram, no framing; 1,400 octets stay below the usual MTU; 65,507 is the largest IPv4 datagram.
  udp: { defaultPort: 514, framings: ['newline'], defaultFraming: 'newline', defaultMaxBytes: 1400, hardMaxBytes: 65507 },
  // RFC 6587 leaves the framing open; newline is what a listener on 514 most often expects.
  tcp: { defaultPort: 514, framings: ['newline', 'octet-counting'], defaultFraming: 'newline', defaultMaxBytes: 8096, hardMaxBytes: 1048576 },
  // RFC 5425, 4.3: octet counting is mandatory over TLS; port 6514.
  tls: { defaultPort: 6514, framings: ['octet-counting', 'newline'], defaultFraming: 'octet-counting', defaultMaxBytes: 8096, hardMaxBytes: 1048576 },
  // RELP has a frame of its own, one a message; 128 KiB is the most that version 1 of it carries. Its port is not registered: 2514 is the usual one.
  relp: { defaultPort: 2514, framings: ['newline'], defaultFraming: 'newline', defaultMaxBytes: 8096, hardMaxBytes: 131072 },
  // Over HTTP an envelope stands in place of the framing. An event as large as the intake takes by default fits.
  http: { defaultPort: 443, framings: ['newline'], defaultFraming: 'newline', defaultMaxBytes: 262144, hardMaxBytes: 1048576 },
  'splunk-hec': { defaultPort: 8088, framings: ['newline'], defaultFraming: 'newline', defaultMaxBytes: 262144, hardMaxBytes: 1048576 },
  'elastic-bulk': { defaultPort: 9200, framings: ['newline'], defaultFraming: 'newline', defaultMaxBytes: 262144, hardMaxBytes: 1048576 },
};

/** URL schemes of `serverUrl` and the protocol that they fill in. */
export const SCHEME_PROTOCOL: Record<string, Protocol> = {
  udp: 'udp', syslog: 'udp', 'syslog+udp': 'udp',
  tcp: 'tcp', 'syslog+tcp': 'tcp',
  tls: 'tls', ssl: 'tls', syslogs: 'tls', 'syslog+tls': 'tls', 'tcp+tls': 'tls',
  relp: 'relp',
  http: 'http', https: 'http',
};

/** The protocol that a scheme fills in; undefined for one that is not known. */
export function protocolOfScheme(scheme: string | undefined): Protocol | undefined {
  return scheme !== undefined && Object.hasOwn(SCHEME_PROTOCOL, scheme) ? SCHEME_PROTOCOL[scheme] : undefined;
}

/** Whether a scheme goes with a protocol: http:// and https:// with all three over HTTP. */
export function schemeFits(scheme: string, protocol: Protocol): boolean {
  return protocolOfScheme(scheme) === protocol || (isHttpKind(protocol) && protocolOfScheme(scheme) === 'http');
}

/** The port that fills in. */
export function defaultPortOf(protocol: Protocol, scheme: string | undefined): number {
  return protocol === 'http' && scheme === 'http' ? 80 : PROTOCOL_TABLE[protocol].defaultPort;
}

/** Header styles that an output type can have. A Syslog event without a header is no syslog; all others may go bare over raw TCP. */
export const OUTPUT_HEADERS: Record<OutputType, readonly HeaderStyle[]> = {
  syslog: ['rfc5424', 'rfc3164'],
  json: ['rfc5424', 'rfc3164', 'none'],
  cef: ['rfc5424', 'rfc3164', 'none'],
  leef: ['rfc5424', 'rfc3164', 'none'],
  ocsf: ['rfc5424', 'rfc3164', 'none'],
  ecs: ['rfc5424', 'rfc3164', 'none'],
};

const printableAscii = (max: number) => z.string().regex(new RegExp(`^[\\x21-\\x7e]{1,${max}}$`), `1 to ${max} printable ASCII characters without spaces`);

export const tlsSection = z.strictObject({
  ca: z.string().max(200_000).optional().meta({ help: 'Trust anchors as PEM text; the system store when empty.', sealed: 'certificates' }),
  certificate: z.string().max(100_000).optional().meta({ help: 'Client certificate (chain) as PEM text.', sealed: 'certificates' }),
  key: z.string().max(100_000).optional().meta({ help: 'Private key of the client certificate as PEM text.', secret: true }),
  serverName: z.string().max(255).optional().meta({ help: 'Name expected in the certificate and sent as SNI; the host of the server URL when empty.' }),
  fingerprint: z.string().regex(/^([0-9a-fA-F]{2}:?){31}[0-9a-fA-F]{2}$/, 'a SHA-256 fingerprint: 64 hex digits, colons allowed').optional().meta({ help: 'SHA-256 fingerprint of the certificate to pin, instead of a chain.' }),
  verify: z.boolean().default(true).meta({ help: 'Verify the certificate. false is shown on the integration and audited.' }),
});

export const relpSection = z.strictObject({
  tls: z.boolean().default(false).meta({ help: 'RELP over TLS, with the settings of connection.tls.' }),
  window: z.int().min(1).max(10_000).default(1000).meta({ help: 'Messages sent ahead of their acknowledgements; at most so many are sent again after a failure, and those of the last moment.' }),
});

const secretText = (max: number) => z.string().min(1).max(max).regex(/^[^\r\n\0]*$/, 'one line').optional();
const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'a header name (RFC 9110)');

export const httpSection = z.strictObject({
  body: z.enum(HTTP_BODIES).default('ndjson').meta({ help: 'Protocol http: what a request holds: ndjson (a line an event), json-array, or cloudevents-batch (CloudEvents 1.0, structured JSON).' }),
  auth: z.enum(HTTP_AUTHS).default('none').meta({ help: 'How to log in: basic (user, password), bearer (token), api-key (token, elastic-bulk), header (headerName with the token as its value). splunk-hec always sends its token.' }),
  user: z.string().max(255).regex(/^[^:\p{Cc}]*$/u, 'no colon or control character (RFC 7617)').optional().meta({ help: 'User for basic.' }),
  password: secretText(1000).meta({ help: 'Password for basic.', secret: true }),
  token: secretText(8192).meta({ help: 'HEC token, bearer token, API key, or the value of the own header.', secret: true }),
  headerName: headerName.optional().meta({ help: 'Name of the own header for auth header, for example DD-API-KEY.' }),
  signatureSecret: secretText(1000).meta({ help: 'Protocol http: signs each body with HMAC-SHA256; no signature when empty.', secret: true }),
  signatureHeader: headerName.default('X-Tidegate-Signature').meta({ help: 'Header of the signature: t=<seconds>,v1=<HMAC-SHA256 of "<t>.<body before compression>" in hex>.' }),
  gzip: z.boolean().default(false).meta({ help: 'Compress request bodies with gzip.' }),
  batchEvents: z.int().min(1).max(10_000).default(500).meta({ help: 'Most events in one request.' }),
  batchBytes: z.int().min(1024).max(16_777_216).default(524_288).meta({ help: 'Most octets in one request before compression; a single larger event goes alone.' }),
  batchWaitMs: z.int().min(0).max(60_000).default(100).meta({ help: 'How long an event waits for others to share its request.' }),
});

export const splunkSection = z.strictObject({
  index: z.string().regex(/^[a-z0-9_][a-z0-9_-]{0,79}$/, 'an index name: lower-case letters, digits, underscores, hyphens').optional().meta({ help: 'Index; the default of the token when empty.' }),
  source: z.string().min(1).max(255).optional().meta({ help: 'Source; output.appName when empty.' }),
  sourcetype: z.string().min(1).max(255).optional().meta({ help: 'Sourcetype; _json for JSON, else by output type, when empty.' }),
  channel: z.guid({ error: 'a GUID' }).optional().meta({ help: 'Request channel. With acknowledgement each session has one of its own instead, so that no receipt is taken for that of another.' }),
  ack: z.boolean().default(false).meta({ help: 'Wait for indexer acknowledgement (evidence stored); the token must have it enabled.' }),
  ackPollMs: z.int().min(50).max(60_000).default(1000).meta({ help: 'How often open acknowledgements are asked for.' }),
  ackTimeoutMs: z.int().min(500).max(3_600_000).default(120_000).meta({ help: 'An acknowledgement that does not come for so long counts as lost: its events are sent again.' }),
});

export const elasticSection = z.strictObject({
  index: z.string().regex(/^(?!\.{1,2}$)[a-z0-9.][a-z0-9._-]{0,199}$/, 'a name of lower-case letters, digits, dots, underscores and hyphens').default('logs-tidegate-default').meta({ help: 'Index or data stream that documents are created in.' }),
});

export const connectionSection = z.strictObject({
  connectTimeoutMs: z.int().min(100).max(120_000).default(10_000).meta({ help: 'Longest time for resolve, connect and TLS together.' }),
  sendTimeoutMs: z.int().min(100).max(600_000).default(30_000).meta({ help: 'A write without progress, or a request without its answer, for so long fails the connection.' }),
  settleMs: z.int().min(0).max(60_000).default(1000).meta({ help: 'Quiet period after a write before it counts as delivered, where the receiver cannot prove more.' }),
  sealIntervalMs: z.int().min(0).max(60_000).default(1000).meta({ help: 'How often a stream connection is half-closed so that the receiver proves what it read; 0 switches it off.' }),
  linkLifetimeMs: z.int().min(0).max(86_400_000).default(3_600_000).meta({ help: 'A connection is replaced after about so long (jitter 20 %); 0 never.' }),
  retryInitialMs: z.int().min(10).max(60_000).default(500).meta({ help: 'First wait after a failure; doubles with jitter.' }),
  retryMaxMs: z.int().min(100).max(3_600_000).default(60_000).meta({ help: 'Longest wait between two tries. Tries never end while it is enabled.' }),
  disableAfterHours: z.number().min(0).max(8784).default(72).meta({ help: 'After so many hours of nothing but failures the integration is disabled and administrators are told; its events wait. 0 never.' }),
  heartbeatSeconds: z.int().min(0).max(86_400).default(300).meta({ help: 'How often the receiver gets a heartbeat event that tells what was sent, filtered, rejected and still waits since the one before; 0 never.' }),
  tls: tlsSection.default({ verify: true }),
  relp: relpSection.default({ tls: false, window: 1000 }),
  http: httpSection.default(() => httpSection.parse({})),
  splunk: splunkSection.default(() => splunkSection.parse({})),
  elastic: elasticSection.default(() => elasticSection.parse({})),
});

export const outputSection = z.strictObject({
  facility: z.int().min(0).max(23).default(13).meta({ help: 'Syslog facility (13 log audit, 10 authpriv, 16..23 local).' }),
  appName: printableAscii(48).default('tidegate').meta({ help: 'Syslog APP-NAME, or TAG in RFC 3164 style.' }),
  hostname: printableAscii(255).optional().meta({ help: 'Syslog HOSTNAME; the name of the machine when empty. Never the name of the receiver.' }),
  enterpriseNumber: z.int().min(1).max(4_294_967_295).default(32473).meta({ help: 'Private enterprise number in the structured data id; 32473 is the number reserved for examples.' }),
  bom: z.boolean().default(false).meta({ help: 'Byte order mark before UTF-8 text (RFC 5424, 6.4). Most receivers keep it as text.' }),
  timeZone: z.string().max(64).default('UTC').meta({ help: 'IANA zone of RFC 3164 timestamps.' }),
  maxBytes: z.int().min(480).max(1_048_576).optional().meta({ help: 'Largest message in octets; 8096 by default (what rsyslog takes by default, just below 8 KiB), 1400 over udp, 262144 over HTTP.' }),
  oversize: z.enum(['shorten', 'split', 'reject']).default('shorten').meta({ help: 'Beyond the limit: shorten (fields go by priority, and the event says so), split (several messages with part numbers, no value cut) or reject (dead letter).' }),
  cef: cefSection.default(() => cefSection.parse({})),
  leef: leefSection.default(() => leefSection.parse({})),
  ocsf: ocsfSection.default(() => ocsfSection.parse({})),
  ecs: ecsSection.default(() => ecsSection.parse({})),
  ...maskFields,
});

/** What an integration is, complete: all defaults filled in. Secrets are open here only inside the engine; REST never shows them. */
export const integrationSchema = z.strictObject({
  name: z.string().trim().min(1).max(100).meta({ help: 'Unique name (upper and lower case count as equal).' }),
  enginePool: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'lower-case letters, digits and hyphens').default('default').meta({ help: 'The pool of engines that delivers.' }),
  serverUrl: z.string().trim().min(1).max(500).meta({ help: 'Host, host:port or URL (udp://, tcp://, tls://, relp://, syslog://, syslogs://; http:// or https:// with a path for the protocols over HTTP). Port and protocol fill in from it.' }),
  port: z.int().min(1).max(65535).meta({ help: 'Port; fills in from the URL, else from the protocol (udp 514, tcp 514, tls 6514, relp 2514, https 443, http 80, splunk-hec 8088, elastic-bulk 9200).' }),
  protocol: z.enum(PROTOCOLS).meta({ help: 'Transport; fills in from the scheme of the URL, else tcp.' }),
  framing: z.enum(FRAMINGS).meta({ help: 'How messages are told apart on tcp and tls (RFC 6587); no meaning for udp, relp and over HTTP.' }),
  outputType: z.enum(OUTPUT_TYPES).default('syslog').meta({ help: 'Output type; over HTTP json fills in.' }),
  header: z.enum(HEADER_STYLES).default('rfc5424').meta({ help: 'Syslog header style; none is for raw inputs; not for Syslog.' }),
  enabled: z.boolean().default(false),
  connection: connectionSection.default(() => connectionSection.parse({})),
  output: outputSection.default(() => outputSection.parse({})),
  filter: filterSection.default(() => filterSection.parse({})),
});

/** The settings of an integration, without identity. */
export type IntegrationSettings = z.output<typeof integrationSchema>;

/** A position that is kept with an integration: of which log, and how often the cursor had been set back by then. */
export interface KeptPosition {
  position: number;
  resets: number;
  log?: string;
}

/** A stored integration. `version` grows by one with each change; engines compare it. */
export interface Integration extends IntegrationSettings {
  id: string;
  version: number;
  createdAt: string;
  updatedAt: string;
  /** Where delivery starts in each partition, taken from the log when it was first enabled; a partition that is not named starts at its oldest event. */
  startPositions?: Record<string, number>;
  /** Name of the log that they are positions of. */
  startLog?: string;
  /** Where it stood in each partition when it was disabled, or goes on after it was enabled again: it never stands before it. */
  resumePositions?: Record<string, KeptPosition>;
}

/** Whether events travel encrypted, with the settings of `connection.tls`. */
export function isEncrypted({ protocol, connection, serverUrl }: Pick<IntegrationSettings, 'protocol' | 'connection' | 'serverUrl'>): boolean {
  return protocol === 'tls' || (protocol === 'relp' && connection.relp.tls) || (isHttpKind(protocol) && parseServerUrl(serverUrl)?.scheme === 'https');
}

/** The parts of a `serverUrl` in any of its three forms (IPv6 in brackets or bare), or null when it names no host. Only http:// and https:// have a path (with its query). */
export function parseServerUrl(serverUrl: string): { host: string; port?: number; scheme?: string; path?: string } | null {
  const match = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(?:\[([0-9a-fA-F:.]+)\]|([^\s/:[\]@?#]+)|([0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*))(?::(\d{1,5}))?(\/[!-"$-~]*)?$/i.exec(serverUrl.trim());
  if (!match) return null;
  const host = match[2] ?? match[3] ?? match[4];
  if (!host) return null;
  const port = match[5] === undefined ? undefined : Number(match[5]);
  if (port !== undefined && (port < 1 || port > 65535)) return null;
  const scheme = match[1]?.toLowerCase();
  const path = match[6] === '/' ? undefined : match[6];
  if (path !== undefined && protocolOfScheme(scheme) !== 'http') return null;
  return { host, port, scheme, ...(path === undefined ? {} : { path }) };
}
