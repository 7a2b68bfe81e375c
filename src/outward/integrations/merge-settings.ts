import { integrationSchema, parseServerUrl, PROTOCOL_TABLE, SCHEME_PROTOCOL, type IntegrationSettings, type Protocol } from '../../model/integration.js';
import type { ProblemItem } from '../../platform/http/problem.js';
import { problemItems } from '../../platform/http/zod.pipe.js';
import type { IntegrationPatch } from './integration-body.js';
import { SEALED_FIELDS, type SealedField } from './integration-secrets.js';

export type MergeOutcome = { type: 'merged'; settings: IntegrationSettings } | { type: 'faults'; faults: ProblemItem[] };

/**
 * The settings after a change. Null fills a value in again; a section is merged field by field.
 *
 * What fills in, at creation and later:
 * - protocol: from the scheme of a server URL that is new in this request, else tcp at creation, else it stays.
 * - port: from the server URL, else from the protocol table; again when the protocol changes, or when the URL changes and the old port was filled in too.
 * - framing: from the protocol table, again when the protocol changes. Largest message: likewise, unless it was set by hand.
 * What the same request says by hand always wins; a request that contradicts itself (`udp://` with protocol tls) is refused.
 * When protocol or port change without the server URL, a scheme or port that the URL names follows, so that what is shown is what is used.
 */
export function mergeSettings(current: IntegrationSettings | null, patch: IntegrationPatch): MergeOutcome {
  const urlGiven = patch.serverUrl !== undefined && patch.serverUrl !== current?.serverUrl;
  let serverUrl = patch.serverUrl ?? current?.serverUrl ?? '';
  const url = parseServerUrl(serverUrl);
  if (!url) return faulty('/serverUrl', 'not a host, host:port or URL such as tls://siem.example.org:6514 (no path, no user; port 1 to 65535)');
  if (url.scheme !== undefined && protocolOfScheme(url.scheme) === undefined) return faulty('/serverUrl', `unknown scheme "${url.scheme}"; use ${[...new Set(Object.values(SCHEME_PROTOCOL))].map((known) => `${known}://`).join(', ')} or no scheme`);
  const schemeProtocol = protocolOfScheme(url.scheme);

  const faults: ProblemItem[] = current === null ? copiedSecrets(patch) : [];
  const protocol = patch.protocol ?? (urlGiven || patch.protocol === null ? schemeProtocol : undefined) ?? (patch.protocol === null ? 'tcp' : (current?.protocol ?? 'tcp'));
  if (urlGiven && schemeProtocol !== undefined && schemeProtocol !== protocol) faults.push({ pointer: '/protocol', message: `the server URL says ${url.scheme ?? ''}:// (${schemeProtocol}); change one of the two` });
  const protocolChanged = current === null || protocol !== current.protocol;
  const table = PROTOCOL_TABLE[protocol];

  const port = patch.port ?? filledPort();
  if (urlGiven && url.port !== undefined && url.port !== port) faults.push({ pointer: '/port', message: `the server URL says port ${url.port}; change one of the two` });
  const framing = patch.framing ?? (protocolChanged || patch.framing === null ? table.defaultFraming : current.framing);
  if (!urlGiven) serverUrl = followed(serverUrl, protocol, port);
  if (faults.length > 0) return { type: 'faults', faults };

  const output = section(current?.output, patch.output);
  const maxBytesFilled = current === null || current.output.maxBytes === undefined || current.output.maxBytes === PROTOCOL_TABLE[current.protocol].defaultMaxBytes;
  if (output['maxBytes'] === undefined || (protocolChanged && maxBytesFilled && typeof patch.output?.maxBytes !== 'number')) output['maxBytes'] = table.defaultMaxBytes;

  const merged = {
    ...section(current ?? undefined, patch),
    serverUrl,
    protocol,
    port,
    framing,
    connection: section(current?.connection, patch.connection === null ? null : withoutShownSecrets(patch.connection)),
    output,
    filter: section(current?.filter, patch.filter),
  };
  const checked = integrationSchema.safeParse(merged);
  return checked.success ? { type: 'merged', settings: checked.data } : { type: 'faults', faults: problemItems(checked.error) };

  function filledPort(): number {
    const filled = url?.port ?? table.defaultPort;
    if (protocolChanged || patch.port === null) return filled;
    if (!urlGiven) return current.port;
    return url?.port ?? (current.port === (parseServerUrl(current.serverUrl)?.port ?? table.defaultPort) ? table.defaultPort : current.port);
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

/** The sealed fields that a change removes. */
export function clearedSecrets(patch: IntegrationPatch): Set<SealedField> {
  if (patch.connection === null || patch.connection?.tls === null) return new Set(SEALED_FIELDS);
  return new Set(SEALED_FIELDS.filter((field) => patch.connection?.tls?.[field] === null));
}

/** The form in which secrets are shown may be sent back: it changes nothing. */
function withoutShownSecrets(connection: IntegrationPatch['connection']): object {
  const tls = connection?.tls;
  if (!connection || !tls) return connection ?? {};
  const kept: Record<string, unknown> = { ...tls };
  for (const field of SEALED_FIELDS) if (typeof kept[field] === 'object' && kept[field] !== null) delete kept[field];
  return { ...connection, tls: kept };
}

/** Nothing is stored yet that the shown form could stand for: a copy of another integration would silently lack its secrets. */
function copiedSecrets(patch: IntegrationPatch): ProblemItem[] {
  return SEALED_FIELDS.filter((field) => {
    const value = patch.connection?.tls?.[field];
    return typeof value === 'object' && value?.set === true;
  }).map((field) => ({ pointer: `/connection/tls/${field}`, message: 'is how a stored secret is shown; a new integration needs the PEM text itself' }));
}

function followed(serverUrl: string, protocol: Protocol, port: number): string {
  const url = parseServerUrl(serverUrl);
  if (!url) return serverUrl;
  const scheme = url.scheme !== undefined && protocolOfScheme(url.scheme) !== protocol ? protocol : url.scheme;
  if (scheme === url.scheme && (url.port === undefined || url.port === port)) return serverUrl;
  const host = url.host.includes(':') ? `[${url.host}]` : url.host;
  return `${scheme === undefined ? '' : `${scheme}://`}${host}${url.port === undefined ? '' : `:${port}`}`;
}

function protocolOfScheme(scheme: string | undefined): Protocol | undefined {
  return scheme !== undefined && Object.hasOwn(SCHEME_PROTOCOL, scheme) ? SCHEME_PROTOCOL[scheme] : undefined;
}

function faulty(pointer: string, message: string): MergeOutcome {
  return { type: 'faults', faults: [{ pointer, message }] };
}
