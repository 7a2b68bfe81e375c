import type { Secrets } from '../../contracts/secrets.js';
import { SecretUnreadable } from '../../contracts/secrets.js';
import { connectionSection, filterSection, integrationSchema, outputSection, type IntegrationSettings } from '../../model/integration.js';
import type { IntegrationDocument } from './integration.schema.js';

/** PEM texts of `connection.tls` that never lie in clear: the key because it is secret, the certificates because none may. */
export const SEALED_FIELDS = ['ca', 'certificate', 'key'] as const;
export type SealedField = (typeof SEALED_FIELDS)[number];

export interface OpenedIntegration {
  document: IntegrationDocument;
  /** Secrets in clear; those that cannot be read are absent. */
  settings: IntegrationSettings;
  /** Sealed fields that cannot be read, with the reason. */
  unreadable: Map<SealedField, string>;
}

/** Binds a sealed text to its place: copied to another integration or field it does not open. */
export function secretContext(integrationId: string, field: SealedField): string {
  return `integration:${integrationId}:connection.tls.${field}`;
}

/** The settings of a stored integration; what a later version of the schema added has its default. Never throws for data. */
export function openIntegration(document: IntegrationDocument, secrets: Secrets): OpenedIntegration {
  const settings = completeSettings(document);
  const unreadable = new Map<SealedField, string>();
  const tls = { ...settings.connection.tls };
  for (const field of SEALED_FIELDS) {
    const sealed = tls[field];
    if (sealed === undefined) continue;
    try {
      tls[field] = secrets.open(sealed, secretContext(document._id, field));
    } catch (error) {
      if (!(error instanceof SecretUnreadable)) throw error;
      unreadable.set(field, error.message);
      delete tls[field];
    }
  }
  return { document, settings: { ...settings, connection: { ...settings.connection, tls } }, unreadable };
}

/** The settings as they are stored. A field that did not change keeps its sealed text, so an unreadable one stays as it is until it is set again or cleared. */
export function sealSettings(id: string, settings: IntegrationSettings, secrets: Secrets, before?: OpenedIntegration, cleared: ReadonlySet<SealedField> = new Set()): IntegrationSettings {
  const tls = { ...settings.connection.tls };
  const stored = before?.document.connection.tls;
  for (const field of SEALED_FIELDS) {
    const plain = tls[field];
    const unchanged = before !== undefined && !cleared.has(field) && plain === before.settings.connection.tls[field] && stored?.[field] !== undefined;
    if (unchanged) tls[field] = stored[field];
    else if (plain === undefined) delete tls[field];
    else tls[field] = secrets.seal(plain, secretContext(id, field));
  }
  return { ...settings, connection: { ...settings.connection, tls } };
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
