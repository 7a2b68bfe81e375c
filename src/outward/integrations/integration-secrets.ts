import type { Secrets } from '../../contracts/secrets.js';
import { SecretUnreadable } from '../../contracts/secrets.js';
import { connectionSection, filterSection, integrationSchema, outputSection, type IntegrationSettings } from '../../model/integration.js';
import type { IntegrationDocument } from './integration.schema.js';
import { SEALED_PATHS, textAt, withValue } from './sealed-fields.js';

export interface OpenedIntegration {
  document: IntegrationDocument;
  /** Secrets in clear; those that cannot be read are absent. */
  settings: IntegrationSettings;
  /** Paths of the sealed fields that cannot be read, with the reason. */
  unreadable: Map<string, string>;
}

/** Binds a sealed text to its place: copied to another integration or field it does not open. */
export function secretContext(integrationId: string, path: string): string {
  return `integration:${integrationId}:${path}`;
}

/** The settings of a stored integration; what a later version of the schema added has its default. Never throws for data. */
export function openIntegration(document: IntegrationDocument, secrets: Secrets): OpenedIntegration {
  let settings = completeSettings(document);
  const unreadable = new Map<string, string>();
  for (const path of SEALED_PATHS) {
    const sealed = textAt(settings, path);
    if (sealed === undefined) continue;
    try {
      settings = withValue(settings, path, secrets.open(sealed, secretContext(document._id, path)));
    } catch (error) {
      if (!(error instanceof SecretUnreadable)) throw error;
      unreadable.set(path, error.message);
      settings = withValue(settings, path, undefined);
    }
  }
  return { document, settings, unreadable };
}

/** The settings as they are stored. A field that did not change keeps its sealed text, so an unreadable one stays as it is until it is set again or cleared. */
export function sealSettings(id: string, settings: IntegrationSettings, secrets: Secrets, before?: OpenedIntegration, cleared: ReadonlySet<string> = new Set()): IntegrationSettings {
  let sealed = settings;
  for (const path of SEALED_PATHS) {
    const plain = textAt(settings, path);
    const stored = textAt(before?.document, path);
    const unchanged = before !== undefined && stored !== undefined && !cleared.has(path) && plain === textAt(before.settings, path);
    if (unchanged) sealed = withValue(sealed, path, stored);
    else sealed = withValue(sealed, path, plain === undefined ? undefined : secrets.seal(plain, secretContext(id, path)));
  }
  return sealed;
}

/** The sections of a stored integration without anything sealed. */
export function withoutSealed<T>(document: T): T {
  return SEALED_PATHS.reduce((rest, path) => withValue(rest, path, undefined), document);
}

function completeSettings(document: IntegrationDocument): IntegrationSettings {
  const { name, enginePool, serverUrl, port, protocol, framing, outputType, header, enabled } = document;
  const connection = { ...connectionSection.parse({}), ...known(document.connection, connectionSection.shape) };
  const output = { ...outputSection.parse({}), ...known(document.output, outputSection.shape) };
  const filter = { ...filterSection.parse({}), ...known(document.filter, filterSection.shape) };
  const complete = { name, enginePool, serverUrl, port, protocol, framing, outputType, header, enabled, connection, output, filter };
  const checked = integrationSchema.safeParse(complete);
  return checked.success ? checked.data : complete;
}

function known<T extends object>(stored: T, shape: Record<string, unknown>): Partial<T> {
  return Object.fromEntries(Object.entries(stored).filter(([key, value]) => key in shape && value !== null && value !== undefined)) as Partial<T>;
}
