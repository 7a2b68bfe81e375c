import { describe } from '@jest/globals';
import { aggregatingContract } from './aggregating.contract.js';
import { concurrencyContract } from './concurrency.contract.js';
import { indexingContract } from './indexing.contract.js';
import { queryingContract } from './querying.contract.js';
import type { Target } from './target.js';
import { updatingContract } from './updating.contract.js';
import { writingContract } from './writing.contract.js';

/** What Tidegate relies on, whichever server holds its documents. Any difference is a defect of ours. */
export function documentStoreContract(target: Target): void {
  describe(`document store: ${target.name}`, () => {
    writingContract(target);
    updatingContract(target);
    queryingContract(target);
    indexingContract(target);
    aggregatingContract(target);
    concurrencyContract(target);
  });
}
