import { Module } from '@nestjs/common';
import { CampaignsController } from './campaigns.controller.js';
import { Campaigns } from './campaigns.service.js';

/** Reviews of access. Needs DocumentStore, CLOCK and AuditRelay from global modules. */
@Module({ controllers: [CampaignsController], providers: [Campaigns], exports: [Campaigns] })
export class CertificationModule {}
