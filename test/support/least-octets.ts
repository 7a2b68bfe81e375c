import type { OutputType } from '../../src/model/integration.js';

/** The smallest message limit at which every event can still be sent in its least form behind any header (docs/reference/formats.md, "Beyond the message limit"). */
export function leastOctets(outputType: OutputType): number {
  return outputType === 'ocsf' || outputType === 'ecs' ? 1400 : 480;
}
