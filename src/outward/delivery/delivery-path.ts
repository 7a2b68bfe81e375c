import type { Renderer } from '../../contracts/format.js';
import type { Target, Transport } from '../../contracts/transport.js';
import type { Failure } from '../../model/failure.js';
import { isEncrypted, isHttpKind, type IntegrationSettings } from '../../model/integration.js';
import { formatFor } from '../formats/index.js';
import type { EngineIntegration } from '../integrations/integration-repository.js';
import { transportFor } from '../transports/index.js';
import { compileFilter, type CompiledFilter } from './event-filter.js';
import { compileView, renderView, type EventView } from './event-mask.js';
import { shapeOf, type Shape } from './shape.js';
import { targetOf } from './target.js';

/** All that it takes to bring the events of one integration to its receiver. */
export interface DeliveryPath {
  filter: CompiledFilter;
  transport: Transport;
  target: Target;
  shape: Shape;
  renderer: Renderer;
  /** What the integration may see of an event: in dead letters, too. The renderer has it in itself; null when it sees all. */
  view: EventView | null;
  /** How many events share a request, where a chunk is one. */
  batch?: BatchLimits;
}

export interface BatchLimits {
  events: number;
  bytes: number;
  /** How long an event may wait for others. */
  waitMs: number;
}

/**
 * The way to a receiver, or why there is none. A secret that cannot be opened is a fault, never a reason to go on without it: a missing trust anchor
 * would be replaced by the system's, a missing client certificate by none. Never throws for data.
 */
export function deliveryPathOf(integration: EngineIntegration, machineHostname: string): DeliveryPath | Failure {
  if (integration.secretsUnreadable !== undefined) {
    return unusable(isEncrypted(integration) ? 'tls' : 'connect', integration.secretsUnreadable, 'Restore the key file that sealed them (TIDEGATE_SECRET_KEY_FILE) and restart, or set the secrets and certificates of this integration again.');
  }
  try {
    const { batchEvents, batchBytes, batchWaitMs } = integration.connection.http;
    const batch = isHttpKind(integration.protocol) ? { batch: { events: batchEvents, bytes: batchBytes, waitMs: batchWaitMs } } : {};
    return { filter: compileFilter(integration.filter, integration.id), transport: transportFor(integration.protocol), target: { ...targetOf(integration), of: settingsName(integration) }, ...rendererOf(integration, machineHostname), ...batch };
  } catch (error) {
    return unusable('connect', `the stored settings cannot be used: ${error instanceof Error ? error.message : String(error)}`, 'Change the settings of this integration.');
  }
}

/** How events of these settings are written, masks included: the stream, the Test button and the preview all render with it. @throws Error when the settings cannot be used */
export function rendererOf(settings: IntegrationSettings, machineHostname: string): Pick<DeliveryPath, 'shape' | 'view' | 'renderer'> {
  const shape = shapeOf(settings, machineHostname);
  const view = compileView(settings.output);
  return { shape, view, renderer: renderView(formatFor(settings.outputType).compile(shape.format), view) };
}

/** Names the settings of an integration as they stand: `<id>:<version>`. */
export function settingsName({ id, version }: Pick<EngineIntegration, 'id' | 'version'>): string {
  return `${id}:${version}`;
}

function unusable(stage: Failure['stage'], cause: string, fix: string): Failure {
  return { code: 'settings-invalid', stage, cause, fix, needsPerson: true };
}
