import { Module } from '@nestjs/common';
import { AlertsModule } from '../alerts/alerts.module.js';
import { AlertDecisionsController } from './alert-decisions.controller.js';
import { AlertDecisions } from './alert-decisions.service.js';

/** Release and reject; for processes with the role `api`. */
@Module({ imports: [AlertsModule], controllers: [AlertDecisionsController], providers: [AlertDecisions] })
export class AlertDecisionsModule {}
