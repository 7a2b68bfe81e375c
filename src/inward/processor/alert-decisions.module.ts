import { Module } from '@nestjs/common';
import { AlertsModule } from '../alerts/alerts.module.js';
import { AlertDecisionsController } from './alert-decisions.controller.js';
import { AlertDecisions } from './alert-decisions.service.js';
import { UndoController } from './undo/undo.controller.js';
import { UndoOrders } from './undo/undo-orders.service.js';

/** Release, reject and undo; for processes with the role `api`. */
@Module({ imports: [AlertsModule], controllers: [AlertDecisionsController, UndoController], providers: [AlertDecisions, UndoOrders] })
export class AlertDecisionsModule {}
