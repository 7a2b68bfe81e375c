import type { Target } from '../../contracts/transport.js';
import { isEncrypted, parseServerUrl, type IntegrationSettings } from '../../model/integration.js';
import { httpTargetOf } from './http-target.js';

/** Where an integration's bytes go. Secrets are open in it: never log or store it. @throws Error when the stored server URL has no host (REST refuses such a one). */
export function targetOf(settings: IntegrationSettings): Target {
  const url = parseServerUrl(settings.serverUrl);
  if (!url) throw new Error(`the server URL "${settings.serverUrl}" names no host`);
  const { connection } = settings;
  const http = httpTargetOf(settings);
  return {
    host: url.host,
    port: settings.port,
    protocol: settings.protocol,
    framing: settings.framing,
    tls: isEncrypted(settings) ? { ...connection.tls } : undefined,
    ...(http === undefined ? {} : { http }),
    connectTimeoutMs: connection.connectTimeoutMs,
    sendTimeoutMs: connection.sendTimeoutMs,
    settleMs: connection.settleMs,
    linkLifetimeMs: connection.linkLifetimeMs,
    sealIntervalMs: connection.sealIntervalMs,
    relpWindow: settings.protocol === 'relp' ? connection.relp.window : undefined,
  };
}
