import { Module } from '@nestjs/common';
import { AccountChanges } from './account-changes.js';
import { ConnectorRegistry } from './connector-registry.js';
import { DirectoryModels } from './directory-models.js';
import { DirectoryService } from './directory.service.js';

/** What alerts act upon. Needs DocumentStore, AuditRelay, SETTINGS and CLOCK from global modules. */
@Module({
  providers: [DirectoryModels, AccountChanges, DirectoryService, ConnectorRegistry],
  exports: [DirectoryModels, DirectoryService, ConnectorRegistry],
})
export class DirectoryModule {}
