import type { IntegrationSettings } from '../../model/integration.js';
import type { ProblemItem } from '../../platform/http/problem.js';
import { maskFault, REPLAY_MARK } from '../delivery/event-mask.js';

/**
 * Each fault of masks and extra fields with its pointer: what their schema cannot say.
 * @param unreadable secrets that cannot be read: a key that is missing may well be there
 */
export function maskFaults({ output }: IntegrationSettings, unreadable: ReadonlySet<string>): ProblemItem[] {
  const faults: ProblemItem[] = [];
  output.mask.forEach((rule, index) => {
    const message = maskFault(rule);
    if (message !== undefined) faults.push({ pointer: `/output/mask/${index}/field`, message });
    if (output.mask.findIndex(({ field }) => field === rule.field) < index) faults.push({ pointer: `/output/mask/${index}/field`, message: `${rule.field} is masked by another rule before this one` });
  });
  if (output.hashKey === undefined && !unreadable.has('output.hashKey') && output.mask.some(({ action }) => action === 'hash')) faults.push({ pointer: '/output/hashKey', message: 'needed to hash a field: 16 characters or more, for example from openssl rand -base64 32' });
  output.extraFields.forEach(({ name }, index) => {
    if (name.toLowerCase() === REPLAY_MARK) faults.push({ pointer: `/output/extraFields/${index}/name`, message: `"${name}" is the mark of events that a replay sends again; choose another name` });
    if (output.extraFields.findIndex((other) => other.name.toLowerCase() === name.toLowerCase()) < index) faults.push({ pointer: `/output/extraFields/${index}/name`, message: `"${name}" is the name of another extra field` });
  });
  return faults;
}
