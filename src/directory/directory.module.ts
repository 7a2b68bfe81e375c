import { Module } from '@nestjs/common';
import { AccountChanges } from './account-changes.js';
import { AccountsController } from './accounts.controller.js';
import { ApplicationsController } from './applications.controller.js';
import { ConnectorRegistry } from './connector-registry.js';
import { ConnectorTestService } from './connector-test.service.js';
import { DirectoryKinds } from './directory-kinds.js';
import { DirectoryLeftovers } from './directory-leftovers.js';
import { DirectoryListService } from './directory-list.service.js';
import { DirectoryModels } from './directory-models.js';
import { DirectoryRecords } from './directory-records.service.js';
import { DirectoryService } from './directory.service.js';
import { EntitlementCatalogue } from './entitlement-catalogue.js';
import { EntitlementsController } from './entitlements.controller.js';
import { IdentitiesController } from './identities.controller.js';
import { DirectoryImportController } from './import/directory-import.controller.js';
import { DirectoryImportService } from './import/directory-import.service.js';
import { ReferenceReader } from './references.js';
import { RemovalRules } from './removal-rules.js';

/** What alerts act upon. Needs DocumentStore, AuditRelay, SETTINGS and CLOCK from global modules. */
@Module({
  controllers: [ApplicationsController, IdentitiesController, AccountsController, EntitlementsController, DirectoryImportController],
  providers: [
    DirectoryModels, DirectoryKinds, AccountChanges, DirectoryService, ConnectorRegistry, ConnectorTestService, ReferenceReader, EntitlementCatalogue, DirectoryRecords, DirectoryListService, RemovalRules,
    DirectoryLeftovers, DirectoryImportService,
  ],
  exports: [DirectoryModels, DirectoryService, ConnectorRegistry],
})
export class DirectoryModule {}
