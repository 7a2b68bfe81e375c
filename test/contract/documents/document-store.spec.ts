import { embeddedTestUri } from '../../support/documents.js';
import { documentStoreContract } from './document-store.contract.js';

documentStoreContract({ name: 'embedded', uri: embeddedTestUri });
/** Further servers, separated by blanks. */
for (const uri of (process.env['TIDEGATE_TEST_MONGODB_URI'] ?? '').split(/\s+/).filter(Boolean)) documentStoreContract({ name: uri.replace(/\/\/[^@/]*@/, '//'), uri: () => uri });
