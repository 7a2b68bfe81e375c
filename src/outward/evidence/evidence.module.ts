import { Module } from '@nestjs/common';
import { IntakeModule } from '../intake/intake.module.js';
import { IntegrationsModule } from '../integrations/integrations.module.js';
import { DeliveriesController } from './deliveries.controller.js';
import { DeliveriesService } from './deliveries.service.js';
import { EventSearch } from './event-search.js';
import { FilterVersions } from './filter-versions.js';
import { LedgerLookup } from './ledger-lookup.js';

/** Answers what became of an event. Needs DocumentStore, EVENT_LOG, CLOCK and SETTINGS from global modules. */
@Module({ imports: [IntakeModule, IntegrationsModule], controllers: [DeliveriesController], providers: [FilterVersions, LedgerLookup, EventSearch, DeliveriesService] })
export class EvidenceModule {}
