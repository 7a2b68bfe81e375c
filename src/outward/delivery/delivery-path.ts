import type { Renderer } from '../../contracts/format.js';
import type { Target, Transport } from '../../contracts/transport.js';
import type { Failure } from '../../model/failure.js';
import { formatFor } from '../formats/index.js';
import type { EngineIntegration } from '../integrations/integration-repository.js';
import { transportFor } from '../transports/index.js';
import { shapeOf, type Shape } from './shape.js';
import { targetOf } from './target.js';

/** All that it takes to bring the events of one integration to its receiver. */
export interface DeliveryPath {
  transport: Transport;
  target: Target;
  shape: Shape;
  renderer: Renderer;
}

/**
 * The way to a receiver, or why there is none. A secret that cannot be opened is a fault, never a reason to go on without it: a missing trust anchor
 * would be replaced by the system's, a missing client certificate by none. Never throws for data.
 */
export function deliveryPathOf(integration: EngineIntegration, machineHostname: string): DeliveryPath | Failure {
  if (integration.secretsUnreadable !== undefined) {
    return unusable(integration.protocol === 'tls' ? 'tls' : 'connect', integration.secretsUnreadable, 'Restore the key file that sealed them (TIDEGATE_SECRET_KEY_FILE) and restart, or set the secrets and certificates of this integration again.');
  }
  try {
    const shape = shapeOf(integration, machineHostname);
    return { transport: transportFor(integration.protocol), target: targetOf(integration), shape, renderer: formatFor(integration.outputType).compile(shape.format) };
  } catch (error) {
    return unusable('connect', `the stored settings cannot be used: ${error instanceof Error ? error.message : String(error)}`, 'Change the settings of this integration.');
  }
}

function unusable(stage: Failure['stage'], cause: string, fix: string): Failure {
  return { code: 'settings-invalid', stage, cause, fix, needsPerson: true };
}
