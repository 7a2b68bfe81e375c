import { z } from 'zod';
import type { ProblemItem } from '../../platform/http/problem.js';
import { KIND_NAMES, type KindName } from '../directory-kind.js';
import { LIST_NAMES, type RowPlace } from './import-rows.js';

const counts = z.object({ created: z.int(), changed: z.int(), unchanged: z.int(), refused: z.int() });
const refusal = z.object({
  kind: z.enum(KIND_NAMES),
  pointer: z.string().optional().meta({ description: 'Where it stands in a JSON body.' }),
  line: z.int().optional().meta({ description: 'Line of a CSV file, from 1.' }),
  name: z.string().nullable().meta({ description: 'Its natural key, where one could be read.' }),
  errors: z.array(z.object({ pointer: z.string().meta({ description: 'Place within the record.' }), message: z.string() })),
});

export const importReport = z.object({
  importId: z.string().meta({ description: 'Also the correlation id of its audit records.' }),
  identities: counts,
  applications: counts,
  entitlements: counts,
  accounts: counts,
  entitlementsLearned: z.int().meta({ description: 'Added to the catalogue because an account holds them.' }),
  accountsUncorrelated: z.int().meta({ description: 'Accounts of this import that no identity was found for.' }),
  refused: z.array(refusal).meta({ description: 'At most directory.importRefusals of them; the counts tell all.' }),
});
export type ImportReport = z.output<typeof importReport>;
export type ImportEnd = 'created' | 'changed' | 'unchanged';

/** Counts what became of each record. */
export class ImportTally {
  entitlementsLearned = 0;
  accountsUncorrelated = 0;
  private readonly counts: Record<KindName, z.output<typeof counts>> = { identity: zero(), application: zero(), entitlement: zero(), account: zero() };
  private readonly refused: ImportReport['refused'] = [];

  constructor(
    private readonly importId: string,
    private readonly mostRefusals: number,
  ) {}

  stored(kind: KindName, end: ImportEnd): void {
    this.counts[kind][end] += 1;
  }

  refuse(kind: KindName, place: RowPlace, name: string | null, errors: ProblemItem[]): void {
    this.counts[kind].refused += 1;
    if (this.refused.length < this.mostRefusals) this.refused.push({ kind, ...place, name, errors });
  }

  report(): ImportReport {
    const { identity, application, entitlement, account } = this.counts;
    // In the order of what was sent, whatever the order of the work.
    const refused = [...this.refused].sort((a, b) => KIND_NAMES.indexOf(a.kind) - KIND_NAMES.indexOf(b.kind) || (a.line ?? indexOf(a.pointer)) - (b.line ?? indexOf(b.pointer)));
    return {
      importId: this.importId, identities: identity, applications: application, entitlements: entitlement, accounts: account, entitlementsLearned: this.entitlementsLearned, accountsUncorrelated: this.accountsUncorrelated, refused,
    };
  }

  /** For the audit record: only what is not zero, for example `{"accounts.created": 3}`. */
  attributes(): Record<string, number> {
    const entries = KIND_NAMES.flatMap((kind) => Object.entries(this.counts[kind]).map(([end, count]): [string, number] => [`${LIST_NAMES[kind]}.${end}`, count]));
    return Object.fromEntries([...entries, ['entitlementsLearned', this.entitlementsLearned] as [string, number]].filter(([, count]) => count > 0));
  }
}

function zero() {
  return { created: 0, changed: 0, unchanged: 0, refused: 0 };
}

function indexOf(pointer: string | undefined): number {
  return Number(pointer?.split('/')[2] ?? 0);
}
