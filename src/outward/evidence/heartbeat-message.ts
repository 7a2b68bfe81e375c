/** What one heartbeat tells of one partition. `from` is the first position, `to` the one after the last: together they tile the log. */
export interface PartitionPart {
  partition: number;
  from: number;
  to: number;
  sent: number;
  filtered: number;
  rejected: number;
  lost: number;
  skipped: number;
  /** What the ledger does not remember. */
  unrecorded: number;
  backlog: number;
  /** False where rows of the ledger overlap in a way that tells the sum only: then `sent`, `filtered` and `rejected` are spread over it. */
  exact: boolean;
}

export interface HeartbeatFacts {
  name: string;
  state: string;
  partitions: readonly PartitionPart[];
  types: ReadonlyArray<{ type: string; count: number }>;
  lastError: string | null;
  /** Where one heartbeat is several events: which of how many this is. */
  part?: { number: number; of: number };
}

/** Names are told so far; the event's subject has the whole one. */
const NAME_CHARACTERS = 100;

/** Where attributes have no place (Syslog, CEF, LEEF) the sentence tells all of it: `docs/guides/receipts.md` says how to read it. Counts of a partition are left out where they are 0. */
export function heartbeatMessage({ name, state, partitions, types, lastError, part }: HeartbeatFacts): string {
  const sum = (of: (part: PartitionPart) => number) => partitions.reduce((total, part) => total + of(part), 0);
  const left = sum(({ lost, skipped, unrecorded }) => lost + skipped + unrecorded);
  const clauses = [
    `Heartbeat of ${name.length > NAME_CHARACTERS ? `${name.slice(0, NAME_CHARACTERS).toWellFormed()}...` : name}: ${state}${part ? ` (part ${part.number} of ${part.of})` : ''}`,
    `sent ${sum(({ sent }) => sent)}, filtered ${sum(({ filtered }) => filtered)}, rejected ${sum(({ rejected }) => rejected)}${left > 0 ? `, lost ${sum(({ lost }) => lost)}, skipped ${sum(({ skipped }) => skipped)}, unrecorded ${sum(({ unrecorded }) => unrecorded)}` : ''}, backlog ${sum(({ backlog }) => backlog)}`,
    ...partitions.filter(({ from, to, backlog }) => to > from || backlog > 0).map(partitionText),
  ];
  if (types.length > 0) clauses.push(types.map(({ type, count }) => `${type} ${count}`).join(', '));
  if (lastError !== null) clauses.push(`last error ${lastError}`);
  return clauses.join('; ');
}

const COUNTS = ['filtered', 'rejected', 'lost', 'skipped', 'unrecorded', 'backlog'] as const;

function partitionText(part: PartitionPart): string {
  const counts = COUNTS.filter((count) => part[count] > 0).map((count) => ` ${count} ${part[count]}`);
  return `partition ${part.partition}: ${part.from} to ${part.to} sent ${part.sent}${counts.join('')}${part.exact ? '' : ' inexact'}`;
}
