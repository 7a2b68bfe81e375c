import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { documentStoreContract } from '../../contract/documents/document-store.contract.js';
import { SECANTUS_FAULTS, type Secantus, secantusOrSkip, startSecantus } from '../../support/secantus.js';

const executable = await secantusOrSkip();

/** An independent implementation agrees with the contract: so the contract says what MongoDB does, not what we do. */
describe.each(['replica-set', 'standalone'] as const)('SecantusDB as a %s', (mode) => {
  if (!executable) {
    it.skip('is not here', () => {});
    return;
  }
  let server: Secantus | undefined;
  beforeAll(async () => {
    server = await startSecantus(executable, mode);
  }, 90_000);
  afterAll(() => server?.stop());
  documentStoreContract({ name: `SecantusDB, ${mode}`, uri: () => (server as Secantus).uri, faults: SECANTUS_FAULTS });
});
