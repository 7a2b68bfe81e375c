import { defaultPortOf, integrationSchema, isHttpKind, parseServerUrl, PROTOCOL_TABLE, protocolOfScheme, SCHEME_PROTOCOL, schemeFits, type IntegrationSettings, type Protocol } from '../../model/integration.js';
import type { ProblemItem } from '../../platform/http/problem.js';
import { problemItems } from '../../platform/http/zod.pipe.js';
import type { IntegrationPatch } from './integration-body.js';
import { headersOf } from './integration-rules.js';
import { pointerOfPath, SEALED_PATHS, valueAt, withValue } from './sealed-fields.js';

export type MergeOutcome = { type: 'merged'; settings: IntegrationSettings } | { type: 'faults'; faults: ProblemItem[] };

/**
 * The settings after a change. Null fills a value in again; a section is merged field by field.
 *
 * What fills in, at creation and later:
 * - protocol: from the scheme of a server URL that is new in this request, else tcp at creation, else it stays.
 * - port: from the server URL, else from the protocol table; again when the protocol changes, or when the URL changes and the old port was filled in too.
 * - output type: json over HTTP at creation. Header: rfc5424, else what the output type can have; again when it does not fit over HTTP, or no longer after HTTP.
 * - framing: from the protocol table, again when the protocol changes. Largest message: likewise, unless it was set by hand.
 * What the same request says by hand always wins; a request that contradicts itself (`udp://` with protocol tls) is refused.
 * When protocol or port change without the server URL, a scheme or port that the URL names follows, so that what is shown is what is used.
 */
export function mergeSettings(current: IntegrationSettings | null, sent: IntegrationPatch): MergeOutcome {
  const patch = withoutShownSecrets(sent);
  const urlGiven = patch.serverUrl !== undefined && patch.serverUrl !== current?.serverUrl;
  let serverUrl = patch.serverUrl ?? current?.serverUrl ?? '';
  const url = parseServerUrl(serverUrl);
  if (!url) return faulty('/serverUrl', 'not a host, host:port or URL such as tls://siem.example.org:6514 or https://siem.example.org/path (no user; a path only with http:// and https://; port 1 to 65535)');
  if (url.scheme !== undefined && protocolOfScheme(url.scheme) === undefined) return faulty('/serverUrl', `unknown scheme "${url.scheme}"; use ${[...new Set(Object.values(SCHEME_PROTOCOL))].map((known) => `${known}://`).join(', ')} or no scheme`);
  const schemeProtocol = protocolOfScheme(url.scheme);

  const faults: ProblemItem[] = current === null ? copiedSecrets(sent) : [];
  const protocol = patch.protocol ?? (urlGiven || patch.protocol === null ? schemeProtocol : undefined) ?? (patch.protocol === null ? 'tcp' : (current?.protocol ?? 'tcp'));
  if (urlGiven && url.scheme !== undefined && schemeProtocol !== undefined && !schemeFits(url.scheme, protocol)) faults.push({ pointer: '/protocol', message: `the server URL says ${url.scheme ?? ''}:// (${schemeProtocol}); change one of the two` });
  const protocolChanged = current === null || protocol !== current.protocol;
  const table = PROTOCOL_TABLE[protocol];

  const defaultPort = defaultPortOf(protocol, url.scheme);
  const port = patch.port ?? filledPort();
  if (urlGiven && url.port !== undefined && url.port !== port) faults.push({ pointer: '/port', message: `the server URL says port ${url.port}; change one of the two` });
  const framing = patch.framing ?? (protocolChanged || patch.framing === null ? table.defaultFraming : current.framing);
  if (!urlGiven) serverUrl = followed(serverUrl, protocol, port);
  if (faults.length > 0) return { type: 'faults', faults };

  const output = section(current?.output, patch.output);
  const maxBytesFilled = current === null || current.output.maxBytes === undefined || current.output.maxBytes === PROTOCOL_TABLE[current.protocol].defaultMaxBytes;
  if (output['maxBytes'] === undefined || (protocolChanged && maxBytesFilled && typeof patch.output?.maxBytes !== 'number')) output['maxBytes'] = table.defaultMaxBytes;

  const outputType = patch.outputType ?? (current === null || patch.outputType === null ? (isHttpKind(protocol) ? 'json' : 'syslog') : current.outputType);
  const headers = headersOf(protocol, outputType);
  const headerKept = current !== null && patch.header !== null && (headers.includes(current.header) || !(isHttpKind(protocol) || isHttpKind(current.protocol)));
  const header = patch.header ?? (headerKept ? current.header : headers.includes('rfc5424') ? 'rfc5424' : headers[0]);

  const merged = {
    ...section(current ?? undefined, patch),
    outputType,
    ...(header === undefined ? {} : { header }),
    serverUrl,
    protocol,
    port,
    framing,
    connection: section(current?.connection, patch.connection),
    output,
    filter: section(current?.filter, patch.filter),
  };
  const checked = integrationSchema.safeParse(merged);
  return checked.success ? { type: 'merged', settings: checked.data } : { type: 'faults', faults: problemItems(checked.error) };

  function filledPort(): number {
    const filled = url?.port ?? defaultPort;
    if (protocolChanged || patch.port === null) return filled;
    if (!urlGiven) return current.port;
    const before = parseServerUrl(current.serverUrl);
    return url?.port ?? (current.port === (before?.port ?? defaultPortOf(current.protocol, before?.scheme)) ? defaultPort : current.port);
  }
}

/** Merge of one level and those under it (RFC 7396); null or a null section gives nothing, so that the schema's defaults fill in. */
function section(current: object | undefined, patch: object | null | undefined): Record<string, unknown> {
  if (patch === null) return {};
  const merged: Record<string, unknown> = { ...current };
  for (const [key, value] of Object.entries(patch ?? {}) as Array<[string, unknown]>) {
    if (value === undefined) continue;
    if (value === null) delete merged[key];
    else if (typeof value === 'object' && !Array.isArray(value)) merged[key] = section(merged[key] as object | undefined, value);
    else merged[key] = value;
  }
  return merged;
}

/** The paths of the sealed fields that a change removes: set to null, or within a section that is. */
export function clearedSecrets(patch: IntegrationPatch): Set<string> {
  return new Set(SEALED_PATHS.filter((path) => {
    const keys = path.split('.');
    return keys.some((_key, index) => valueAt(patch, keys.slice(0, index + 1).join('.')) === null);
  }));
}

/** The form in which secrets are shown may be sent back: it changes nothing. */
function withoutShownSecrets(patch: IntegrationPatch): IntegrationPatch {
  return SEALED_PATHS.filter((path) => isShown(valueAt(patch, path))).reduce((kept, path) => withValue(kept, path, undefined), patch);
}

/** Nothing is stored yet that the shown form could stand for: a copy of another integration would silently lack its secrets. */
function copiedSecrets(patch: IntegrationPatch): ProblemItem[] {
  return SEALED_PATHS.filter((path) => {
    const value = valueAt(patch, path);
    return isShown(value) && 'set' in value && value.set === true;
  }).map((path) => ({ pointer: pointerOfPath(path), message: 'is how a stored secret is shown; a new integration needs the text itself' }));
}

function isShown(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function followed(serverUrl: string, protocol: Protocol, port: number): string {
  const url = parseServerUrl(serverUrl);
  if (!url) return serverUrl;
  // Over HTTP the scheme says whether it is encrypted, so it is never left open.
  const scheme = isHttpKind(protocol) ? (url.scheme !== undefined && schemeFits(url.scheme, protocol) ? url.scheme : 'https') : url.scheme !== undefined && !schemeFits(url.scheme, protocol) ? protocol : url.scheme;
  if (scheme === url.scheme && (url.port === undefined || url.port === port)) return serverUrl;
  const host = url.host.includes(':') ? `[${url.host}]` : url.host;
  return `${scheme === undefined ? '' : `${scheme}://`}${host}${url.port === undefined ? '' : `:${port}`}${isHttpKind(protocol) ? (url.path ?? '') : ''}`;
}

function faulty(pointer: string, message: string): MergeOutcome {
  return { type: 'faults', faults: [{ pointer, message }] };
}
